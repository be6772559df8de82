// What the history page shows, as it stands in the address: shareable, and right after a reload.

import { isDate, type RangeKind } from './time';

export type Compare = 'off' | 'previous' | 'last_year';

export interface HistoryQuery {
  readonly range: RangeKind;
  readonly date: string;
  readonly compare: Compare;
  readonly table: boolean;
}

const RANGES: readonly RangeKind[] = ['day', 'week', 'month', 'year'];
const COMPARES: readonly Compare[] = ['off', 'previous', 'last_year'];

const oneOf = <T extends string>(known: readonly T[], text: string | null, fallback: T): T =>
  known.find((value) => value === text) ?? fallback;

/** Reads an address; anything unknown or impossible becomes its default, a date ahead of today becomes today. */
export function parseHistoryQuery(search: string, today: string): HistoryQuery {
  const params = new URLSearchParams(search);
  const date = params.get('date') ?? '';
  return {
    range: oneOf(RANGES, params.get('range'), 'day'),
    date: isDate(date) && date <= today ? date : today,
    compare: oneOf(COMPARES, params.get('compare'), 'off'),
    table: params.get('view') === 'table',
  };
}

/** The address of a query, without what is default. */
export function formatHistoryQuery(query: HistoryQuery): string {
  const params = new URLSearchParams({ range: query.range, date: query.date });
  if (query.compare !== 'off') params.set('compare', query.compare);
  if (query.table) params.set('view', 'table');
  return `?${params.toString()}`;
}
