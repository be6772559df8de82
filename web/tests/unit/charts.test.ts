import { describe, expect, test } from 'vitest';
import { gaps, hourTicks, mix } from '../../src/lib/charts/mix';
import { change, dayBars, monthBars, offset, part, selfUse, together } from '../../src/lib/charts/range';
import { add, areaPath, linePath, runs, ticks } from '../../src/lib/charts/shape';
import { toCsv } from '../../src/lib/csv';
import { gaugeFill, gaugeMax } from '../../src/lib/gauge';
import { comparedDate, csvOf, readHistory, seriesOf } from '../../src/lib/history';
import { formatHistoryQuery, parseHistoryQuery, type HistoryQuery } from '../../src/lib/query';

const PLAIN = { solar: true, battery: false, ev: false };
const same = (value: number): number => value;

describe('the stack', () => {
  const day = {
    from: 0,
    step: 300_000,
    solar: [3000, 500, null],
    home: [1000, 1500, 900],
    grid: [-2000, 1000, 900],
    battery: [],
  };

  test('adds up to what the home used, and below to what was sold', () => {
    expect(mix(day, PLAIN)).toMatchObject({ own: [1000, 500, null], bought: [0, 1000, null], sold: [2000, 0, null] });
  });

  test('has a gap wherever something installed is not known', () => {
    expect(mix(day, PLAIN).home).toEqual([1000, 1500, null]);
    expect(mix(day, { ...PLAIN, solar: false }).home[2]).toBe(900);
    expect(mix(day, { ...PLAIN, battery: true }).home).toEqual([null, null, null]);
  });

  test('counts gaps between readings, not the time before the first', () => {
    expect(gaps([null, null, 1, null, null, 2, null, 3, null])).toEqual({ count: 2, steps: 3 });
    expect(gaps([null, null])).toEqual({ count: 0, steps: 0 });
  });
});

describe('drawing', () => {
  test('a line stops at a gap and goes on behind it, and a single step is as wide as it is', () => {
    expect(linePath([1, 2, null, 3], same, same)).toBe('M0.0 1.0L1.0 2.0M2.5 3.0L3.5 3.0');
  });

  test('an area is closed once for each run', () => {
    expect(areaPath([0, 0, null, 0], [1, 1, null, 1], same, same).split('Z')).toHaveLength(3);
    expect(runs([null, 1, 1, null, 1])).toEqual([
      [1, 3],
      [4, 5],
    ]);
  });

  test('a sum with an unknown part is unknown', () => {
    expect(add([1, null, 3], [1, 1, null])).toEqual([2, null, null]);
  });

  test('ticks are round, cover the range and include zero', () => {
    expect(ticks(-2100, 5200)).toEqual([-4000, -2000, 0, 2000, 4000, 6000]);
    expect(ticks(0, 0.4)).toContain(0);
    for (const [low, high] of [
      [0, 1],
      [-730, 12],
      [-12, 98_000],
    ] as const) {
      const marks = ticks(low, high);
      expect(marks[0]).toBeLessThanOrEqual(low);
      expect(marks.at(-1)).toBeGreaterThanOrEqual(high);
      expect(marks.length).toBeLessThan(9);
    }
  });

  test('hours are those of the local clock, also in a half-hour zone and at a clock change', () => {
    const from = Date.parse('2026-06-20T18:30:00Z');
    expect(hourTicks(from, from + 12 * 3_600_000, 'Asia/Kolkata', 6).map((at) => (at - from) / 3_600_000)).toEqual([
      0, 6, 12,
    ]);
    const spring = Date.parse('2026-03-08T08:00:00Z');
    expect(
      hourTicks(spring, spring + 23 * 3_600_000, 'America/Los_Angeles', 6).map((at) => (at - spring) / 3_600_000),
    ).toEqual([0, 5, 11, 17, 23]);
  });
});

describe('gauges', () => {
  test('go up to the rating, unless more was seen', () => {
    expect(gaugeMax(6200, [4000])).toBe(6200);
    expect(gaugeMax(6200, [7000])).toBe(8000);
    expect(gaugeMax(null, [null, -4100], 2000)).toBe(5000);
  });

  test('fill from zero, or from the middle either way', () => {
    expect(gaugeFill(500, 1000, false)).toEqual({ start: 0, length: 0.5 });
    expect(gaugeFill(-1000, 1000, true)).toEqual({ start: 0, length: 0.5 });
    expect(gaugeFill(500, 1000, true)).toEqual({ start: 0.5, length: 0.25 });
    expect(gaugeFill(-50, 1000, false).length).toBe(0);
    expect(gaugeFill(null, 1000, true).length).toBe(0);
    expect(gaugeFill(9000, 1000, false).length).toBe(1);
  });
});

