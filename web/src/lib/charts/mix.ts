// The last 24 hours as a stack: up, what the home used and where it came from; down, what left the home.
//
// Pure. A step in which any installed quantity is unknown is a gap in every column.

import type { DaySeries, Installed } from '../live/model';
import { QUIET_W } from '../flow';
import { zoned } from '../time';

/** Watts; every column has one entry per step, all of them `null` in a gap. */
export interface Mix {
  /** Start of each step, epoch ms. */
  readonly times: readonly number[];
  readonly own: readonly (number | null)[];
  readonly stored: readonly (number | null)[];
  readonly bought: readonly (number | null)[];
  readonly sold: readonly (number | null)[];
  readonly charging: readonly (number | null)[];
  readonly home: readonly (number | null)[];
  readonly solar: readonly (number | null)[];
}

export const COLUMNS = ['own', 'stored', 'bought', 'sold', 'charging', 'home', 'solar'] as const;
export type Column = (typeof COLUMNS)[number];

type Step = Record<Column, number>;

const positive = (watts: number): number => Math.max(0, watts);

/** One step; `null` when something that is installed is not known. */
export function mixStep(day: DaySeries, index: number, has: Installed): Step | null {
  const home = day.home[index] ?? null;
  const grid = day.grid[index] ?? null;
  const solar = has.solar ? (day.solar[index] ?? null) : 0;
  const battery = has.battery ? (day.battery[index] ?? null) : 0;
  if (home === null || grid === null || solar === null || battery === null) return null;
  const used = positive(home);
  const bought = Math.min(positive(grid), used);
  const stored = Math.min(positive(battery), used - bought);
  return {
    own: used - bought - stored,
    stored,
    bought,
    sold: positive(-grid),
    charging: positive(-battery),
    home: used,
    solar: solar < QUIET_W ? 0 : solar,
  };
}

export function mix(day: DaySeries, has: Installed): Mix {
  const count = Math.max(day.home.length, day.grid.length, day.solar.length);
  const steps = Array.from({ length: count }, (_, index) => mixStep(day, index, has));
  const column = (name: Column): (number | null)[] => steps.map((step) => step?.[name] ?? null);
  return {
    times: steps.map((_, index) => day.from + index * day.step),
    own: column('own'),
    stored: column('stored'),
    bought: column('bought'),
    sold: column('sold'),
    charging: column('charging'),
    home: column('home'),
    solar: column('solar'),
  };
}

/** Gaps between the first and the last known step: before the first there was nothing to miss. */
export function gaps(values: readonly (number | null)[]): { count: number; steps: number } {
  const first = values.findIndex((value) => value !== null);
  const last = values.findLastIndex((value) => value !== null);
  let count = 0;
  let steps = 0;
  for (let index = first + 1; index < last; index += 1) {
    if (values[index] !== null) continue;
    steps += 1;
    if (values[index - 1] !== null) count += 1;
  }
  return { count, steps };
}

/** Instants at which the local clock shows a whole hour that is a multiple of `every`, also in half-hour zones. */
export function hourTicks(from: number, to: number, timeZone: string, every: number): number[] {
  const half = 1_800_000;
  const clock = zoned('en-GB', timeZone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const ticks: number[] = [];
  for (let at = Math.ceil(from / half) * half; at <= to; at += half) {
    const [hour, minute] = clock.format(at).split(':').map(Number);
    if (minute === 0 && hour !== undefined && hour % every === 0) ticks.push(at);
  }
  return ticks;
}
