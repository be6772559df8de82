import { beforeEach, describe, expect, test } from 'vitest';
import { LiveClient, retryDelay, SILENCE_MS, type Link, type Socket } from '../../src/lib/live/client';
import type { Message } from '../../src/lib/live/model';

/** Sockets and time in the hands of the test. */
class World {
  now = 0;
  readonly sockets: (Socket & { closed: boolean })[] = [];
  readonly links: Link[] = [];
  readonly messages: Message[] = [];
  refuse = false;
  #timers: { at: number; task: () => void }[] = [];

  connect(): Socket {
    if (this.refuse) throw new Error('no route');
    const socket = { onmessage: null, onclose: null, closed: false, close: () => void (socket.closed = true) };
    this.sockets.push(socket);
    return socket;
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.now + ms, task };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((kept) => kept !== timer));
  }

  random(): number {
    return 0.5;
  }

  link(state: Link): void {
    this.links.push(state);
  }

  message(message: Message): void {
    this.messages.push(message);
  }

  /** Lets time pass; due timers run in order. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((kept) => kept !== next);
      this.now = next.at;
      next.task();
    }
    this.now = end;
  }

  get latest(): Socket & { closed: boolean } {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error('nobody connected');
    return socket;
  }

  say(message: Record<string, unknown>): void {
    this.latest.onmessage?.({ data: JSON.stringify({ ts: '2026-06-21T12:00:00Z', ...message }) });
  }

  hello(seq = 0): void {
    this.say({ type: 'hello', seq, version: '2.0.0', site: {}, errors: [] });
  }
}

let world: World;
let client: LiveClient;

beforeEach(() => {
  world = new World();
  client = new LiveClient(world, world);
  client.start();
});

test('a greeting makes the connection open', () => {
  world.hello();
  expect(world.links).toEqual(['connecting', 'open']);
  expect(world.messages.map((message) => message.type)).toEqual(['hello']);
});

describe('a dead connection', () => {
  test('that is closed is opened again after half a second at most', () => {
    world.hello();
    world.latest.onclose?.();
    expect(world.links.at(-1)).toBe('lost');
    world.pass(500);
    expect(world.sockets).toHaveLength(2);
    world.hello();
    expect(world.links.at(-1)).toBe('open');
  });

  test('that says nothing counts as lost, though its socket is open', () => {
    world.hello();
    world.pass(SILENCE_MS - 1);
    expect(world.links.at(-1)).toBe('open');
    world.pass(1);
    expect(world.links.at(-1)).toBe('lost');
    expect(world.sockets[0]?.closed).toBe(true);
  });

  test('that never greets is given up too', () => {
    world.pass(SILENCE_MS);
    expect(world.links).toEqual(['connecting', 'lost']);
  });

  test('cannot speak any more once another one is open', () => {
    world.hello();
    const old = world.latest;
    const speak = old.onmessage;
    old.onclose?.();
    world.pass(1000);
    world.hello();
    speak?.({ data: JSON.stringify({ type: 'errors', seq: 1, ts: '2026-06-21T12:00:00Z', errors: [] }) });
    expect(world.messages.map((message) => message.type)).toEqual(['hello', 'hello']);
  });
});

describe('retries', () => {
  test('wait longer each time, up to twenty seconds, and never in step with other pages', () => {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const [least, most] = [retryDelay(attempt, 0), retryDelay(attempt, 1)];
      expect(least).toBeGreaterThanOrEqual(250);
      expect(most).toBeLessThanOrEqual(20_000);
      expect(most).toBe(2 * least);
    }
    expect(retryDelay(3, 0.5)).toBeGreaterThan(retryDelay(2, 0.5));
  });

  test('go on when opening itself fails, and begin anew after a greeting', () => {
    world.refuse = true;
    world.latest.onclose?.();
    world.pass(60_000);
    world.refuse = false;
    world.pass(20_000);
    world.hello();
    expect(world.links.at(-1)).toBe('open');
    const before = world.sockets.length;
    world.latest.onclose?.();
    world.pass(500);
    expect(world.sockets).toHaveLength(before + 1);
  });

  test('are not waited for when the page is shown again', () => {
    world.refuse = true;
    world.latest.onclose?.();
    world.pass(30_000);
    world.refuse = false;
    const before = world.sockets.length;
    client.wake();
    expect(world.sockets).toHaveLength(before + 1);
  });

  test('end with the page', () => {
    world.latest.onclose?.();
    client.stop();
    world.pass(120_000);
    expect(world.sockets).toHaveLength(1);
  });
});

describe('holes', () => {
  test('in the numbering make the page ask for everything again, without calling it lost', () => {
    world.hello();
    world.say({ type: 'heartbeat', seq: 2, version: '2.0.0', last_snapshot_age_sec: 1 });
    expect(world.sockets).toHaveLength(2);
    expect(world.links).toEqual(['connecting', 'open']);
  });

  test('of a slow client are healed when they are long', () => {
    world.hello();
    world.say({ type: 'gap', seq: 1, from: '2026-06-21T11:58:00Z', to: '2026-06-21T12:00:00Z', reason: 'slow_client' });
    expect(world.sockets).toHaveLength(2);
  });

  test('that the meter made are not asked for again', () => {
    world.hello();
    world.say({
      type: 'gap',
      seq: 1,
      from: '2026-06-21T11:00:00Z',
      to: '2026-06-21T12:00:00Z',
      reason: 'meter_not_responding',
    });
    expect(world.sockets).toHaveLength(1);
    expect(world.messages.at(-1)).toMatchObject({ type: 'gap', reason: 'meter_not_responding' });
  });
});

test.each(['', '{', 'null', '[]', '{"type":"hello"}', '{"type":"snapshot","seq":1,"ts":"never"}'])(
  'a message that is none (%s) changes nothing',
  (data) => {
    world.hello();
    world.latest.onmessage?.({ data });
    expect(world.messages).toHaveLength(1);
    expect(world.links.at(-1)).toBe('open');
  },
);
