/** Faults on the bus become flags, never numbers; and everything comes back by itself. */
import { expect, test } from '@playwright/test';
import { Home } from '../home';

interface Health {
  modbus_status: string;
  last_snapshot_age_sec: number | null;
  errors: { code: string; subject: string; message: string }[];
}

const codes = async (home: Home) => (await home.get<Health>('/api/health')).errors.map((flag) => flag.code);

test('a meter that falls silent is said to be silent, and its return is noticed', async () => {
  const home = await Home.start();
  try {
    await expect.poll(async () => (await home.get<Health>('/api/health')).modbus_status).toBe('ok');
    await home.faults([{ kind: 'no_reply', seconds: 12 }]);
    await expect.poll(() => codes(home)).toContain('meter_not_responding');
    await expect.poll(() => codes(home)).toContain('data_stale');
    await expect.poll(() => codes(home), { timeout: 40_000 }).not.toContain('meter_not_responding');
    expect((await home.get<Health>('/api/health')).modbus_status).toBe('ok');
  } finally {
    await home.stop();
  }
});

test('an adapter that is unplugged comes back under another name', async () => {
  const home = await Home.start();
  try {
    await expect.poll(async () => (await home.get<Health>('/api/health')).modbus_status).toBe('ok');
    await home.faults([{ kind: 'unplug', seconds: 8 }]);
    await expect.poll(() => codes(home)).toContain('meter_not_responding');
    await expect.poll(() => codes(home), { timeout: 40_000 }).not.toContain('meter_not_responding');
  } finally {
    await home.stop();
  }
});

test('a mixture of bus faults hands out no wrong number', async () => {
  const home = await Home.start();
  try {
    const kinds = ['crc', 'truncated', 'doubled', 'garbage', 'wrong_unit'];
    const faults = [{ kind: 'delay', ms: 200 }, ...kinds.map((kind) => ({ kind }))];
    await home.faults(faults.map((fault) => ({ ...fault, probability: 0.05, seconds: 25 })));
    const wrong: string[] = [];
    for (let sample = 0; sample < 150; sample++) {
      const latest = await home.get<Record<string, number>>('/api/latest').catch(() => ({}) as Record<string, number>);
      // A simulated home of this kind stays well inside these; a swapped block or half a float does not.
      const { voltage_l1: v1, frequency: f, home_kw: used } = latest;
      if (v1 !== undefined && (v1 < 110 || v1 > 130)) wrong.push(`voltage ${v1}`);
      if (f !== undefined && (f < 59 || f > 61)) wrong.push(`frequency ${f}`);
      if (used !== undefined && (used < -0.2 || used > 25)) wrong.push(`home ${used}`);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    expect(wrong).toEqual([]);
  } finally {
    await home.stop();
  }
});
