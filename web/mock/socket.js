// Just enough of RFC 6455 to push text to a page: no dependency for a tool that only looks at pages.

import { createHash } from 'node:crypto';

/**
 * @typedef {{ send(message: unknown): void, end(): void }} Client
 */

/**
 * Answers an upgrade request.
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:stream').Duplex} socket
 * @param {() => void} gone
 * @returns {Client}
 */
export function accept(request, socket, gone) {
  const key = `${String(request.headers['sec-websocket-key'])}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const answer = createHash('sha1').update(key).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${answer}\r\n\r\n`,
  );
  socket.on('close', gone);
  socket.on('error', () => socket.destroy());
  socket.on('data', (/** @type {Buffer} */ chunk) => {
    // Opcode 8: the page closes.
    if (((chunk[0] ?? 0) & 0x0f) === 8) socket.end();
  });
  return {
    send(message) {
      if (!socket.writable) return;
      const body = Buffer.from(JSON.stringify(message));
      const head =
        body.length < 126
          ? Buffer.from([0x81, body.length])
          : Buffer.from([0x81, 126, body.length >> 8, body.length & 255]);
      socket.write(Buffer.concat([head, body]));
    },
    end: () => socket.destroy(),
  };
}
