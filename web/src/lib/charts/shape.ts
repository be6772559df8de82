// From numbers to SVG paths: scales, round ticks, stacked areas with gaps. Pure.

/** Pixel of a value. */
export type Scale = (value: number) => number;

export function scale(min: number, max: number, from: number, to: number): Scale {
  const span = max - min || 1;
  return (value) => from + ((value - min) / span) * (to - from);
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

/** Where a run is drawn: at its steps' middles; a single step as wide as it is, so that it can be seen. */
const places = (start: number, end: number): { x: number; index: number }[] =>
  end - start === 1
    ? [
        { x: start - 0.5, index: start },
        { x: start + 0.5, index: start },
      ]
    : Array.from({ length: end - start }, (_, offset) => ({ x: start + offset, index: start + offset }));

/** A line that is interrupted in gaps. `x` also takes halves between two steps. */
export const linePath = (values: Column, x: (index: number) => number, y: (value: number) => number): string =>
  runs(values)
    .map(([start, end]) => places(start, end).map((place) => `${at(x(place.x))} ${at(y(values[place.index] ?? 0))}`))
    .map((points) => `M${points.join('L')}`)
    .join('');

/** The area between two columns, one closed piece per run. */
export function areaPath(
  low: Column,
  high: Column,
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  const edge = (column: Column, run: { x: number; index: number }[]): string[] =>
    run.map((place) => `${at(x(place.x))} ${at(y(column[place.index] ?? 0))}`);
  return runs(high)
    .map(([start, end]) => places(start, end))
    .map((run) => `M${edge(high, run).join('L')}L${edge(low, run).reverse().join('L')}Z`)
    .join('');
}

/** Nothing to draw: a layer that is zero everywhere costs a path and shows a hair. */
export const isFlat = (values: Column): boolean => values.every((value) => value === null || Math.abs(value) < 1e-6);
