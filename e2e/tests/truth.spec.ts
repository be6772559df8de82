/** What the appliance says equals what the simulated meter sent, to the meter's resolution. */
import { expect, test } from '@playwright/test';
import { Home } from '../home';

interface Reply {
  wall: string;
  points: Record<string, { value: number; sent?: number }>;
}
interface Truth {
  replies: Reply[];
  energy: { solar_kwh?: number; import_kwh: number; export_kwh: number };
  bus: { gap_violations: number; requests: number };
}
interface Latest {
  timestamp: string;
  quality: unknown;
  [field: string]: unknown;
}

/**
 * What the meter sent in answer to the requests of the poll that began at `timestamp`. The first poll asks for powers
 * before everything else and then again with it: the first answer is the one of that instant.
 */
function sentIn(truth: Truth, timestamp: string): Record<string, number> {
  const from = Date.parse(timestamp) - 60;
  const sent: Record<string, number> = {};
  for (const reply of truth.replies) {
    const at = Date.parse(reply.wall);
    if (at < from || at > from + 900) continue;
    for (const [point, said] of Object.entries(reply.points)) if (said.sent !== undefined) sent[point] ??= said.sent;
  }
  return sent;
}

test('every number of the appliance is the number that the meter sent', async () => {
  const home = await Home.start();
  try {
    const seen: Latest[] = [];
    while (seen.length < 12) {
      const latest = await home.get<Latest>('/api/latest');
      if (latest.solar_kw !== undefined && latest.timestamp !== seen.at(-1)?.timestamp) seen.push(latest);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    const truth = await home.truth<Truth>();
    for (const latest of seen) {
      const sent = sentIn(truth, latest.timestamp);
      // The API rounds to 10 mV, 1 mA, 10 mHz and 0.1 W: half a step is the most it may be off.
      const expected: Record<string, [value: number, step: number]> = {
        voltage_l1: [sent.v_l1!, 0.01],
        voltage_l2: [sent.v_l2!, 0.01],
        current_l1: [sent.i_l1!, 0.001],
        current_l2: [sent.i_l2!, 0.001],
        frequency: [sent.f!, 0.01],
        grid_kw: [(sent.p_l1! + sent.p_l2!) / 1000, 0.0001],
        solar_kw: [(2 * sent.p_l3!) / 1000, 0.0001],
        home_kw: [(sent.p_l1! + sent.p_l2! + 2 * sent.p_l3!) / 1000, 0.0001],
      };
      for (const [field, [value, step]] of Object.entries(expected)) {
        const off = Math.abs((latest[field] as number) - value);
        expect(off, `${field} at ${latest.timestamp}: ${latest[field]}, the meter sent ${value}`).toBeLessThan(0.51 * step);
      }
      expect(latest.quality, latest.timestamp).toBe('ok');
    }
    expect(truth.bus.gap_violations, 'requests after less than 3.5 characters of silence').toBe(0);
  } finally {
    await home.stop();
  }
});

test('the ledger counts what the home moved', async () => {
  const home = await Home.start();
  try {
    const at = async () => ({ truth: (await home.truth<Truth>()).energy, latest: await home.get<Latest>('/api/latest') });
    await expect.poll(async () => (await home.get<Latest>('/api/latest')).import_kwh_total).toBeDefined();
    const before = await at();
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    const after = await at();
    for (const flow of ['import', 'export', 'solar'] as const) {
      const [field, total] = [`${flow}_kwh` as const, `${flow}_kwh_total`];
      const truly = after.truth[field]! - before.truth[field]!;
      const counted = (after.latest[total] as number) - (before.latest[total] as number);
      // A sample more or less at either end: two seconds of at most 12 kW are 7 Wh.
      expect(Math.abs(counted - truly), `${flow}: counted ${counted}, truly ${truly} kWh`).toBeLessThan(0.007);
    }
  } finally {
    await home.stop();
  }
});
