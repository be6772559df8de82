// A home for looking at pages: a day of sun and use that is the same each time, and the odd situations a page must survive.

/**
 * @typedef {object} Scene
 * @property {string} now Wall time of the appliance.
 * @property {boolean} [solar] Installed; default yes.
 * @property {boolean} [battery]
 * @property {boolean} [ev]
 * @property {boolean} [noSnapshot] Nothing was ever read.
 * @property {boolean} [frozen] Readings stop after the first.
 * @property {boolean} [deaf] The stream refuses connections.
 * @property {boolean} [failing] Every API request ends in an error.
 * @property {string[]} [without] Fields that are not known.
 * @property {Record<string, number>} [pin] Fields that are as given.
 * @property {Omit<import('../src/lib/api/types').FlagEvent, 'ts' | 'state'>[]} [flags]
 * @property {{ state: import('../src/lib/api/types').CloudStatus['state'], message?: string, since?: number, contact?: number | null, delivery?: Partial<NonNullable<import('../src/lib/api/types').CloudStatus['delivery']>> }} [cloud] `since` and `contact` in seconds ago.
 * @property {[number, number][]} [holes] Gaps in the last 24 hours, as hours ago.
 */

/** @type {Record<string, Scene>} */
export const SCENES = {
  sunny: { now: '2026-06-21T18:20:00Z' },
  evening: {
    now: '2026-06-22T02:40:00Z',
    holes: [
      [9, 7.5],
      [3, 2.8],
    ],
  },
  battery: { now: '2026-06-21T19:05:00Z', battery: true, ev: true },
  night: { now: '2026-06-22T06:30:00Z', battery: true, ev: true },
  backlog: {
    now: '2026-06-21T18:20:00Z',
    cloud: {
      state: 'unreachable',
      message: 'the name api.solthrive.cloud is not found: is there internet, and does DNS work?',
      since: 72_000,
      contact: 72_180,
      delivery: {
        waiting_rows: 4812,
        given_up_rows: 3,
        lost_rows: 120,
        ahead_rows: 2,
        failures: 261,
        next_try_s: 214,
        clock_ahead_s: -95.4,
      },
    },
  },
  unregistered: {
    now: '2026-06-21T18:20:00Z',
    noSnapshot: true,
    cloud: {
      state: 'not_registered',
      message: 'Nobody has registered this appliance to a home yet.',
      since: 600,
      contact: null,
      delivery: { waiting_rows: 40, failures: 4, next_try_s: 55 },
    },
  },
  local: { now: '2026-06-21T18:20:00Z', cloud: { state: 'off' } },
  grid: { now: '2026-06-21T18:20:00Z', solar: false },
  empty: { now: '2026-06-21T18:20:00Z', noSnapshot: true },
  unknown: { now: '2026-06-21T18:20:00Z', without: ['solar_kw', 'home_kw', 'current_pv'] },
  stale: {
    now: '2026-06-21T18:20:00Z',
    frozen: true,
    flags: [
      {
        code: 'meter_not_responding',
        subject: 'main',
        severity: 'high',
        message:
          'meter `main` (unit 1 on /dev/ttyUSB0) has not answered 14 requests in a row; last good reading 14 s ago',
      },
      { code: 'data_stale', subject: '', severity: 'high', message: 'no complete snapshot for 14 s' },
    ],
  },
  offline: { now: '2026-06-21T18:20:00Z', deaf: true },
  failing: { now: '2026-06-21T18:20:00Z', failing: true },
  ct: {
    now: '2026-06-21T18:20:00Z',
    pin: { home_kw: -0.6, grid_kw: -2.1, solar_kw: 1.5 },
    flags: [
      {
        code: 'ct_reversed',
        subject: 'main_l2',
        severity: 'high',
        message:
          'CT 2 (main_l2) may be on backwards: 92 % sure. 214 of 232 load steps on this leg ran against its sign; the home would use -0.6 kW',
      },
      {
        code: 'clock_unsynced',
        subject: '',
        severity: 'warning',
        message: 'the operating system does not report a synchronised clock',
      },
      {
        code: 'counter_glitch',
        subject: 'main',
        severity: 'info',
        message: 'import counter fell from 1204.51 to 0 kWh and came back in the next poll',
      },
    ],
  },
  outage: {
    now: '2026-06-21T18:20:00Z',
    battery: true,
    pin: { voltage_l1: 0, voltage_l2: 0, grid_kw: 0, solar_kw: 1.7, home_kw: 0.5, battery_kw: -1.2 },
  },
};

