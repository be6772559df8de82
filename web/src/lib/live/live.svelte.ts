// What the pages show of the stream: the last snapshot, its age, the flags, the last 24 hours.
//
// Reactive state only; the connection itself is `client.ts`. While the page is hidden nothing is rendered.

import { DayBuffer } from './day';
import { LiveClient, type Environment, type Link, type Sink } from './client';
import type { Boot, DaySeries, Flag, GapReason, Message, Site, Snapshot, Today } from './model';

/** A reading older than this, and than two and a half of the times between two, is called by its age. */
const STALE_S = 5;
/** The chart's last step moves slowly; redrawing it each second would be work for nothing. */
const CHART_EVERY_MS = 10_000;

export type Freshness = 'waiting' | 'live' | 'stale' | 'offline';

export const UNKNOWN_SITE: Site = {
  name: '',
  timezone: 'UTC',
  language: null,
  service: 'split_phase',
  nameplate: null,
  has: { solar: false, battery: false, ev: false },
  currency: null,
};

export class Live implements Sink {
  site = $state.raw<Site>(UNKNOWN_SITE);
  /** Whether the appliance has said anything yet. */
  known = $state(false);
  snapshot = $state.raw<Snapshot | null>(null);
  flags = $state.raw<readonly Flag[]>([]);
  today = $state.raw<Today | null>(null);
  day = $state.raw<DaySeries | null>(null);
  connection = $state<Link>('connecting');
  /** Whole seconds since the last reading, only counted while it is stale. */
  age = $state<number | null>(null);
  version = $state('');
  /** The appliance runs another version than the one this page came with. */
  newVersion = $state<string | null>(null);
  lastGap = $state.raw<{ from: number | null; to: number | null; reason: GapReason } | null>(null);

  freshness = $derived.by<Freshness>(() => {
    if (this.connection === 'lost') return 'offline';
    if (!this.snapshot) return 'waiting';
    return this.age === null ? 'live' : 'stale';
  });

  /** The numbers are not old, whatever the connection does. */
  fresh = $derived(this.snapshot !== null && this.age === null);

  /** By how much the appliance's clock is ahead of the monotonic one, as it last said. */
  #ahead: number | null = null;
  /** Monotonic time at which the last reading was taken. */
  #readAt = 0;
  #staleS = STALE_S;
  #cancelTick: (() => void) | null = null;
  #buffer: DayBuffer | null = null;
  #chartAt = -Infinity;
  /** What came while the page was hidden, with the time it came. */
  #waiting: { message: Message; at: number }[] = [];
  readonly #client: LiveClient;
  readonly #environment: Environment;
  readonly #now: () => number;
  readonly #hidden: () => boolean;

  constructor(environment: Environment, now: () => number, hidden: () => boolean) {
    this.#environment = environment;
    this.#now = now;
    this.#hidden = hidden;
    this.#client = new LiveClient(environment, this);
  }

  /** `servedAt`: monotonic time at which the page's HTML was made, as well as the browser knows. */
  start(boot: Boot | null, servedAt: number): void {
    if (boot) {
      this.known = true;
      this.#ahead = boot.ts - servedAt;
      this.site = boot.site;
      this.#expect(boot.everyMs);
      this.version = boot.version;
      this.flags = boot.flags;
      this.today = boot.today;
      if (boot.snapshot) this.#take(boot.snapshot, servedAt - Math.max(0, boot.ts - boot.snapshot.at));
    }
    this.#client.start();
  }

  stop(): void {
    this.#client.stop();
    this.#cancelTick?.();
  }

  /** The page is visible again: show what came meanwhile and do not wait to reconnect. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { message, at } of waiting) this.#apply(message, at);
    this.#tick();
    this.#client.wake();
  }

  /** Now by the appliance's clock, so that ages do not depend on the browser's; that one only before it said anything. */
  wall(): number {
    return this.#ahead === null ? Date.now() : this.#now() + this.#ahead;
  }

  link(state: Link): void {
    this.connection = state;
  }

  message(message: Message): void {
    const at = this.#now();
    this.#ahead = message.ts - at;
    if (message.type === 'hello') this.#waiting = [];
    if (message.type === 'snapshot') {
      this.#buffer?.push(message.snapshot.at, message.snapshot.flow);
      if (this.#hidden()) {
        this.#waiting = [{ message, at }];
        return;
      }
    }
    this.#apply(message, at);
  }

  #apply(message: Message, at: number): void {
    switch (message.type) {
      case 'hello':
        this.known = true;
        this.site = message.site;
        this.flags = message.flags;
        this.today = message.today;
        this.#seeVersion(message.version);
        this.#expect(message.everyMs);
        this.#buffer = message.day ? new DayBuffer(message.day, message.ts) : DayBuffer.empty(message.ts);
        if (message.snapshot) {
          this.#take(message.snapshot, at - Math.max(0, message.ts - message.snapshot.at));
        }
        this.#drawChart(true);
        break;
      case 'snapshot':
        this.today = message.today ?? this.today;
        this.#take(message.snapshot, at);
        this.#drawChart(false);
        break;
      case 'heartbeat':
        this.#seeVersion(message.version);
        this.#expect(message.everyMs);
        this.#buffer?.advance(message.ts);
        this.#drawChart(false);
        break;
      case 'errors':
        this.flags = message.flags;
        break;
      case 'gap':
        this.lastGap = { from: message.from, to: message.to, reason: message.reason };
        break;
    }
  }

  #take(snapshot: Snapshot, readAt: number): void {
    this.snapshot = snapshot;
    this.#readAt = readAt;
    this.#tick();
  }

  #expect(everyMs: number): void {
    this.#staleS = Math.max(STALE_S, everyMs / 400);
    this.#tick();
  }

  /** Sets the age and comes back when it next changes: once when stale, then each second, never while all is well. */
  #tick(): void {
    this.#cancelTick?.();
    this.#cancelTick = null;
    if (!this.snapshot) return;
    const seconds = Math.max(0, (this.#now() - this.#readAt) / 1000);
    this.age = seconds > this.#staleS ? Math.floor(seconds) : null;
    const next = this.age === null ? this.#staleS + 0.05 - seconds : 1 - (seconds % 1);
    this.#cancelTick = this.#environment.after(Math.max(50, next * 1000), () => this.#tick());
  }

  #drawChart(now: boolean): void {
    if (!this.#buffer || (!now && this.#now() - this.#chartAt < CHART_EVERY_MS)) return;
    this.#chartAt = this.#now();
    this.day = this.#buffer.series();
  }

  #seeVersion(version: string): void {
    if (version === '') return;
    if (this.version === '') this.version = version;
    else if (version !== this.version) this.newVersion = version;
  }
}
