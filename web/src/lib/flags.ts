// What the pages know about each flag code: its words and who can act. Pure.

import { en } from './i18n/en';
import type { PlainKey } from './i18n/types';
import type { Flag, Severity } from './live/model';

export interface Advice {
  readonly title: PlainKey;
  readonly action: PlainKey;
  readonly who: 'problem.homeowner' | 'problem.installer';
}

const HOMEOWNER: ReadonlySet<string> = new Set([
  'meter_not_responding',
  'counter_reset',
  'counter_glitch',
  'voltage_missing',
  'pv_flatline',
  'data_stale',
  'api_stall',
  'low_storage',
  'service_crash',
  'power_supply_weak',
  'clock_unsynced',
  'clock_stepped',
  'cloud_unreachable',
  'update_failed',
]);

const isKey = (text: string): text is PlainKey => Object.hasOwn(en, text);

/** The words for a code; a code from a newer appliance gets general ones and the appliance's own message. */
export function adviceFor(code: string): Advice {
  const title = `flag.${code}`;
  const action = `flag.${code}.do`;
  const who = HOMEOWNER.has(code) ? 'problem.homeowner' : 'problem.installer';
  if (isKey(title) && isKey(action)) return { title, action, who };
  return { title: 'flag.other', action: 'flag.other.do', who };
}

const RANK: Record<Severity, number> = { critical: 0, high: 1, warning: 2, info: 3 };

/** Worst first, then the oldest. */
export const bySeverity = (flags: readonly Flag[]): Flag[] =>
  [...flags].sort((a, b) => RANK[a.severity] - RANK[b.severity] || (a.since ?? Infinity) - (b.since ?? Infinity));

/** Notes are no problems. */
export const problems = (flags: readonly Flag[]): Flag[] =>
  bySeverity(flags).filter((flag) => flag.severity !== 'info');
