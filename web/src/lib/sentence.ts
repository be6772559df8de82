// The one plain sentence that answers "how is it going?", as a catalogue key and its numbers.
//
// Pure. Whole sentences, not glued clauses: other languages order them differently.

import { QUIET_W, split } from './flow';
import type { Installed, Site, Snapshot } from './live/model';

/** Power values are watts; the caller formats them. */
export type Sentence =
  | { readonly key: 'say.none' | 'say.clamp' | 'say.odd' | 'say.idle' | 'say.missing' | 'say.covered' | 'say.outage' }
  | { readonly key: 'say.gridOnly' | 'say.gridNoSolar' | 'say.gridSolarUnknown'; readonly home: number }
  | { readonly key: 'say.export' | 'say.batteryExport'; readonly out: number }
  | { readonly key: 'say.charge'; readonly into: number }
  | { readonly key: 'say.chargeExport'; readonly into: number; readonly out: number }
  | { readonly key: 'say.part'; readonly share: number; readonly bought: number }
  | { readonly key: 'say.partBattery'; readonly share: number; readonly stored: number }
  | { readonly key: 'say.partBatteryGrid'; readonly share: number; readonly bought: number }
  | { readonly key: 'say.battery'; readonly stored: number }
  | { readonly key: 'say.batteryGrid'; readonly stored: number; readonly bought: number }
  | { readonly key: 'say.gridCharge'; readonly bought: number; readonly into: number };

const NOMINAL = { split_phase: 120, single_phase: 230, three_phase: 230 } as const;

/** The meter answers and every leg it knows is dead: the grid is out. */
export function gridOut(voltages: readonly number[], service: Site['service']): boolean {
  return voltages.length > 0 && voltages.every((volts) => volts < NOMINAL[service] * 0.2);
}

export function describe(snapshot: Snapshot | null, site: Pick<Site, 'has' | 'service'>): Sentence {
  if (!snapshot) return { key: 'say.none' };
  if (gridOut(snapshot.voltages, site.service)) return { key: 'say.outage' };
  const { has } = site;
  const { flow } = snapshot;
  const parts = split(flow, has);
  if (snapshot.doubts.some((code) => code === 'ct_reversed' || code === 'ct_wrong_leg')) return { key: 'say.clamp' };
  if (parts.state === 'partial') return describePartial(snapshot, has);
  if (parts.unexplained !== 0) return { key: 'say.odd' };
  if (parts.state === 'idle') return { key: 'say.idle' };
  return describeWhole(flow, has);
}

function describePartial({ flow }: Snapshot, has: Installed): Sentence {
  const drawing = flow.grid !== null && flow.grid >= QUIET_W;
  if (has.solar && flow.solar === null && drawing) return { key: 'say.gridSolarUnknown', home: flow.grid };
  return { key: 'say.missing' };
}

function describeWhole(flow: Snapshot['flow'], has: Installed): Sentence {
  const quiet = (watts: number): number => (Math.abs(watts) < QUIET_W ? 0 : watts);
  const solar = quiet(has.solar ? (flow.solar ?? 0) : 0);
  const battery = quiet(has.battery ? (flow.battery ?? 0) : 0);
  const grid = quiet(flow.grid ?? 0);
  const home = flow.home ?? 0;
  const into = Math.max(0, -battery);
  const stored = Math.max(0, battery);
  const out = Math.max(0, -grid);
  const bought = Math.max(0, grid);
  if (solar > 0) {
    if (bought > 0 && into > 0 && solar < home) return { key: 'say.gridCharge', bought, into };
    const share = home > 0 ? Math.min(0.99, solar / home) : 0.99;
    if (bought > 0 && stored > 0) return { key: 'say.partBatteryGrid', share, bought };
    if (bought > 0) return solar >= home ? { key: 'say.gridCharge', bought, into } : { key: 'say.part', share, bought };
    if (stored > 0) return out > 0 ? { key: 'say.batteryExport', out } : { key: 'say.partBattery', share, stored };
    if (into > 0) return out > 0 ? { key: 'say.chargeExport', into, out } : { key: 'say.charge', into };
    return out > 0 ? { key: 'say.export', out } : { key: 'say.covered' };
  }
  if (stored > 0) {
    if (out > 0) return { key: 'say.batteryExport', out };
    return bought > 0 ? { key: 'say.batteryGrid', stored, bought } : { key: 'say.battery', stored };
  }
  if (into > 0) return { key: 'say.gridCharge', bought, into };
  return { key: has.solar ? 'say.gridOnly' : 'say.gridNoSolar', home: bought };
}
