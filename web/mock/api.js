// The REST side of the pretended appliance.

import { addDays, dateOf, dayStart, errors, figures, flowAt, latest, today } from './home.js';

/**
 * @typedef {{ url: URL, method: string, headers: import('node:http').IncomingHttpHeaders, body: string }} Request
 * @typedef {{ scene: import('./home.js').Scene, now: number, version: string, token: string }} State
 * @typedef {{ status: number, headers: Record<string, string>, json?: unknown }} Answer
 */

const PROTECTED = [
  '/api/history',
  '/api/daily_summary',
  '/api/monthly_summary',
  '/api/device',
  '/api/debug',
  '/api/days',
  '/api/events',
  '/api/cloud/registration',
];

/** @param {unknown} json @returns {Answer} */
const ok = (json) => ({ status: 200, headers: { 'content-type': 'application/json' }, json });

/** @param {number} status @param {string} title @param {string} [detail] @returns {Answer} */
const problem = (status, title, detail = '') => ({
  status,
  headers: {
    'content-type': 'application/problem+json',
    'x-request-id': '7f3a9c21',
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  },
  json: { type: 'about:blank', title, status, ...(detail ? { detail } : {}) },
});

/** @param {Request} request @param {State} state @returns {Answer} */
export function answer({ url, method, headers, body }, state) {
  const { scene, now, token } = state;
  if (scene.failing) return problem(503, 'the store is being repaired');
  const allowed = headers.authorization === `Bearer ${token}` || (headers.cookie ?? '').includes('session=yes');
  if (url.pathname === '/api/session') return session(method, body, token, allowed);
  if (PROTECTED.includes(url.pathname) && !allowed) return problem(401, 'a token is needed');
  switch (url.pathname) {
    case '/api/latest':
      return ok(latest(scene, now, 1));
    case '/api/health':
      return ok(health(state));
    case '/api/system':
      return ok(system(state));
    case '/api/cloud':
      return ok(cloud(state));
    case '/api/cloud/registration':
      return registration(body, state);
    case '/api/device':
      return ok(device(state));
    case '/api/daily_summary':
      return ok(daily(scene, url.searchParams.get('date') ?? dateOf(now), now));
    case '/api/days':
      return ok({ items: days(scene, url.searchParams, now) });
    case '/api/events':
      return ok({ items: events(scene, now), complete: true });
    case '/api/monthly_summary':
      return ok(monthly(scene, url.searchParams.get('month') ?? dateOf(now).slice(0, 7), now));
    case '/api/history':
      return ok(history(scene, url.searchParams, now));
    default:
      return problem(404, 'no such resource');
  }
}

/** @param {string} method @param {string} body @param {string} token @param {boolean} allowed @returns {Answer} */
function session(method, body, token, allowed) {
  if (method === 'GET') return ok({ signed_in: allowed });
  if (method === 'DELETE')
    return { status: 204, headers: { 'set-cookie': 'session=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict' } };
  /** @type {unknown} */
  const json = JSON.parse(body || '{}');
  const sent = /** @type {{token?: string}} */ (json);
  const given = sent.token;
  if (given !== token) return problem(401, 'wrong token');
  return { status: 204, headers: { 'set-cookie': 'session=yes; Path=/; HttpOnly; SameSite=Strict' } };
}

/** @param {State} state @returns {import('../src/lib/api/types').Health} */
function health({ scene, now }) {
  const bad = (scene.flags ?? []).some((flag) => flag.code === 'meter_not_responding');
  return {
    modbus_status: scene.noSnapshot ? 'starting' : bad ? 'not_responding' : 'ok',
    api_status: 'ok',
    storage: '12GB_free',
    storage_free_bytes: 12_400_000_000,
    last_snapshot_age_sec: scene.noSnapshot ? null : bad ? 14.2 : 0.4,
    errors: errors(scene, now),
    meters: [
      {
        name: 'main',
        bus: 'rs485',
        profile: 'solthrive-v1',
        status: bad ? 'not_responding' : scene.noSnapshot ? 'starting' : 'ok',
        ...(scene.noSnapshot ? {} : { last_read_age_sec: bad ? 14.2 : 0.4 }),
        failures: bad ? 14 : 0,
      },
    ],
  };
}

