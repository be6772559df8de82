// What the pages know about a home. Power in W, energy in kWh, time in epoch ms.
//
// `null` is unknown. Whether a thing is installed at all is the site's business (`Site.has`), never guessed from a value.

/** Power on the home's bus: grid > 0 imports, battery > 0 discharges, ev is a part of home. */
export interface Flow {
  readonly solar: number | null;
  readonly home: number | null;
  readonly grid: number | null;
  readonly battery: number | null;
  readonly ev: number | null;
}

export interface Installed {
  readonly solar: boolean;
  readonly battery: boolean;
  readonly ev: boolean;
}

export interface Site {
  readonly name: string;
  readonly timezone: string;
  readonly language: string | null;
  readonly service: 'split_phase' | 'single_phase' | 'three_phase';
  /** W. */
  readonly nameplate: number | null;
  readonly has: Installed;
  readonly currency: string | null;
}

export interface Snapshot {
  readonly at: number;
  readonly seq: number;
  /** Codes that make the numbers doubtful; none when sound. */
  readonly doubts: readonly string[];
  readonly flow: Flow;
  /** Line to neutral, by leg; empty when none is known. */
  readonly voltages: readonly number[];
  readonly frequency: number | null;
}

export interface Today {
  readonly date: string;
  readonly solar: number | null;
  readonly home: number | null;
  readonly imported: number | null;
  readonly exported: number | null;
  readonly charged: number | null;
  readonly discharged: number | null;
  readonly selfConsumption: number | null;
  readonly selfSufficiency: number | null;
  readonly solarOffset: number | null;
  /** W. */
  readonly peak: number | null;
  /** 0..1 of the elapsed day. */
  readonly coverage: number | null;
  readonly savings: { readonly amount: number; readonly currency: string } | null;
}

export type Severity = 'info' | 'warning' | 'high' | 'critical';

export interface Flag {
  readonly code: string;
  readonly subject: string;
  readonly severity: Severity;
  readonly since: number | null;
  readonly message: string;
}

/** Means per step over the last 24 hours; `null` is a gap. */
export interface DaySeries {
  readonly from: number;
  readonly step: number;
  readonly solar: readonly (number | null)[];
  readonly home: readonly (number | null)[];
  readonly grid: readonly (number | null)[];
  readonly battery: readonly (number | null)[];
}

export type GapReason = 'slow_client' | 'meter_not_responding' | 'clock_stepped' | 'restart' | 'unknown';

interface Envelope {
  readonly seq: number;
  /** The appliance's clock. */
  readonly ts: number;
}

export type Message =
  | (Envelope & {
      readonly type: 'hello';
      readonly version: string;
      readonly everyMs: number;
      readonly site: Site;
      readonly snapshot: Snapshot | null;
      readonly flags: readonly Flag[];
      readonly today: Today | null;
      readonly day: DaySeries | null;
    })
  | (Envelope & { readonly type: 'snapshot'; readonly snapshot: Snapshot; readonly today: Today | null })
  | (Envelope & { readonly type: 'heartbeat'; readonly version: string; readonly everyMs: number })
  | (Envelope & { readonly type: 'errors'; readonly flags: readonly Flag[] })
  | (Envelope & {
      readonly type: 'gap';
      readonly from: number | null;
      readonly to: number | null;
      readonly reason: GapReason;
    });

/** The first data, as the page's HTML carries it. */
export interface Boot {
  readonly ts: number;
  readonly version: string;
  /** Time between two snapshots while all is well. */
  readonly everyMs: number;
  readonly site: Site;
  readonly snapshot: Snapshot | null;
  readonly flags: readonly Flag[];
  readonly today: Today | null;
}