const ZONE = 'America/Los_Angeles';

/** @param {number} seed */
const noise = (seed) => {
  const wave = Math.sin(seed * 12.9898) * 43758.5453;
  return wave - Math.floor(wave);
};

/** @param {number} at */
function localHour(at) {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: ZONE,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
    .format(at)
    .split(':');
  return Number(parts[0]) + Number(parts[1]) / 60;
}

/** @param {number} kw */
const round = (kw) => Math.round(kw * 1000) / 1000;

/**
 * Power at an instant, in kW.
 * @param {Scene} scene
 * @param {number} at
 */
export function flowAt(scene, at) {
  const hour = localHour(at);
  const slot = Math.floor(at / 300_000);
  const cloud = 1 - 0.55 * Math.max(0, noise(Math.floor(slot / 3)) - 0.55);
  const wobble = 1 + 0.02 * Math.sin(at / 7000);
  const sun = Math.max(0, Math.sin(((hour - 6) / 14) * Math.PI)) ** 1.4;
  const solar = scene.solar === false ? 0 : 5.4 * sun * cloud * wobble;
  const meals = 1.6 * Math.exp(-(((hour - 7.5) / 0.8) ** 2)) + 2.1 * Math.exp(-(((hour - 18.8) / 1.2) ** 2));
  const fridge = noise(Math.floor(slot / 4) + 7) > 0.6 ? 0.14 : 0;
  const ev = scene.ev && hour > 11 && hour < 13.5 ? 3.6 : 0;
  const home = (0.31 + meals + fridge + 0.05 * noise(slot)) * wobble + ev;
  let battery = 0;
  if (scene.battery)
    battery = solar > home ? -Math.min(2.2, solar - home) : hour > 17 || hour < 2 ? Math.min(2.5, home - solar) : 0;
  return {
    solar: round(solar),
    home: round(home),
    battery: round(battery),
    ev: round(ev),
    grid: round(home - solar - battery),
  };
}

/**
 * @param {Scene} scene
 * @param {number} at
 * @param {number} seq
 */
export function latest(scene, at, seq) {
  const flow = flowAt(scene, at);
  /** @type {Record<string, unknown>} */
  const body = {
    timestamp: new Date(at).toISOString(),
    seq,
    quality: scene.flags?.length ? scene.flags.map((flag) => flag.code) : 'ok',
    voltage_l1: 121.2,
    voltage_l2: 120.7,
    frequency: 60.01,
    pf: 0.97,
    power_total: Math.round(flow.grid * 1000),
    ...(scene.solar === false ? {} : { solar_kw: flow.solar }),
    home_kw: flow.home,
    grid_kw: flow.grid,
    ...(scene.battery ? { battery_kw: flow.battery } : {}),
    ...(scene.ev ? { ev_kw: flow.ev } : {}),
    channels: {},
    ...scene.pin,
  };
  const without = scene.without ?? [];
  return Object.fromEntries(Object.entries(body).filter(([field]) => !without.includes(field)));
}

/**
 * @param {Scene} scene
 * @param {number} from
 * @param {number} to
 */
