// Something that is fetched, with every face it can have: loading, there, failed, locked, or there but old.

import { RequestFailed } from './client';

export class Resource<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<RequestFailed | null>(null);
  loading = $state(true);
  #running: AbortController | null = null;

  /** Fetches anew. What was there stays on screen until the answer comes, also when it is an error. */
  async load(fetcher: (signal: AbortSignal) => Promise<T>): Promise<void> {
    this.#running?.abort();
    const controller = new AbortController();
    this.#running = controller;
    this.loading = true;
    try {
      const value = await fetcher(controller.signal);
      if (controller.signal.aborted) return;
      this.value = value;
      this.error = null;
    } catch (error) {
      if (controller.signal.aborted) return;
      this.error = error instanceof RequestFailed ? error : new RequestFailed('unreachable', String(error));
    }
    this.loading = false;
  }

  /** Fetches now and again every few seconds while somebody looks, until the function it returns is called. */
  follow(fetcher: (signal: AbortSignal) => Promise<T>, everyMs = 5000): () => void {
    void this.load(fetcher);
    const timer = setInterval(() => {
      if (!document.hidden) void this.load(fetcher);
    }, everyMs);
    return () => clearInterval(timer);
  }

  /** Forgets everything: what is asked for next is something else. */
  clear(): void {
    this.#running?.abort();
    this.value = null;
    this.error = null;
    this.loading = true;
  }
}
