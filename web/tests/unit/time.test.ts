import { describe, expect, test } from 'vitest';
import {
  addMonths,
  datesBetween,
  isDate,
  localDate,
  rangeDates,
  rangeSpan,
  shift,
  startOfDay,
  zoned,
} from '../../src/lib/time';

const HOUR = 3_600_000;
const iso = (instant: number): string => new Date(instant).toISOString();

describe('a local day', () => {
  test.each([
    ['2026-06-21', 'America/Los_Angeles', '2026-06-21T07:00:00.000Z', 24],
    ['2026-03-08', 'America/Los_Angeles', '2026-03-08T08:00:00.000Z', 23],
    ['2026-11-01', 'America/Los_Angeles', '2026-11-01T07:00:00.000Z', 25],
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z', 23],
    ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z', 25],
    ['2026-06-21', 'Asia/Kolkata', '2026-06-20T18:30:00.000Z', 24],
    ['2026-06-21', 'Pacific/Kiritimati', '2026-06-20T10:00:00.000Z', 24],
    ['2026-04-05', 'Australia/Lord_Howe', '2026-04-04T13:00:00.000Z', 24.5],
  ])('%s in %s begins at %s and has %d hours', (date, zone, begin, hours) => {
    const { from, to } = rangeSpan('day', date, zone);
    expect(iso(from)).toBe(begin);
    expect((to - from) / HOUR).toBe(hours);
  });

  test('begins at one o’clock where the clocks skip midnight', () => {
    expect(iso(startOfDay('2026-09-06', 'America/Santiago'))).toBe('2026-09-06T04:00:00.000Z');
  });

  test.each(['America/Los_Angeles', 'Europe/Berlin', 'Asia/Kathmandu', 'UTC'])(
    'of a whole year in %s joins the next without hole or overlap',
    (zone) => {
      for (const date of datesBetween('2026-01-01', '2027-01-01')) {
        const start = startOfDay(date, zone);
        expect(localDate(start, zone)).toBe(date);
        expect(localDate(start - 1, zone) < date).toBe(true);
      }
    },
  );
});

test('a zone that the browser does not know falls back to UTC', () => {
  expect(localDate(Date.parse('2026-06-21T23:59:00Z'), 'Not/AZone')).toBe('2026-06-21');
  expect(zoned('en', 'Not/AZone', { hour: '2-digit' })).toBeDefined();
});

describe('ranges', () => {
  test('a week begins on the reader’s first weekday', () => {
    expect(rangeDates('week', '2026-06-21', 1)).toEqual({ first: '2026-06-15', end: '2026-06-22' });
    expect(rangeDates('week', '2026-06-21', 7)).toEqual({ first: '2026-06-21', end: '2026-06-28' });
  });

  test('a month and a year end before the first day of the next', () => {
    expect(rangeDates('month', '2028-02-29')).toEqual({ first: '2028-02-01', end: '2028-03-01' });
    expect(rangeDates('year', '2026-06-21')).toEqual({ first: '2026-01-01', end: '2027-01-01' });
  });

  test('a step from the 31st lands on the last day of a shorter month', () => {
    expect(addMonths('2026-03-31', -1)).toBe('2026-02-28');
    expect(shift('year', '2028-02-29', -1)).toBe('2027-02-28');
    expect(shift('week', '2026-01-03', -1)).toBe('2025-12-27');
  });
});

test.each([
  ['2026-02-29', false],
  ['2028-02-29', true],
  ['2026-13-01', false],
  ['21.06.2026', false],
  ['', false],
])('%s is a date: %s', (text, real) => {
  expect(isDate(text)).toBe(real);
});
