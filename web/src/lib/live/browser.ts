// The browser's sockets, timers and dice, as the live client wants them.

import type { Environment, Socket } from './client';

export function browserEnvironment(path: string): Environment {
  return {
    connect(): Socket {
      const url = new URL(path, location.href);
      url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
      const socket = new WebSocket(url);
      const handle: Socket = { onmessage: null, onclose: null, close: () => socket.close() };
      socket.onmessage = (event: MessageEvent<unknown>) => handle.onmessage?.(event);
      socket.onclose = () => handle.onclose?.();
      return handle;
    },
    after(ms, task) {
      const timer = setTimeout(task, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
  };
}