export function figures(scene, from, to) {
  const sum = { solar: 0, home: 0, import: 0, export: 0, charge: 0, discharge: 0, ev: 0 };
  for (let at = from; at < to; at += 300_000) {
    const flow = flowAt(scene, at);
    sum.solar += flow.solar / 12;
    sum.home += flow.home / 12;
    sum.import += Math.max(0, flow.grid) / 12;
    sum.export += Math.max(0, -flow.grid) / 12;
    sum.charge += Math.max(0, -flow.battery) / 12;
    sum.discharge += Math.max(0, flow.battery) / 12;
    sum.ev += flow.ev / 12;
  }
  const none = to <= from;
  /** @param {number} a @param {number} b */
  const ratio = (a, b) => (b > 0 ? round(a / b) : null);
  const saved = (sum.home - sum.import) * 0.31 + sum.export * 0.08;
  return {
    ...(none
      ? {}
      : {
          ...(scene.solar === false ? {} : { solar_kwh: round(sum.solar) }),
          home_kwh: round(sum.home),
          import_kwh: round(sum.import),
          export_kwh: round(sum.export),
          ...(scene.battery
            ? { battery_charge_kwh: round(sum.charge), battery_discharge_kwh: round(sum.discharge) }
            : {}),
          ...(scene.ev ? { ev_kwh: round(sum.ev) } : {}),
          peak_demand_kw: 3.42,
          savings: {
            amount: round(saved),
            currency: 'USD',
            inputs: {
              home_kwh: round(sum.home),
              import_kwh: round(sum.import),
              export_kwh: round(sum.export),
              import_rate: 0.31,
              export_rate: 0.08,
            },
          },
        }),
    self_consumption: ratio(sum.solar - sum.export, sum.solar),
    solar_offset: ratio(sum.solar - sum.export, sum.home),
    self_sufficiency: ratio(sum.home - sum.import, sum.home),
    coverage: none ? 0 : scene.holes ? 0.93 : 1,
  };
}

/** @param {number} at */
export const dateOf = (at) => new Intl.DateTimeFormat('en-CA', { timeZone: ZONE }).format(at);

/** Start of a local date; good enough for a zone seven or eight hours behind. @param {string} date */
export function dayStart(date) {
  const guess = Date.parse(`${date}T07:00:00Z`);
  return dateOf(guess) === date && localHour(guess) === 0 ? guess : guess + 3_600_000;
}

/** @param {string} date @param {number} days */
export const addDays = (date, days) =>
  new Date(Date.parse(`${date}T12:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);

/** @param {Scene} scene @param {number} now */
export const today = (scene, now) => ({
  date: dateOf(now),
  ...figures(scene, scene.noSnapshot ? now : dayStart(dateOf(now)), now),
});

/** @param {Scene} scene @param {number} now */
export function daySeries(scene, now) {
  const step = 300_000;
  const from = Math.floor(now / step) * step + step - 86_400_000;
  const starts = Array.from({ length: 288 }, (_, index) => from + index * step);
  /** @param {number} at */
  const hole = (at) =>
    scene.noSnapshot === true ||
    (scene.holes ?? []).some(([a, b]) => at >= now - a * 3_600_000 && at < now - b * 3_600_000);
  /** @param {'solar'|'home'|'grid'|'battery'} name */
  const series = (name) => starts.map((at) => (hole(at) ? null : flowAt(scene, at)[name]));
  return {
    from: new Date(from).toISOString(),
    step_s: 300,
    solar_kw: series('solar'),
    home_kw: series('home'),
    grid_kw: series('grid'),
    ...(scene.battery ? { battery_kw: series('battery') } : {}),
  };
}

/** @param {Scene} scene */
export const site = (scene) => ({
  name: 'Oak Street 5',
  timezone: ZONE,
  language: 'en',
  service: 'split_phase',
  nameplate_kw: 6.2,
  main_rating_kw: 24,
  has: { solar: scene.solar !== false, battery: scene.battery === true, ev: scene.ev === true },
  currency: 'USD',
});

/** @param {Scene} scene @param {number} now */
export const errors = (scene, now) =>
  (scene.flags ?? []).map((flag) => ({ ...flag, since: new Date(now - 14_000).toISOString() }));
