// The answers of the appliance's API that the pages use.

export interface Figures {
  solar_kwh?: number;
  home_kwh?: number;
  import_kwh?: number;
  export_kwh?: number;
  battery_charge_kwh?: number;
  battery_discharge_kwh?: number;
  coverage: number;
  peak_demand_kw?: number;
  savings?: { amount: number; currency: string };
}
export interface DailySummary extends Figures {
  date: string;
}
export interface HistoryRow {
  timestamp: string;
  solar_kw?: number;
  home_kw?: number;
  grid_kw?: number;
  battery_kw?: number;
}
export interface Health {
  modbus_status: 'ok' | 'degraded' | 'not_responding' | 'starting';
  storage_free_bytes?: number;
  last_snapshot_age_sec: number | null;
  errors: FlagBody[];
  meters: MeterHealth[];
}
export interface MeterHealth {
  name: string;
  bus: string;
  profile: string;
  status: 'ok' | 'not_responding' | 'starting';
  last_read_age_sec?: number;
  failures: number;
}
export interface FlagBody {
  code: string;
  subject: string;
  severity: 'info' | 'warning' | 'high' | 'critical';
  since: string;
  message: string;
}
export interface FlagEvent {
  ts: string;
  state: 'raised' | 'cleared';
  code: string;
  subject: string;
  severity: FlagBody['severity'];
  message: string;
}
export interface System {
  version: string;
  uptime_s: number;
  machine_uptime_s?: number;
  boot_count?: number;
  service_restarts?: number;
  cpu_percent?: number;
  memory_rss_bytes?: number;
  load?: { one: number; five: number; fifteen: number };
  disk?: { total: number; free: number };
  temperature_c?: number;
  poll: { interval_ms: number; p50_drift_ms?: number; p99_drift_ms?: number; misses: number };
  bus: unknown[];
  database?: { size_bytes: number };
  clock: { synced?: boolean; plausible: boolean; last_step?: string };
}
export interface Device {
  serial?: string;
  device_id?: string;
  firmware: string;
  model?: string;
  uptime_s: number;
  last_update_check: string | null;
  meters: (MeterHealth & { unit: number })[];
  channels: {
    name: string;
    role: string;
    meter: string;
    input: string;
    volt_ref: string;
    multiplier: number;
    scale: number;
    invert: boolean;
    ct_rating_a?: number;
  }[];
}
