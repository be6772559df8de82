// The last 24 hours as means per step, kept up to date from snapshots so that the chart needs no further request.
//
// The server's series is the truth at `hello`; snapshots then extend the step in progress. A step without a sample is a gap.

import type { DaySeries, Flow } from './model';

export const SERIES = ['solar', 'home', 'grid', 'battery'] as const;
type Series = (typeof SERIES)[number];

interface Running {
  sum: number;
  count: number;
}

/** Series that all have `length` entries; shorter ones are filled up with gaps. */
type Columns = Record<Series, (number | null)[]>;

export class DayBuffer {
  #from: number;
  readonly #step: number;
  readonly #length: number;
  readonly #columns: Columns;
  #running = new Map<Series, Running>();

  /** `now` is the appliance's clock: it says how much of the last step the server has seen already. */
  constructor(day: DaySeries, now: number) {
    this.#from = day.from;
    this.#step = day.step;
    this.#length = Math.max(1, Math.round(86_400_000 / day.step));
    const column = (name: Series): (number | null)[] =>
      Array.from({ length: this.#length }, (_, index) => day[name][index] ?? null);
    this.#columns = { solar: column('solar'), home: column('home'), grid: column('grid'), battery: column('battery') };
    this.advance(now);
    const seen = Math.max(1, Math.round((now - this.#lastStart) / 1000));
    for (const name of SERIES) {
      const mean = this.#columns[name].at(-1) ?? null;
      if (mean !== null) this.#running.set(name, { sum: mean * seen, count: seen });
    }
  }

  /** A series that starts empty and fills from snapshots, for an appliance without history. */
  static empty(now: number): DayBuffer {
    const step = 300_000;
    const from = Math.floor(now / step) * step + step - 86_400_000;
    return new DayBuffer({ from, step, solar: [], home: [], grid: [], battery: [] }, now);
  }

  get #lastStart(): number {
    return this.#from + (this.#length - 1) * this.#step;
  }

  push(at: number, flow: Flow): void {
    if (at < this.#lastStart) return;
    this.advance(at);
    for (const name of SERIES) {
      const value = flow[name];
      if (value === null) continue;
      const running = this.#running.get(name) ?? { sum: 0, count: 0 };
      running.sum += value;
      running.count += 1;
      this.#running.set(name, running);
      this.#columns[name][this.#length - 1] = running.sum / running.count;
    }
  }

  /** Moves the window so that `at` falls into its last step. */
  advance(at: number): void {
    const steps = Math.floor((at - this.#lastStart) / this.#step);
    if (steps <= 0) return;
    const fresh = Math.min(steps, this.#length);
    for (const name of SERIES) {
      const column = this.#columns[name];
      column.splice(0, fresh);
      while (column.length < this.#length) column.push(null);
    }
    this.#from += steps * this.#step;
    this.#running = new Map();
  }

  series(): DaySeries {
    const { solar, home, grid, battery } = this.#columns;
    return {
      from: this.#from,
      step: this.#step,
      solar: [...solar],
      home: [...home],
      grid: [...grid],
      battery: [...battery],
    };
  }
}
