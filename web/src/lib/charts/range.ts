// Energy of days and months as bars, totals and changes. Pure; kWh.

import type { Figures } from '../api/types';
import { datesBetween } from '../time';

/** One bar: a day or a month. `null` parts are not known. */
export interface Bar {
  /** `YYYY-MM-DD` or `YYYY-MM`. */
  readonly key: string;
  readonly figures: Figures | null;
}

export type Part = 'own' | 'stored' | 'bought' | 'sold' | 'charging' | 'home' | 'solar';

/** A part of a bar; `null` when it is not known. */
export function part(figures: Figures | null, name: Part): number | null {
  if (!figures) return null;
  const { home_kwh, import_kwh, battery_discharge_kwh } = figures;
  const known: Record<Exclude<Part, 'own'>, number | undefined> = {
    stored: battery_discharge_kwh,
    bought: import_kwh,
    sold: figures.export_kwh,
    charging: figures.battery_charge_kwh,
    home: home_kwh,
    solar: figures.solar_kwh,
  };
  if (name !== 'own') return known[name] ?? null;
  if (home_kwh === undefined || import_kwh === undefined) return null;
  return Math.max(0, home_kwh - import_kwh - (battery_discharge_kwh ?? 0));
}

const ENERGIES = [
  'solar_kwh',
  'home_kwh',
  'import_kwh',
  'export_kwh',
  'battery_charge_kwh',
  'battery_discharge_kwh',
] as const;

/** Several days as one. What no day knows stays unknown; coverage counts missing days as not measured. */
export function together(days: readonly Figures[], expected: number): Figures | null {
  if (days.length === 0) return null;
  const sums: Partial<Record<(typeof ENERGIES)[number], number>> = {};
  for (const name of ENERGIES) {
    const known = days.map((day) => day[name]).filter((kwh) => kwh !== undefined);
    if (known.length > 0) sums[name] = known.reduce((a, b) => a + b, 0);
  }
  const peaks = days.map((day) => day.peak_demand_kw).filter((kw) => kw !== undefined);
  const saved = days.map((day) => day.savings).filter((savings) => savings !== undefined);
  const currency = saved[0]?.currency;
  return {
    ...sums,
    coverage: days.reduce((total, day) => total + day.coverage, 0) / Math.max(expected, days.length),
    ...(peaks.length > 0 ? { peak_demand_kw: Math.max(...peaks) } : {}),
    ...(currency === undefined ? {} : { savings: { amount: saved.reduce((a, b) => a + b.amount, 0), currency } }),
  };
}

/** (made - sold) / made; `null` without production. */
export function selfUse(figures: Figures | null): number | null {
  const { solar_kwh: made, export_kwh: sold } = figures ?? {};
  return made === undefined || sold === undefined || made <= 0 ? null : (made - sold) / made;
}

/** (made - sold) / used; `null` without consumption. */
export function offset(figures: Figures | null): number | null {
  const { solar_kwh: made, export_kwh: sold, home_kwh: used } = figures ?? {};
  return made === undefined || sold === undefined || used === undefined || used <= 0 ? null : (made - sold) / used;
}

interface Dated extends Figures {
  readonly date: string;
}

/** One bar per date, also for dates without data. */
export function dayBars(days: readonly Dated[], first: string, end: string): Bar[] {
  const known = new Map(days.map((day) => [day.date, day]));
  return datesBetween(first, end).map((date) => ({ key: date, figures: known.get(date) ?? null }));
}

/** One bar per month of a year. */
export function monthBars(days: readonly Dated[], year: string): Bar[] {
  return Array.from({ length: 12 }, (_, index) => {
    const key = `${year}-${String(index + 1).padStart(2, '0')}`;
    const mine = days.filter((day) => day.date.startsWith(key));
    return { key, figures: together(mine, mine.length) };
  });
}

/** Relative change; `null` when there is nothing sound to compare with. */
export function change(now: number | null | undefined, then: number | null | undefined): number | null {
  return now === null || now === undefined || then === null || then === undefined || then <= 0 ? null : now / then - 1;
}
