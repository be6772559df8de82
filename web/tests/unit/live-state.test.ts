import { beforeEach, describe, expect, test } from 'vitest';
import type { Socket } from '../../src/lib/live/client';
import { decodeBoot } from '../../src/lib/live/decode';
import { Live } from '../../src/lib/live/live.svelte';

const T0 = Date.parse('2026-06-21T12:00:00Z');
const iso = (seconds: number): string => new Date(T0 + seconds * 1000).toISOString();

let now = 0;
let hidden = false;
let timers: { at: number; task: () => void }[] = [];
let socket: Socket;
let seq = 0;
let live: Live;

function pass(seconds: number): void {
  const end = now + seconds * 1000;
  for (;;) {
    const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
    if (!next) break;
    timers = timers.filter((kept) => kept !== next);
    now = next.at;
    next.task();
  }
  now = end;
}

const say = (message: object): void => {
  socket.onmessage?.({ data: JSON.stringify({ seq, ts: iso(now / 1000), ...message }) });
  seq += 1;
};
const snapshot = (home_kw: number): object => ({
  timestamp: iso(now / 1000),
  seq,
  quality: 'ok',
  home_kw,
  grid_kw: home_kw,
});
const hello = (more: object = {}): void => {
  seq = 0;
  say({ type: 'hello', version: '2.0.0', site: {}, errors: [], ...more });
};
const beat = (version = '2.0.0'): void => say({ type: 'heartbeat', version, last_snapshot_age_sec: 1 });

beforeEach(() => {
  now = 0;
  hidden = false;
  timers = [];
  live = new Live(
    {
      connect: () => (socket = { onmessage: null, onclose: null, close: () => undefined }),
      after(ms, task) {
        const timer = { at: now + ms, task };
        timers.push(timer);
        return () => (timers = timers.filter((kept) => kept !== timer));
      },
      random: () => 0,
    },
    () => now,
    () => hidden,
  );
});

const boot = (age: number) =>
  decodeBoot(
    JSON.stringify({
      ts: iso(0),
      version: '2.0.0',
      site: {},
      errors: [],
      snapshot: { timestamp: iso(-age), seq: 1, home_kw: 0.4 },
    }),
  );

describe('the age of the numbers', () => {
  test('begins with the data in the page, before any connection', () => {
    live.start(boot(0.4), 0);
    expect(live.snapshot?.flow.home).toBe(400);
    expect(live.freshness).toBe('live');
  });

  test('is that of the reading, not of the page', () => {
    live.start(boot(12), 0);
    expect(live.freshness).toBe('stale');
    expect(live.age).toBe(12);
  });

  test('shows after five seconds without a reading and then counts up', () => {
    live.start(null, 0);
    hello();
    say({ type: 'snapshot', snapshot: snapshot(0.4) });
    pass(5);
    expect(live.freshness).toBe('live');
    pass(0.2);
    expect(live.freshness).toBe('stale');
    beat();
    pass(4);
    expect(live.age).toBe(9);
    say({ type: 'snapshot', snapshot: snapshot(0.5) });
    expect(live.freshness).toBe('live');
  });

  test('is told later where snapshots come slowly', () => {
    live.start(null, 0);
    hello({ snapshot_every_ms: 10_000 });
    say({ type: 'snapshot', snapshot: snapshot(0.4) });
    const beatFor = (seconds: number): void => {
      pass(seconds);
      say({ type: 'heartbeat', version: '2.0.0', snapshot_every_ms: 10_000 });
    };
    [10, 10, 4.9].forEach(beatFor);
    expect(live.freshness).toBe('live');
    pass(0.3);
    expect(live.age).toBe(25);
  });

  test('follows a bus that turned out slower than it was configured', () => {
    live.start(null, 0);
    hello({ snapshot_every_ms: 1000 });
    say({ type: 'snapshot', snapshot: snapshot(0.4) });
    pass(6);
    expect(live.freshness).toBe('stale');
    say({ type: 'heartbeat', version: '2.0.0', last_snapshot_age_sec: 6, snapshot_every_ms: 4000 });
    expect(live.freshness).toBe('live');
    pass(4.5);
    expect(live.age).toBe(10);
  });

  test('of the data in the page is judged by the interval in the page', () => {
    live.start(
      decodeBoot(JSON.stringify({ ts: iso(0), snapshot_every_ms: 60_000, snapshot: { timestamp: iso(-70) } })),
      0,
    );
    expect(live.freshness).toBe('live');
  });

  test('does not depend on the browser’s wall clock being right', () => {
    live.start(null, 0);
    hello({ ts: '2031-01-01T00:00:03Z', snapshot: { timestamp: '2031-01-01T00:00:00Z', seq: 1, home_kw: 0.4 } });
    expect(live.freshness).toBe('live');
    pass(2.1);
    expect(live.age).toBe(5);
  });
});

test('without a reading the page waits, without a connection it says so', () => {
  live.start(null, 0);
  expect(live.freshness).toBe('waiting');
  hello();
  expect(live.freshness).toBe('waiting');
  socket.onclose?.();
  expect(live.freshness).toBe('offline');
});

test('an appliance with another version offers its new page', () => {
  live.start(boot(0), 0);
  hello();
  beat();
  expect(live.newVersion).toBeNull();
  beat('2.1.0');
  expect(live.newVersion).toBe('2.1.0');
});

describe('a hidden page', () => {
  test('renders nothing, and shows the newest reading with its age when it is seen again', () => {
    live.start(null, 0);
    hello();
    say({ type: 'snapshot', snapshot: snapshot(0.4) });
    hidden = true;
    pass(1);
    say({ type: 'snapshot', snapshot: snapshot(0.7) });
    expect(live.snapshot?.flow.home).toBe(400);
    pass(8);
    hidden = false;
    live.wake();
    expect(live.snapshot?.flow.home).toBe(700);
    expect(live.age).toBe(8);
  });

  test('still fills the chart', () => {
    live.start(null, 0);
    hello();
    hidden = true;
    for (let second = 0; second < 11; second += 1) {
      pass(1);
      say({ type: 'snapshot', snapshot: snapshot(1) });
    }
    hidden = false;
    live.wake();
    pass(1);
    say({ type: 'snapshot', snapshot: snapshot(1) });
    expect(live.day?.home.at(-1)).toBe(1000);
  });
});

test('flags are replaced as a whole, and a gap is remembered', () => {
  live.start(null, 0);
  hello({ errors: [{ code: 'ct_reversed', severity: 'high' }] });
  expect(live.flags).toHaveLength(1);
  say({ type: 'errors', errors: [] });
  expect(live.flags).toEqual([]);
  say({ type: 'gap', from: iso(0), to: iso(9), reason: 'restart' });
  expect(live.lastGap?.reason).toBe('restart');
});
