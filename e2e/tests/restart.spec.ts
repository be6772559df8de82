/** Power cuts: totals go on, nothing is counted twice, the page comes back by itself. */
import { expect, test } from '@playwright/test';
import { Home } from '../home';

test.setTimeout(150_000);

test('totals survive a power cut and never fall', async () => {
  const home = await Home.start();
  try {
    const total = async () => (await home.get<Record<string, number>>('/api/latest')).solar_kwh_total ?? 0;
    await expect.poll(total).toBeGreaterThan(0);
    // The totals are stored with each minute of the clock: just after one, a power cut costs a few seconds.
    const untilStored = 60_000 - (Date.now() % 60_000) + 5_000;
    await new Promise((resolve) => setTimeout(resolve, untilStored));
    const stored = await total();
    await home.killAppliance('SIGKILL');
    await home.startAppliance();
    await expect.poll(total).toBeGreaterThan(stored - 0.02);
    const events = await home.get<{ errors: { code: string }[] }>('/api/health');
    expect(events.errors.map((flag) => flag.code)).toContain('service_crash');
  } finally {
    await home.stop();
  }
});
