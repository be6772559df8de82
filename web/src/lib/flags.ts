// What the pages know about each flag code: its words and who can act. Pure.

import type { FlagCode } from './api/types';
import type { PlainKey } from './i18n/types';
import type { Flag, Severity } from './live/model';

export interface Advice {
  readonly title: PlainKey;
  readonly action: PlainKey;
  readonly who: 'problem.homeowner' | 'problem.installer';
}

/** Who can act. A code that the appliance knows and this list does not is a type error. */
const WHO: Record<FlagCode, 'homeowner' | 'installer'> = {
  meter_not_responding: 'homeowner',
  rs485_errors: 'installer',
  scaling_failure: 'installer',
  ct_unplugged: 'installer',
  ct_reversed: 'installer',
  ct_wrong_leg: 'installer',
  meter_stuck: 'installer',
  counter_reset: 'homeowner',
  counter_glitch: 'homeowner',
  voltage_missing: 'homeowner',
  voltage_out_of_range: 'installer',
  pv_flatline: 'homeowner',
  data_stale: 'homeowner',
  poll_drift: 'installer',
  api_stall: 'homeowner',
  low_storage: 'homeowner',
  storage_error: 'installer',
  service_crash: 'homeowner',
  power_supply_weak: 'homeowner',
  clock_unsynced: 'homeowner',
  clock_stepped: 'homeowner',
  config_invalid: 'installer',
  cloud_unreachable: 'homeowner',
  update_failed: 'homeowner',
};

const isKnown = (code: string): code is FlagCode => Object.hasOwn(WHO, code);

/** The words for a code; a code from a newer appliance gets general ones and the appliance's own message. */
export function adviceFor(code: string): Advice {
  if (!isKnown(code)) return { title: 'flag.other', action: 'flag.other.do', who: 'problem.installer' };
  return { title: `flag.${code}`, action: `flag.${code}.do`, who: `problem.${WHO[code]}` };
}

const RANK: Record<Severity, number> = { critical: 0, high: 1, warning: 2, info: 3 };

/** Worst first, then the oldest. */
export const bySeverity = (flags: readonly Flag[]): Flag[] =>
  [...flags].sort((a, b) => RANK[a.severity] - RANK[b.severity] || (a.since ?? Infinity) - (b.since ?? Infinity));

/** Notes are no problems. */
export const problems = (flags: readonly Flag[]): Flag[] =>
  bySeverity(flags).filter((flag) => flag.severity !== 'info');
