import { describe, expect, test } from 'vitest';
import { crossing, fullScale, layout, QUIET_W, sideHeight, split } from '../../src/lib/flow';
import type { Flow, Installed } from '../../src/lib/live/model';

const ALL: Installed = { solar: true, battery: true, ev: true };
const PLAIN: Installed = { solar: true, battery: false, ev: false };
const flow = (part: Partial<Flow>): Flow => ({ solar: 0, home: 0, grid: 0, battery: 0, ev: 0, ...part });
const drawn = (part: Partial<Flow>, has = PLAIN): string[] =>
  split(flow(part), has).ribbons.map(({ from, to, watts }) => `${from}>${to} ${Math.round(watts)}`);

describe('what comes in is divided among what goes out', () => {
  test('the home is served by the roof first, and the rest is sold', () => {
    expect(drawn({ solar: 1600, home: 414, grid: -1186 })).toEqual(['solar>home 414', 'solar>export 1186']);
  });

  test('bought power covers what the roof does not', () => {
    expect(drawn({ solar: 500, home: 1400, grid: 900 })).toEqual(['solar>home 500', 'import>home 900']);
  });

  test('own power is stored before it is sold', () => {
    expect(drawn({ solar: 5000, home: 1000, battery: -2000, grid: -2000 }, ALL)).toEqual([
      'solar>home 1000',
      'solar>battery 2000',
      'solar>export 2000',
    ]);
  });

  test('the car is a part of the home and is told apart', () => {
    expect(drawn({ solar: 3000, home: 4000, grid: 1000, ev: 3600 }, ALL)).toEqual([
      'solar>home 400',
      'solar>ev 2600',
      'import>ev 1000',
    ]);
  });

  test('a battery may sell', () => {
    expect(drawn({ battery: 3000, home: 1000, grid: -2000 }, ALL)).toEqual([
      'battery>home 1000',
      'battery>export 2000',
    ]);
  });

  test('both sides are equal for thousands of homes', () => {
    let seed = 7;
    const random = (limit: number): number => {
      seed = (seed * 16_807) % 2_147_483_647;
      return (seed / 2_147_483_647) * limit;
    };
    for (let round = 0; round < 3000; round += 1) {
      const solar = random(9000);
      const battery = random(8000) - 4000;
      const home = random(9000);
      const parts = split(flow({ solar, battery, home, grid: home - solar - battery, ev: random(home) }), ALL);
      const sum = (list: readonly { watts: number | null }[]): number => list.reduce((a, b) => a + (b.watts ?? 0), 0);
      expect(parts.unexplained).toBe(0);
      expect(Math.abs(sum(parts.ribbons) - sum(parts.sources))).toBeLessThan(4 * QUIET_W);
      expect(Math.abs(sum(parts.ribbons) - sum(parts.sinks))).toBeLessThan(4 * QUIET_W);
    }
  });
});

describe('what is not known or cannot be', () => {
  test('an unknown roof leaves the flow undivided instead of invented', () => {
    const parts = split(flow({ solar: null, home: null, grid: 800 }), PLAIN);
    expect(parts.state).toBe('partial');
    expect(parts.ribbons).toEqual([]);
    expect(parts.sources).toContainEqual({ id: 'solar', watts: null });
  });

  test('a roof that is not installed is not missed', () => {
    expect(split(flow({ solar: null, home: 800, grid: 800 }), { ...PLAIN, solar: false }).state).toBe('whole');
  });

  test('an unknown car leaves the home whole', () => {
    expect(drawn({ home: 800, grid: 800, ev: null }, ALL)).toEqual(['import>home 800']);
  });

  test('a home that gives power keeps its impossible value in sight', () => {
    const parts = split(flow({ solar: 1500, home: -600, grid: -2100 }), PLAIN);
    expect(parts.sinks[0]).toEqual({ id: 'home', watts: -600 });
    expect(parts.sources.map((end) => end.id)).toContain('unexplained');
    expect(parts.unexplained).toBe(-600);
  });

  test('a mismatch above ten percent is shown, one below is rounding', () => {
    expect(split(flow({ solar: 1000, home: 800, grid: 0 }), PLAIN).unexplained).toBe(200);
    expect(split(flow({ solar: 1000, home: 950, grid: 0 }), PLAIN).unexplained).toBe(0);
  });

  test('less than 15 W is not drawn, but the home stays', () => {
    const parts = split(flow({ solar: 14, home: 8, grid: -6 }), PLAIN);
    expect(parts.state).toBe('idle');
    expect(parts.sinks.map((end) => end.id)).toEqual(['home']);
  });
});

describe('the picture', () => {
  const frame = { height: 260, full: 176, minNode: 56, gap: 12 };

  test('thickness is proportional to watts', () => {
    const { bands } = layout(split(flow({ solar: 4000, home: 1000, grid: -3000 }), PLAIN), frame);
    expect((bands[1]?.thickness ?? 0) / (bands[0]?.thickness ?? 1)).toBeCloseTo(3);
  });

  test('every node and ribbon stays inside the figure, whatever flows', () => {
    for (const watts of [20, 300, 499, 501, 2999, 12_000, 70_000]) {
      const parts = split(
        flow({ solar: watts, home: watts * 0.4, battery: -watts * 0.3, grid: -watts * 0.3, ev: watts * 0.2 }),
        ALL,
      );
      const height = sideHeight(4, frame);
      const picture = layout(parts, { ...frame, height });
      for (const box of [...picture.sources, ...picture.sinks]) {
        expect(box.y).toBeGreaterThanOrEqual(0);
        expect(box.y + box.height).toBeLessThanOrEqual(height + 0.01);
      }
      for (const band of picture.bands) {
        const box = picture.sinks.find((end) => end.id === band.to);
        expect(band.y1).toBeGreaterThanOrEqual((box?.y ?? 0) - 1.01);
        expect(band.y1 + band.thickness).toBeLessThanOrEqual((box?.y ?? 0) + (box?.height ?? 0) + 1.01);
      }
    }
  });

  test('the scale moves in round steps, so that widths keep their meaning', () => {
    expect([20, 500, 501, 1600, 5300, 9000].map(fullScale)).toEqual([500, 500, 600, 2000, 6000, 10_000]);
  });
});

test('a mark crosses in 6 s at 30 W and in 1.2 s at 10 kW, and slow always means little', () => {
  expect(crossing(30)).toBeCloseTo(6);
  expect(crossing(10_000)).toBeCloseTo(1.2);
  expect(crossing(5)).toBe(6);
  expect(crossing(40_000)).toBeCloseTo(1.2);
  for (let watts = 30; watts < 10_000; watts *= 1.3) expect(crossing(watts * 1.3)).toBeLessThan(crossing(watts));
});