/** @param {State} state @returns {import('../src/lib/api/types').CloudStatus} */
function cloud({ scene, now }) {
  const ago = (/** @type {number} */ seconds) => new Date(now - seconds * 1000).toISOString();
  const { since, contact, delivery, ...said } = { since: 86_000, contact: 7, state: 'connected', ...scene.cloud };
  if (said.state === 'off' || said.state === 'no_identity') return /** @type {never} */ (said);
  return /** @type {never} */ ({
    ...said,
    url: 'https://api.solthrive.cloud',
    device_id: '5f2b8a2e-0d6b-4d7e-9a70-1f6f2ad1a001',
    delivery: {
      since: ago(since),
      last_contact: contact === null ? null : ago(contact),
      waiting_rows: 0,
      given_up_rows: 0,
      lost_rows: 0,
      ahead_rows: 0,
      reports_waiting: false,
      failures: 0,
      next_try_s: 0,
      ...delivery,
    },
  });
}

/** The installer's code here is ABCDE-12345; ABCDE-ZONES is of a home in another zone. */
/** @param {string} body @param {State} state @returns {Answer} */
function registration(body, { scene }) {
  /** @type {unknown} */
  const json = JSON.parse(body || '{}');
  const code = /** @type {{installer_code?: string}} */ (json).installer_code ?? '';
  if (!['ABCDE12345', 'ABCDEZONES'].includes(code))
    return problem(409, 'Not registered', 'the cloud does not register this appliance: is the code typed right?');
  const same = code === 'ABCDE12345';
  scene.cloud = { state: 'connected', since: 0, contact: 0 };
  return ok({
    site_id: '0190c1de-7b51-7c62-a4a4-9a52a1d0c0de',
    time_zone: same ? 'America/Los_Angeles' : 'America/New_York',
    same_time_zone: same,
  });
}

/** @param {State} state @returns {import('../src/lib/api/types').System} */
const system = ({ version, now }) => ({
  version,
  run: '0190c1de-7b51-7c62-a4a4-9a52a1d0c001',
  uptime_s: 270_144,
  machine_uptime_s: 270_201,
  boot_count: 12,
  service_restarts: 0,
  cpu_percent: 0.08,
  memory_rss_bytes: 6_900_000,
  machine_cpu_percent: 3.1,
  memory: { total: 948_000_000, available: 612_000_000 },
  load: { one: 0.04, five: 0.05, fifteen: 0.01 },
  disk: { total: 31_000_000_000, free: 12_400_000_000 },
  temperature_c: 47.2,
  poll: { interval_ms: 1000, p50_drift_ms: 0.3, p99_drift_ms: 2.8, misses: 0 },
  bus: [
    {
      name: 'rs485',
      link: '/dev/ttyUSB0 9600 8N1',
      open: true,
      requests: 540_112,
      replies: 540_098,
      errors: {
        timeout: 9,
        crc: 3,
        short_frame: 0,
        exception: 2,
        wrong_reply: 0,
        never_silent: 0,
        port_gone: 0,
        port_busy: 0,
      },
      reopened: 1,
      late_replies: 2,
      discarded_bytes: 14,
      budget: { needed_ms: 214.3, period_ms: 1000, every: 1 },
      meters: [
        { name: 'main', failures: 0, turnaround_ms: 18.4, blocks: 3, wire_ms: 196, one_by_one_ms: 1480, missing: [] },
      ],
    },
  ],
  database: { size_bytes: 48_200_000 },
  clock: { synced: true, plausible: true, last_step: new Date(now - 270_000_000).toISOString() },
  ws_clients: 1,
  versions: { program: version, database_schema: 1, profile_catalogue: '19-4b1d0c0ffee00000' },
});

