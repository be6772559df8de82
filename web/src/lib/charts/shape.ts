// From numbers to SVG paths: scales, round ticks, stacked areas with gaps. Pure.

export interface Scale {
  readonly min: number;
  readonly max: number;
  /** Pixel of a value. */
  (value: number): number;
}

export function scale(min: number, max: number, from: number, to: number): Scale {
  const span = max - min || 1;
  return Object.assign((value: number) => from + ((value - min) / span) * (to - from), { min, max });
}

/** Round values that cover `[min, max]`, about `count` of them, zero always included. */
export function ticks(min: number, max: number, count = 4): number[] {
  const rough = Math.max(max - min, 1e-9) / count;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * decade).find((size) => size >= rough) ?? 10 * decade;
  const values: number[] = [];
  for (let at = Math.floor(min / step + 1e-9); at <= Math.ceil(max / step - 1e-9); at += 1) values.push(at * step);
  return values;
}

export type Column = readonly (number | null)[];

/** Element-wise sum; unknown where any part is. */
export const add = (a: Column, b: Column): (number | null)[] =>
  a.map((value, index) => {
    const other = b[index] ?? null;
    return value === null || other === null ? null : value + other;
  });

export const negate = (a: Column): (number | null)[] => a.map((value) => (value === null ? null : -value));

/** Runs of known values as `[start, end)`. */
export function runs(values: Column): [number, number][] {
  const found: [number, number][] = [];
  let start = -1;
  for (let index = 0; index <= values.length; index += 1) {
    const known = index < values.length && values[index] !== null;
    if (known && start < 0) start = index;
    if (!known && start >= 0) {
      found.push([start, index]);
      start = -1;
    }
  }
  return found;
}

const at = (n: number): string => n.toFixed(1);

/** A line that is interrupted in gaps. A single known value becomes a short dash. */
export function linePath(values: Column, x: (index: number) => number, y: (value: number) => number): string {
  return runs(values)
    .map(([start, end]) => {
      const points: string[] = [];
      for (let index = start; index < end; index += 1) points.push(`${at(x(index))} ${at(y(values[index] ?? 0))}`);
      return end - start === 1 ? `M${points[0] ?? ''}h1` : `M${points.join('L')}`;
    })
    .join('');
}

/** The area between two columns, one closed piece per run. */
export function areaPath(
  low: Column,
  high: Column,
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  return runs(high)
    .map(([start, end]) => {
      const upper: string[] = [];
      const lower: string[] = [];
      for (let index = start; index < end; index += 1) {
        upper.push(`${at(x(index))} ${at(y(high[index] ?? 0))}`);
        lower.unshift(`${at(x(index))} ${at(y(low[index] ?? 0))}`);
      }
      return `M${upper.join('L')}L${lower.join('L')}Z`;
    })
    .join('');
}

/** Nothing to draw: a layer that is zero everywhere costs a path and shows a hair. */
export const isFlat = (values: Column): boolean => values.every((value) => value === null || Math.abs(value) < 1e-6);
