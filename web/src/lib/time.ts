// Local days, weeks, months and years of a site, whatever zone the browser is in.
//
// Pure: instants are epoch milliseconds, dates are `YYYY-MM-DD` in the site's IANA zone. A day is 23, 24 or 25 hours.

const HOUR = 3_600_000;

export type RangeKind = 'day' | 'week' | 'month' | 'year';

/** `[from, to)` in epoch milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const dateFormats = new Map<string, Intl.DateTimeFormat>();

/** A cached formatter in a zone; an unknown zone falls back to UTC instead of breaking the page. */
export function zoned(locale: string, timeZone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale}|${timeZone}|${JSON.stringify(options)}`;
  let format = dateFormats.get(key);
  if (!format) {
    try {
      format = new Intl.DateTimeFormat(locale, { ...options, timeZone });
    } catch {
      format = new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' });
    }
    dateFormats.set(key, format);
  }
  return format;
}

/** The local date of an instant. */
export function localDate(instant: number, timeZone: string): string {
  const options = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
  const parts = zoned('en-CA', timeZone, options).formatToParts(instant);
  const part = (type: string): string => parts.find((p) => p.type === type)?.value ?? '';
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
}

/** The first instant of a local date, also where midnight does not exist that day. */
export function startOfDay(date: string, timeZone: string): number {
  const guess = Date.parse(`${date}T00:00:00Z`);
  let before = guess - 20 * HOUR;
  let after = guess + 20 * HOUR;
  while (after - before > 60_000) {
    const middle = Math.floor((before + after) / 120_000) * 60_000;
    if (localDate(middle, timeZone) < date) before = middle;
    else after = middle;
  }
  return after;
}

/** Whether a text is a calendar date that exists. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const instant = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(instant) && new Date(instant).toISOString().startsWith(text);
}

/** A date some days on. */
export function addDays(date: string, days: number): string {
  const instant = new Date(`${date}T00:00:00Z`);
  instant.setUTCDate(instant.getUTCDate() + days);
  return instant.toISOString().slice(0, 10);
}

/** A date some months on; the 31st becomes the last day of a shorter month. */
export function addMonths(date: string, months: number): string {
  const instant = new Date(`${date}T00:00:00Z`);
  const day = instant.getUTCDate();
  instant.setUTCDate(1);
  instant.setUTCMonth(instant.getUTCMonth() + months);
  const last = new Date(Date.UTC(instant.getUTCFullYear(), instant.getUTCMonth() + 1, 0)).getUTCDate();
  instant.setUTCDate(Math.min(day, last));
  return instant.toISOString().slice(0, 10);
}

/** First date of the range that contains `date`. `weekStart`: 1 Monday to 7 Sunday. */
export function rangeStart(kind: RangeKind, date: string, weekStart = 1): string {
  if (kind === 'day') return date;
  if (kind === 'month') return `${date.slice(0, 7)}-01`;
  if (kind === 'year') return `${date.slice(0, 4)}-01-01`;
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay() || 7;
  return addDays(date, -((weekday - weekStart + 7) % 7));
}

/** The date one range earlier (-1) or later (+1). */
export function shift(kind: RangeKind, date: string, steps: number): string {
  if (kind === 'day') return addDays(date, steps);
  if (kind === 'week') return addDays(date, 7 * steps);
  return addMonths(date, kind === 'month' ? steps : 12 * steps);
}

/** Dates of the range, first included, last excluded. */
export function rangeDates(kind: RangeKind, date: string, weekStart = 1): { first: string; end: string } {
  const first = rangeStart(kind, date, weekStart);
  return { first, end: shift(kind, first, 1) };
}

/** The range as instants in the site's zone. */
export function rangeSpan(kind: RangeKind, date: string, timeZone: string, weekStart = 1): Span {
  const { first, end } = rangeDates(kind, date, weekStart);
  return { from: startOfDay(first, timeZone), to: startOfDay(end, timeZone) };
}

/** Every date of a range, in order. */
export function datesBetween(first: string, end: string): string[] {
  const dates: string[] = [];
  for (let date = first; date < end; date = addDays(date, 1)) dates.push(date);
  return dates;
}

/** First day of the week where the language is read: 7 in the US, 1 in most of Europe. */
export function weekStartOf(locale: string): number {
  type WithWeek = Intl.Locale & { getWeekInfo?: () => { firstDay: number }; weekInfo?: { firstDay: number } };
  const known = new Intl.Locale(locale) as WithWeek;
  return known.getWeekInfo?.().firstDay ?? known.weekInfo?.firstDay ?? 1;
}

/** "14:35", in the site's zone and the reader's habit. */
export const formatClock = (instant: number, locale: string, timeZone: string): string =>
  zoned(locale, timeZone, { hour: 'numeric', minute: '2-digit' }).format(instant);

/** "21 Jun 2026, 14:35:02". */
export const formatMoment = (instant: number, locale: string, timeZone: string): string =>
  zoned(locale, timeZone, { dateStyle: 'medium', timeStyle: 'medium' }).format(instant);

/** The time alone while it is clear which day is meant, else with the date. */
export const formatRecent = (instant: number, now: number, locale: string, timeZone: string): string =>
  localDate(instant, timeZone) === localDate(now, timeZone)
    ? zoned(locale, timeZone, { timeStyle: 'medium' }).format(instant)
    : formatMoment(instant, locale, timeZone);

/** A calendar date (no zone involved). */
export const formatDate = (date: string, locale: string, options: Intl.DateTimeFormatOptions): string =>
  zoned(locale, 'UTC', options).format(Date.parse(`${date}T00:00:00Z`));
