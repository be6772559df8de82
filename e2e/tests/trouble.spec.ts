/** Mistakes of people: a typo, a second daemon, a disk that is full of something else. */
import { expect, test } from '@playwright/test';
import { Home } from '../home';

const flags = async (home: Home) =>
  (await home.get<{ errors: { code: string; message: string }[] }>('/api/health')).errors;

test('a typo in the configuration leaves the last good one running, and is named', async () => {
  const home = await Home.start();
  try {
    await home.killAppliance('SIGTERM');
    await home.edit('meter.yaml', (text) => text.replace('profile: eastron-sdm630', 'profil: eastron-sdm630'));
    await home.startAppliance();
    const invalid = (await flags(home)).find((flag) => flag.code === 'config_invalid');
    expect(invalid?.message).toContain('config check');
    expect(await home.get<Record<string, number>>('/api/latest')).toHaveProperty('solar_kw');
  } finally {
    await home.stop();
  }
});

test('a second daemon in the same folder says who is there and ends', async () => {
  const home = await Home.start();
  try {
    const second = await home.secondAppliance();
    expect(second.code).toBe(1);
    expect(second.said).toContain('is in use by another solthrived');
    expect(second.said).toContain(`pid ${home.pid}`);
    expect(await home.get<{ modbus_status: string }>('/api/health')).toMatchObject({ modbus_status: 'ok' });
  } finally {
    await home.stop();
  }
});

test('a three-phase home on Modbus TCP works like any other', async () => {
  const home = await Home.start({
    profile: 'gavazzi-em24-ethernet',
    tcp: true,
    simulator: ['--service', 'three-phase'],
    service: 'three_phase',
    channels: [
      '{role: main_l1, meter: main, input: l1}',
      '{role: main_l2, meter: main, input: l2}',
      '{role: main_l3, meter: main, input: l3}',
    ],
  });
  try {
    const latest = await home.get<Record<string, number>>('/api/latest');
    for (const leg of ['l1', 'l2', 'l3']) {
      expect(latest[`voltage_${leg}`], leg).toBeGreaterThan(207);
      expect(latest[`voltage_${leg}`], leg).toBeLessThan(253);
    }
    const { replies } = await home.truth<{ replies: { points: Record<string, { sent?: number }> }[] }>();
    const sent = replies.map((reply) => reply.points).filter((points) => points.p_l3?.sent !== undefined);
    const sums = sent.map((points) => (points.p_l1!.sent! + points.p_l2!.sent! + points.p_l3!.sent!) / 1000);
    expect(sums.some((sum) => Math.abs(sum - latest.grid_kw!) < 0.0002), `${latest.grid_kw} among ${sums}`).toBe(true);
  } finally {
    await home.stop();
  }
});