/** @param {State} state @returns {import('../src/lib/api/types').Device} */
const device = ({ version }) => ({
  serial: 'ST-1000-0042',
  device_id: '5f2b8a2e-0d6b-4d7e-9a70-1f6f2ad1a001',
  firmware: version,
  uptime_s: 270_144,
  last_update_check: null,
  model: 'Raspberry Pi 4 Model B Rev 1.4',
  meters: [
    { name: 'main', bus: 'rs485', unit: 1, profile: 'solthrive-v1', status: 'ok', last_read_age_sec: 0.4, failures: 0 },
  ],
  channels: [
    {
      name: 'main_l1',
      role: 'main_l1',
      meter: 'main',
      input: 'l1',
      volt_ref: 'l1',
      multiplier: 1,
      scale: 1,
      invert: false,
      ct_rating_a: 200,
    },
    {
      name: 'main_l2',
      role: 'main_l2',
      meter: 'main',
      input: 'l2',
      volt_ref: 'l2',
      multiplier: 1,
      scale: 1,
      invert: true,
      ct_rating_a: 200,
    },
    {
      name: 'pv',
      role: 'pv',
      meter: 'main',
      input: 'pv',
      volt_ref: 'l1',
      multiplier: 2,
      scale: 1,
      invert: false,
      ct_rating_a: 50,
    },
  ],
});

const INSTALLED = '2026-02-11';

/** @param {import('./home.js').Scene} scene @param {string} date @param {number} now */
function daily(scene, date, now) {
  if (date === dateOf(now)) return today(scene, now);
  const from = dayStart(date);
  const nothing = scene.noSnapshot || date < INSTALLED || from > now;
  return { date, ...figures(scene, from, nothing ? from : dayStart(addDays(date, 1))) };
}

/** @param {import('./home.js').Scene} scene @param {URLSearchParams} params @param {number} now */
function days(scene, params, now) {
  const items = [];
  const to = params.get('to') ?? addDays(dateOf(now), 1);
  for (let date = params.get('from') ?? dateOf(now); date < to && date <= dateOf(now); date = addDays(date, 1)) {
    if (!scene.noSnapshot && date >= INSTALLED) items.push(daily(scene, date, now));
  }
  return items;
}

/** @param {import('./home.js').Scene} scene @param {number} now */
const events = (scene, now) => [
  ...(scene.flags ?? []).map((flag) => ({ ...flag, ts: new Date(now - 14_000).toISOString(), state: 'raised' })),
  {
    ts: new Date(now - 3_600_000).toISOString(),
    state: 'cleared',
    code: 'rs485_errors',
    subject: 'rs485',
    severity: 'warning',
    message: '',
  },
  {
    ts: new Date(now - 3_660_000).toISOString(),
    state: 'raised',
    code: 'rs485_errors',
    subject: 'rs485',
    severity: 'warning',
    message: '',
  },
];

/** @param {import('./home.js').Scene} scene @param {string} month @param {number} now */
function monthly(scene, month, now) {
  const days = [];
  for (let date = `${month}-01`; date.startsWith(month) && date <= dateOf(now); date = addDays(date, 1)) {
    if (!scene.noSnapshot && date >= INSTALLED) days.push(daily(scene, date, now));
  }
  const from = days.length ? dayStart(days[0]?.date ?? '') : now;
  return { month, ...figures(scene, from, Math.min(now, from + days.length * 86_400_000)), days };
}

/** @param {import('./home.js').Scene} scene @param {URLSearchParams} params @param {number} now */
function history(scene, params, now) {
  const from = Date.parse(params.get('from') ?? '') || now - 3_600_000 * Number(params.get('hours') ?? 24);
  const to = Math.min(now, Date.parse(params.get('to') ?? '') || now);
  const rows = [];
  for (let at = from; at < to && !scene.noSnapshot && dateOf(at) >= INSTALLED; at += 300_000) {
    const flow = flowAt(scene, at);
    rows.push({
      timestamp: new Date(at).toISOString(),
      samples: 300,
      coverage: 1,
      quality: 'ok',
      ...(scene.solar === false ? {} : { solar_kw: flow.solar }),
      home_kw: flow.home,
      grid_kw: flow.grid,
      ...(scene.battery ? { battery_kw: flow.battery } : {}),
    });
  }
  return rows;
}