describe('energy of a range', () => {
  const days = [
    { date: '2026-06-01', coverage: 1, solar_kwh: 10, home_kwh: 8, import_kwh: 3, export_kwh: 5 },
    { date: '2026-06-03', coverage: 0.5, solar_kwh: 4, home_kwh: 6 },
  ];

  test('sums what is known and says how much was measured', () => {
    expect(together(days, 4)).toMatchObject({ solar_kwh: 14, import_kwh: 3, coverage: 0.375 });
    expect(together([], 4)).toBeNull();
    expect(together([{ coverage: 1 }], 1)).not.toHaveProperty('solar_kwh');
  });

  test('has a bar for each date, also where nothing is known', () => {
    const bars = dayBars(days, '2026-06-01', '2026-06-04');
    expect(bars.map((bar) => part(bar.figures, 'home'))).toEqual([8, null, 6]);
    expect(bars.map((bar) => part(bar.figures, 'own'))).toEqual([5, null, null]);
    expect(
      monthBars(days, '2026')
        .map((bar) => bar.figures?.solar_kwh ?? null)
        .slice(4, 7),
    ).toEqual([null, 14, null]);
  });

  test('gives ratios, and none where the divisor is zero or unknown', () => {
    const figures = together(days.slice(0, 1), 1);
    expect(selfUse(figures)).toBe(0.5);
    expect(offset(figures)).toBe(0.625);
    expect(selfUse({ coverage: 1, solar_kwh: 0, export_kwh: 0 })).toBeNull();
    expect(offset(null)).toBeNull();
    expect(change(11, 10)).toBeCloseTo(0.1);
    expect(change(11, 0)).toBeNull();
    expect(change(null, 10)).toBeNull();
  });
});

describe('history', () => {
  const query: HistoryQuery = { range: 'month', date: '2026-06-21', compare: 'previous', table: false };

  test('asks for the range and for the one compared with', async () => {
    const asked: unknown[] = [];
    const data = await readHistory(query, 'UTC', 1, {
      days: (params) => {
        asked.push(params);
        return Promise.resolve({ items: [] });
      },
      history: () => Promise.reject(new Error('not for a month')),
    });
    expect(asked).toEqual([
      { from: '2026-06-01', to: '2026-07-01' },
      { from: '2026-05-01', to: '2026-06-01' },
    ]);
    expect(data.total).toBeNull();
    expect(data.bars).toHaveLength(30);
  });

  test('a week a year ago is 52 weeks ago, with the same weekdays', () => {
    expect(comparedDate({ ...query, range: 'week', compare: 'last_year' })).toBe('2025-06-22');
    expect(comparedDate({ ...query, compare: 'off' })).toBeNull();
  });

  test('rows that the appliance left out are gaps, and rows outside the day are not shown', () => {
    const series = seriesOf(
      [
        { timestamp: '2026-06-21T00:05:00Z', samples: 300, coverage: 1, quality: 'ok', home_kw: 0.4 },
        { timestamp: '2026-06-22T00:00:00Z', samples: 300, coverage: 1, quality: 'ok', home_kw: 9 },
      ],
      Date.parse('2026-06-21T00:00:00Z'),
      Date.parse('2026-06-22T00:00:00Z'),
    );
    expect(series.home).toHaveLength(288);
    expect(series.home.slice(0, 3)).toEqual([null, 400, null]);
    expect(series.home.at(-1)).toBeNull();
  });

  test('saves what is on screen, with unknown as an empty cell', () => {
    const bars = dayBars([{ date: '2026-06-01', coverage: 1, solar_kwh: 10 }], '2026-06-01', '2026-06-02');
    const text = csvOf({ query, bars, days: bars, then: [], total: null, thenTotal: null, day: null });
    expect(text.split('\r\n')[1]).toBe('2026-06-01,10,,,,,,1');
  });

  test('the address survives being read and written', () => {
    for (const range of ['day', 'week', 'month', 'year'] as const) {
      for (const compare of ['off', 'previous', 'last_year'] as const) {
        const full = { range, compare, date: '2026-02-28', table: true };
        expect(parseHistoryQuery(formatHistoryQuery(full), '2026-06-21')).toEqual(full);
      }
    }
  });

  test.each(['?range=decade&date=2026-02-30&compare=x', '', '?date=2027-01-01'])(
    'an address that means nothing (%s) shows today',
    (search) => {
      expect(parseHistoryQuery(search, '2026-06-21')).toEqual({
        range: 'day',
        date: '2026-06-21',
        compare: 'off',
        table: false,
      });
    },
  );
});

test('a CSV cell is quoted where it must be and never runs as a formula', () => {
  expect(toCsv(['a'], [['x,"y"'], ['=1+1'], [null], [-1.5], [NaN]])).toBe(
    'a\r\n"x,""y"""\r\n\'=1+1\r\n\r\n-1.5\r\n\r\n',
  );
});
