// The connection to the appliance's stream: opens it, notices when it is dead, and opens it again.
//
// Owns timing and order only. Sockets, timers, clock and dice are handed in; what a message means is the sink's business.

import { decodeMessage } from './decode';
import type { Message } from './model';

/** What the client needs of a WebSocket. */
export interface Socket {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  close(): void;
}

export interface Environment {
  connect(): Socket;
  /** Runs `task` once after `ms`; the answer cancels it. */
  after(ms: number, task: () => void): () => void;
  /** 0 up to 1. */
  random(): number;
}

export type Link = 'connecting' | 'open' | 'lost';

export interface Sink {
  link(state: Link): void;
  message(message: Message): void;
}

/** The appliance sends at least a heartbeat every 5 s; after two and a half of them the socket counts as dead. */
export const SILENCE_MS = 12_500;
export const FIRST_RETRY_MS = 500;
export const LONGEST_RETRY_MS = 20_000;
/** A gap that hides more of the chart than this is healed by asking for everything again. */
const RESYNC_GAP_MS = 60_000;

/** Half fixed, half random: a whole house of tablets does not come back in the same instant. */
export function retryDelay(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 10));
  return ceiling / 2 + (ceiling / 2) * random;
}

export class LiveClient {
  readonly #environment: Environment;
  readonly #sink: Sink;
  #socket: Socket | null = null;
  #attempt = 0;
  #expected: number | null = null;
  #cancelRetry: (() => void) | null = null;
  #cancelWatch: (() => void) | null = null;

  constructor(environment: Environment, sink: Sink) {
    this.#environment = environment;
    this.#sink = sink;
  }

  start(): void {
    this.#sink.link('connecting');
    this.#open();
  }

  stop(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#drop();
  }

  /** The page was shown again or the network came back: do not sit out a long wait. */
  wake(): void {
    if (!this.#cancelRetry) return;
    this.#cancelRetry();
    this.#cancelRetry = null;
    this.#attempt = 0;
    this.#open();
  }

  /** Asks for everything again, without counting it as a failure. */
  resync(): void {
    this.#drop();
    this.#open();
  }

  #open(): void {
    this.#expected = null;
    let socket: Socket;
    try {
      socket = this.#environment.connect();
    } catch {
      this.#retry();
      return;
    }
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket && typeof data === 'string') this.#receive(data);
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#lost();
    };
    this.#watch();
  }

  #receive(data: string): void {
    this.#watch();
    const message = decodeMessage(data);
    if (!message) return;
    if (message.type === 'hello') {
      this.#attempt = 0;
      this.#sink.link('open');
    } else if (this.#expected !== null && message.seq !== this.#expected) {
      // The server numbers without holes: a hole means that this socket cannot be trusted any more.
      this.resync();
      return;
    }
    this.#expected = message.seq + 1;
    this.#sink.message(message);
    if (message.type === 'gap' && message.reason === 'slow_client') this.#heal(message.from, message.to);
  }

  #heal(from: number | null, to: number | null): void {
    if (from === null || to === null || to - from > RESYNC_GAP_MS) this.resync();
  }

  #watch(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = this.#environment.after(SILENCE_MS, () => this.#lost());
  }

  #lost(): void {
    this.#drop();
    this.#sink.link('lost');
    this.#retry();
  }

  #drop(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = null;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #retry(): void {
    const delay = retryDelay(this.#attempt, this.#environment.random());
    this.#attempt += 1;
    this.#cancelRetry = this.#environment.after(delay, () => {
      this.#cancelRetry = null;
      this.#open();
    });
  }
}
