// The wire's JSON, checked once: behind this file a number is finite, a list is a list, and kW are W.
//
// A field that is absent or makes no sense is unknown. Only a message whose frame is broken is refused.

import type { Boot, DaySeries, Flag, Flow, GapReason, Message, Severity, Site, Snapshot, Today } from './model';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

const watts = (value: unknown): number | null => {
  const kw = number(value);
  return kw === null ? null : kw * 1000;
};

const instant = (value: unknown): number | null => {
  const ms = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(ms) ? null : ms;
};

const everyMs = (json: Json): number => number(json['snapshot_every_ms']) ?? 1000;

const oneOf = <T extends string>(known: readonly T[], value: unknown, fallback: T): T =>
  known.find((candidate) => candidate === value) ?? fallback;

const SERVICES = ['split_phase', 'single_phase', 'three_phase'] as const;
const SEVERITIES: readonly Severity[] = ['info', 'warning', 'high', 'critical'];
const REASONS: readonly GapReason[] = ['slow_client', 'meter_not_responding', 'clock_stepped', 'restart'];

function decodeFlow(json: Json): Flow {
  return {
    solar: watts(json['solar_kw']),
    home: watts(json['home_kw']),
    grid: watts(json['grid_kw']),
    battery: watts(json['battery_kw']),
    ev: watts(json['ev_kw']),
  };
}

export function decodeSnapshot(json: unknown): Snapshot | null {
  if (!isObject(json)) return null;
  const at = instant(json['timestamp']);
  if (at === null) return null;
  return {
    at,
    seq: number(json['seq']) ?? 0,
    doubts: list(json['quality']).filter((code) => typeof code === 'string'),
    flow: decodeFlow(json),
    voltages: ['voltage_l1', 'voltage_l2', 'voltage_l3'].map((key) => number(json[key])).filter((v) => v !== null),
    frequency: number(json['frequency']),
  };
}

export function decodeSite(json: unknown): Site {
  const site = isObject(json) ? json : {};
  const has = isObject(site['has']) ? site['has'] : {};
  return {
    name: text(site['name']) ?? '',
    timezone: text(site['timezone']) ?? 'UTC',
    language: text(site['language']),
    service: oneOf(SERVICES, site['service'], 'split_phase'),
    nameplate: watts(site['nameplate_kw']),
    has: { solar: has['solar'] === true, battery: has['battery'] === true, ev: has['ev'] === true },
    currency: text(site['currency']),
  };
}

function decodeSavings(json: unknown): Today['savings'] {
  if (!isObject(json)) return null;
  const amount = number(json['amount']);
  const currency = text(json['currency']);
  return amount === null || currency === null ? null : { amount, currency };
}

export function decodeToday(json: unknown): Today | null {
  if (!isObject(json)) return null;
  return {
    date: text(json['date']) ?? '',
    solar: number(json['solar_kwh']),
    home: number(json['home_kwh']),
    imported: number(json['import_kwh']),
    exported: number(json['export_kwh']),
    charged: number(json['battery_charge_kwh']),
    discharged: number(json['battery_discharge_kwh']),
    selfConsumption: number(json['self_consumption']),
    selfSufficiency: number(json['self_sufficiency']),
    solarOffset: number(json['solar_offset']),
    peak: watts(json['peak_demand_kw']),
    coverage: number(json['coverage']),
    savings: decodeSavings(json['savings']),
  };
}

export function decodeFlags(json: unknown): Flag[] {
  return list(json).flatMap((item) => {
    const code = isObject(item) ? text(item['code']) : null;
    if (!isObject(item) || code === null) return [];
    return [
      {
        code,
        subject: text(item['subject']) ?? '',
        severity: oneOf(SEVERITIES, item['severity'], 'warning'),
        since: instant(item['since']),
        message: text(item['message']) ?? '',
      },
    ];
  });
}

function decodeDay(json: unknown): DaySeries | null {
  if (!isObject(json)) return null;
  const from = instant(json['from']);
  const stepS = number(json['step_s']);
  if (from === null || stepS === null || stepS <= 0) return null;
  const series = (key: string): (number | null)[] => list(json[key]).map(watts);
  return {
    from,
    step: stepS * 1000,
    solar: series('solar_kw'),
    home: series('home_kw'),
    grid: series('grid_kw'),
    battery: series('battery_kw'),
  };
}

/** One message of the stream; `null` when it is none that this page understands. */
export function decodeMessage(raw: string): Message | null {
  const json = parse(raw);
  if (!isObject(json)) return null;
  const seq = number(json['seq']);
  const ts = instant(json['ts']);
  if (seq === null || ts === null) return null;
  switch (json['type']) {
    case 'hello':
      return {
        type: 'hello',
        seq,
        ts,
        version: text(json['version']) ?? '',
        everyMs: everyMs(json),
        site: decodeSite(json['site']),
        snapshot: decodeSnapshot(json['snapshot']),
        flags: decodeFlags(json['errors']),
        today: decodeToday(json['today']),
        day: decodeDay(json['day']),
      };
    case 'snapshot': {
      const snapshot = decodeSnapshot(json['snapshot']);
      return snapshot && { type: 'snapshot', seq, ts, snapshot, today: decodeToday(json['today']) };
    }
    case 'heartbeat':
      return {
        type: 'heartbeat',
        seq,
        ts,
        version: text(json['version']) ?? '',
        everyMs: everyMs(json),
      };
    case 'errors':
      return { type: 'errors', seq, ts, flags: decodeFlags(json['errors']) };
    case 'gap':
      return {
        type: 'gap',
        seq,
        ts,
        from: instant(json['from']),
        to: instant(json['to']),
        reason: oneOf([...REASONS, 'unknown'], json['reason'], 'unknown'),
      };
    default:
      return null;
  }
}

/** The data in the page's HTML; `null` when the page was served without. */
export function decodeBoot(raw: string): Boot | null {
  const json = parse(raw);
  const ts = isObject(json) ? instant(json['ts']) : null;
  if (!isObject(json) || ts === null) return null;
  return {
    ts,
    version: text(json['version']) ?? '',
    everyMs: everyMs(json),
    site: decodeSite(json['site']),
    snapshot: decodeSnapshot(json['snapshot']),
    flags: decodeFlags(json['errors']),
    today: decodeToday(json['today']),
  };
}

function parse(raw: string): unknown {
  try {
    return JSON.parse(raw) as unknown;
  } catch {
    return undefined;
  }
}
