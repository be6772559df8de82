// Fetches what the history page shows and puts it into one shape, whatever the range.
//
// The request function is handed in; the rest is pure.

import type { Answer, DailySummary, Figures, HistoryRow, Parameters } from './api/types';
import { dayBars, monthBars, part, together, type Bar } from './charts/range';
import { toCsv, type Cell } from './csv';
import type { DaySeries } from './live/model';
import type { HistoryQuery } from './query';
import { rangeDates, rangeSpan, shift } from './time';

export interface HistoryData {
  readonly query: HistoryQuery;
  /** One bar per day, or per month of a year; for a day, the day. */
  readonly bars: readonly Bar[];
  /** One bar per day of the range. */
  readonly days: readonly Bar[];
  /** Bars of the time compared with, in the same order; empty without comparison. */
  readonly then: readonly Bar[];
  readonly total: Figures | null;
  readonly thenTotal: Figures | null;
  /** Power of a single day. */
  readonly day: DaySeries | null;
}

/** Where the data comes from. */
export interface Reader {
  days(params: Parameters<'/api/days'>): Promise<Answer<'/api/days'>>;
  history(params: Parameters<'/api/history'>): Promise<Answer<'/api/history'>>;
}

const STEP_MS = 300_000;

/** The date that stands for the time compared with. */
export function comparedDate(query: HistoryQuery): string | null {
  if (query.compare === 'off') return null;
  if (query.compare === 'previous') return shift(query.range, query.date, -1);
  // A week is compared with the same weekdays, 52 weeks before.
  return query.range === 'week' ? shift('week', query.date, -52) : shift('year', query.date, -1);
}

export async function readHistory(
  query: HistoryQuery,
  zone: string,
  weekStart: number,
  read: Reader,
): Promise<HistoryData> {
  const other = comparedDate(query);
  const days = async (date: string): Promise<DailySummary[]> => {
    const { first, end } = rangeDates(query.range, date, weekStart);
    return (await read.days({ from: first, to: end })).items;
  };
  const [mine, theirs, day] = await Promise.all([
    days(query.date),
    other === null ? [] : days(other),
    query.range === 'day' ? readDay(query.date, zone, read) : null,
  ]);
  const bars = barsOf(query, query.date, mine, weekStart);
  const { first, end } = rangeDates(query.range, query.date, weekStart);
  return {
    query,
    bars,
    days: dayBars(mine, first, end),
    then: other === null ? [] : barsOf(query, other, theirs, weekStart),
    total: together(mine.filter(isMeasured), Math.max(1, mine.length)),
    thenTotal: together(theirs.filter(isMeasured), Math.max(1, theirs.length)),
    day,
  };
}

/** A day of which nothing is known says so by its coverage. */
const isMeasured = (figures: Figures): boolean => figures.coverage > 0 || figures.home_kwh !== undefined;

function barsOf(query: HistoryQuery, date: string, days: readonly DailySummary[], weekStart: number): Bar[] {
  const { first, end } = rangeDates(query.range, date, weekStart);
  return query.range === 'year' ? monthBars(days, first.slice(0, 4)) : dayBars(days, first, end);
}

async function readDay(date: string, zone: string, read: Reader): Promise<DaySeries> {
  const { from, to } = rangeSpan('day', date, zone);
  const rows = await read.history({
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    resolution: '5m',
  });
  return seriesOf(rows, from, to);
}

/** Rows on a regular grid; what the appliance left out is a gap. */
export function seriesOf(rows: readonly HistoryRow[], from: number, to: number): DaySeries {
  const count = Math.round((to - from) / STEP_MS);
  const blank = (): (number | null)[] => Array.from({ length: count }, () => null);
  const series = { from, step: STEP_MS, solar: blank(), home: blank(), grid: blank(), battery: blank() };
  for (const row of rows) {
    const index = Math.floor((Date.parse(row.timestamp) - from) / STEP_MS);
    if (!(index >= 0 && index < count)) continue;
    const watts = (kw: number | undefined): number | null => (kw === undefined ? null : kw * 1000);
    series.solar[index] = watts(row.solar_kw);
    series.home[index] = watts(row.home_kw);
    series.grid[index] = watts(row.grid_kw);
    series.battery[index] = watts(row.battery_kw);
  }
  return series;
}

/** The figures compared with; `null` when nothing is compared or nothing is known. */
export const compared = (data: HistoryData): Figures | null => (data.query.compare === 'off' ? null : data.thenTotal);

const DAY_HEADER = ['time', 'solar_kw', 'home_kw', 'grid_kw', 'battery_kw'];
const RANGE_HEADER = [
  'date',
  'made_kwh',
  'used_kwh',
  'bought_kwh',
  'sold_kwh',
  'stored_kwh',
  'from_storage_kwh',
  'coverage',
];

/** What is on screen, with names and numbers that scripts can read. */
export function csvOf(data: HistoryData): string {
  if (data.day) {
    const { day } = data;
    const kw = (watts: number | null | undefined): Cell => (watts == null ? null : Math.round(watts) / 1000);
    const rows = day.home.map((_, index): Cell[] => [
      new Date(day.from + index * day.step).toISOString(),
      kw(day.solar[index]),
      kw(day.home[index]),
      kw(day.grid[index]),
      kw(day.battery[index]),
    ]);
    return toCsv(DAY_HEADER, rows);
  }
  const rows = data.days.map(({ key, figures }): Cell[] => [
    key,
    part(figures, 'solar'),
    part(figures, 'home'),
    part(figures, 'bought'),
    part(figures, 'sold'),
    part(figures, 'charging'),
    part(figures, 'stored'),
    figures?.coverage ?? null,
  ]);
  return toCsv(RANGE_HEADER, rows);
}
