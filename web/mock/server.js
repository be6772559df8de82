// Serves the built pages and a pretended appliance, for looking at pages and for the browser tests of this package.
//
//   npm run build && npm run mock -- --scene battery --port 8090
//
// The end-to-end tests of the project run the same pages against the real daemon.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { answer } from './api.js';
import { daySeries, errors, latest, SCENES, site, today } from './home.js';
import { accept } from './socket.js';

const DIST = fileURLToPath(new URL('../dist/dashboard', import.meta.url));
/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };
const SECURITY = {
  'content-security-policy': "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/**
 * A pretended appliance.
 * @typedef {object} Mock
 * @property {string} url
 * @property {(version: string) => void} update Says that it runs another version now.
 * @property {(scene: Partial<import('./home.js').Scene>) => void} change
 * @property {() => void} hangUp Closes every stream.
 * @property {() => Promise<void>} close
 */

/**
 * @param {{scene?: string, port?: number, token?: string}} options
 * @returns {Promise<Mock>}
 */
export async function startMock({ scene: name = 'sunny', port = 0, token = 'test-token' } = {}) {
  const known = SCENES[name];
  if (!known) throw new Error(`no scene ${name}; there are ${Object.keys(SCENES).join(', ')}`);
  const scene = { ...known };
  const started = Date.now();
  const epoch = Date.parse(scene.now);
  const now = () => epoch + (Date.now() - started);
  let version = '2.0.0';
  /** @type {Set<import('./socket.js').Client>} */
  const clients = new Set();

  const boot = () => ({
    ts: new Date(now()).toISOString(),
    version,
    snapshot_every_ms: 1000,
    site: site(scene),
    errors: errors(scene, now()),
    today: today(scene, now()),
    ...(scene.noSnapshot ? {} : { snapshot: latest(scene, scene.frozen ? epoch - 12_000 : now(), 1) }),
  });

  const server = createServer((request, response) => {
    void serve(request, response).catch((/** @type {unknown} */ error) => {
      response.writeHead(500).end(String(error));
    });
  });

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async function serve(request, response) {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname.startsWith('/api/')) {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      const { status, headers, json } = answer(
        { url, method: request.method ?? 'GET', headers: request.headers, body },
        { scene, now: now(), version, token },
      );
      response.writeHead(status, { ...SECURITY, ...headers }).end(json === undefined ? '' : JSON.stringify(json));
    } else if (url.pathname.startsWith('/assets/')) {
      const bytes = await readFile(join(DIST, url.pathname)).catch(() => null);
      const type = TYPES[extname(url.pathname)] ?? 'application/octet-stream';
      response
        .writeHead(bytes ? 200 : 404, {
          ...SECURITY,
          'content-type': type,
          'cache-control': 'public, max-age=31536000, immutable',
        })
        .end(bytes ?? '');
    } else {
      const html = await readFile(join(DIST, 'index.html'), 'utf8');
      const json = JSON.stringify(boot()).replaceAll('<', '\\u003c');
      response
        .writeHead(200, { ...SECURITY, 'content-type': TYPES['.html'], 'cache-control': 'no-cache' })
        .end(html.replace('<!--boot-->', () => `<script id="boot" type="application/json">${json}</script>`));
    }
  }

  server.on('upgrade', (request, socket) => {
    if (scene.deaf) {
      socket.destroy();
      return;
    }
    let seq = 0;
    const stamp = () => ({ seq: seq++, ts: new Date(now()).toISOString() });
    const client = accept(request, socket, () => {
      clients.delete(client);
      timers.forEach((timer) => clearInterval(timer));
    });
    clients.add(client);
    const first = boot();
    client.send({
      type: 'hello',
      ...stamp(),
      api: 1,
      version,
      snapshot_every_ms: 1000,
      site: first.site,
      errors: first.errors,
      today: first.today,
      day: daySeries(scene, now()),
      ...(first.snapshot ? { snapshot: first.snapshot } : {}),
    });
    const timers = [
      setInterval(() => {
        if (scene.noSnapshot || scene.frozen) return;
        client.send({ type: 'snapshot', ...stamp(), snapshot: latest(scene, now(), seq), today: today(scene, now()) });
      }, 1000),
      setInterval(
        () =>
          client.send({
            type: 'heartbeat',
            ...stamp(),
            version,
            uptime_s: 4711,
            last_snapshot_age_sec: scene.noSnapshot ? null : 0.4,
            snapshot_every_ms: 1000,
          }),
        5000,
      ),
    ];
  });

  await new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  const actual = typeof address === 'object' && address ? address.port : port;
  return {
    url: `http://127.0.0.1:${actual}`,
    update: (next) => {
      version = next;
    },
    change: (patch) => {
      Object.assign(scene, patch);
    },
    hangUp: () => clients.forEach((client) => client.end()),
    close: async () => {
      clients.forEach((client) => client.end());
      server.closeAllConnections();
      await new Promise((resolve) => server.close(() => resolve(undefined)));
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: { scene: { type: 'string', default: 'sunny' }, port: { type: 'string', default: '8090' } },
  });
  const mock = await startMock({ scene: values.scene, port: Number(values.port) });
  console.log(
    `${mock.url}/dashboard  (scene ${values.scene}; others: ${Object.keys(SCENES).join(', ')}; token test-token)`,
  );
}
