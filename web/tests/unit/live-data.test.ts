import { describe, expect, test } from 'vitest';
import { DayBuffer } from '../../src/lib/live/day';
import { decodeBoot, decodeMessage, decodeSnapshot } from '../../src/lib/live/decode';
import type { DaySeries, Flow } from '../../src/lib/live/model';

const STEP = 300_000;
const NOW = Date.parse('2026-06-21T12:02:00Z');
const flow = (home: number | null): Flow => ({ solar: null, home, grid: null, battery: null, ev: null });

describe('a snapshot on the wire', () => {
  const wire = {
    timestamp: '2026-06-21T12:00:00.250Z',
    seq: 7,
    quality: 'ok',
    solar_kw: 1.6,
    grid_kw: -1.186,
    home_kw: 0.414,
  };

  test('becomes watts, and what is absent is unknown, not zero', () => {
    expect(decodeSnapshot(wire)).toMatchObject({
      seq: 7,
      doubts: [],
      flow: { solar: 1600, grid: -1186, home: 414, battery: null, ev: null },
    });
  });

  test.each([null, 'much', [], {}, true])('a power that is no number (%s) is unknown', (solar_kw) => {
    expect(decodeSnapshot({ ...wire, solar_kw })?.flow.solar).toBeNull();
  });

  test('keeps the reasons for doubt', () => {
    expect(decodeSnapshot({ ...wire, quality: ['ct_reversed', 7] })?.doubts).toEqual(['ct_reversed']);
  });

  test('without a time is none', () => {
    expect(decodeSnapshot({ ...wire, timestamp: 'soon' })).toBeNull();
    expect(decodeSnapshot(undefined)).toBeNull();
  });
});

describe('a greeting', () => {
  const hello = {
    type: 'hello',
    seq: 0,
    ts: '2026-06-21T12:02:00Z',
    version: '2.0.0',
    site: { name: 'Oak Street 5', timezone: 'America/Los_Angeles', has: { solar: true }, nameplate_kw: 6.2 },
    errors: [
      { code: 'ct_reversed', subject: 'main_l2', severity: 'high', since: '2026-06-21T11:00:00Z', message: 'x' },
      { no: 'code' },
      3,
    ],
    today: {
      date: '2026-06-21',
      solar_kwh: 3,
      self_consumption: null,
      coverage: 1,
      savings: { amount: 2, currency: 'USD' },
    },
    day: { from: '2026-06-20T12:05:00Z', step_s: 300, solar_kw: [1, null, 'x'], home_kw: [], grid_kw: [] },
  };

  test('is read whole, and broken list entries are left out', () => {
    const message = decodeMessage(JSON.stringify(hello));
    expect(message).toMatchObject({
      type: 'hello',
      snapshot: null,
      site: { name: 'Oak Street 5', nameplate: 6200, has: { solar: true, battery: false, ev: false } },
      flags: [{ code: 'ct_reversed', severity: 'high' }],
      today: { solar: 3, home: null, savings: { amount: 2, currency: 'USD' } },
      day: { solar: [1000, null, null], step: STEP },
    });
  });

  test('of a newer appliance with a message that this page does not know is skipped', () => {
    expect(decodeMessage(JSON.stringify({ type: 'weather', seq: 1, ts: '2026-06-21T12:02:00Z' }))).toBeNull();
  });
});

test('a page that was served without data starts without', () => {
  expect(decodeBoot('')).toBeNull();
  expect(decodeBoot('{"version":"2.0.0"}')).toBeNull();
  expect(decodeBoot('{"ts":"2026-06-21T12:02:00Z","version":"2.0.0"}')).toMatchObject({
    version: '2.0.0',
    snapshot: null,
  });
});

describe('the last 24 hours', () => {
  const day = (home: (number | null)[]): DaySeries => {
    const from = Math.floor(NOW / STEP) * STEP + STEP - 86_400_000;
    return { from, step: STEP, solar: [], home, grid: [], battery: [] };
  };
  const full = (): (number | null)[] => Array.from({ length: 288 }, () => 1000);

  test('go on with the mean of the step that the server had begun', () => {
    const buffer = new DayBuffer(day(full()), NOW);
    // The server saw 120 s of 1000 W; one second of 1121 W moves the mean by one watt.
    buffer.push(NOW, flow(1121));
    expect(buffer.series().home.at(-1)).toBeCloseTo(1001);
  });

  test('begin a new step when its time has come, and drop the oldest', () => {
    const buffer = new DayBuffer(day([500, ...full().slice(1)]), NOW);
    buffer.push(NOW + STEP, flow(200));
    const series = buffer.series();
    expect(series.home).toHaveLength(288);
    expect(series.home[0]).toBe(1000);
    expect(series.home.at(-1)).toBe(200);
    expect(series.from).toBe(day([]).from + STEP);
  });

  test('show a step without a reading as a gap', () => {
    const buffer = new DayBuffer(day(full()), NOW);
    buffer.push(NOW + 3 * STEP, flow(200));
    expect(buffer.series().home.slice(-4)).toEqual([1000, null, null, 200]);
  });

  test('move on without readings too', () => {
    const buffer = new DayBuffer(day(full()), NOW);
    buffer.advance(NOW + 2 * 86_400_000);
    expect(buffer.series().home.every((watts) => watts === null)).toBe(true);
    expect(buffer.series().home).toHaveLength(288);
  });

  test('ignore a reading from before their last step and one that is not known', () => {
    const buffer = new DayBuffer(day(full()), NOW);
    buffer.push(NOW - STEP, flow(9000));
    buffer.push(NOW, flow(null));
    expect(buffer.series().home.at(-1)).toBe(1000);
  });

  test('are filled up with gaps when the server sends less', () => {
    expect(new DayBuffer(day([700]), NOW).series().home.slice(0, 3)).toEqual([700, null, null]);
    expect(
      DayBuffer.empty(NOW)
        .series()
        .home.every((watts) => watts === null),
    ).toBe(true);
  });
});
