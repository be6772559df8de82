// Prints what the dashboard weighs, gzipped, and fails above the budget.
//
// First load: the page, its style and every script that the live page needs, in English. The rest is loaded when asked for.

import { readFile, readdir } from 'node:fs/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const BUDGET_KB = 60;
const DIST = new URL('../dist/dashboard/', import.meta.url);
const LANGUAGES = /^(es|de|fr)-/;

const names = (await readdir(new URL('assets/', DIST))).filter((name) => !/\.(br|gz)$/.test(name));
const html = await readFile(new URL('index.html', DIST));

/** @param {Buffer} bytes */
const weigh = (bytes) => ({ gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length });

/** @type {Map<string, Buffer>} */
const files = new Map();
for (const name of names) files.set(name, await readFile(new URL(`assets/${name}`, DIST)));

/** Scripts that are loaded without anybody asking: what the page names, and what those import statically. */
const first = new Set([...html.toString().matchAll(/assets\/([\w.-]+)/g)].map((match) => match[1] ?? ''));
for (const name of first) {
  const text = files.get(name)?.toString() ?? '';
  for (const match of text.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+)["']/g)) first.add(match[1] ?? '');
}

let firstLoad = weigh(html).gzip;
let everything = firstLoad;
console.log(`${'index.html'.padEnd(34)} ${String(firstLoad).padStart(6)} B gzip  first`);
for (const [name, bytes] of files) {
  const { gzip, brotli } = weigh(bytes);
  if (first.has(name)) firstLoad += gzip;
  if (!LANGUAGES.test(name)) everything += gzip;
  const when = first.has(name) ? 'first' : LANGUAGES.test(name) ? 'language' : 'later';
  console.log(`${name.padEnd(34)} ${String(gzip).padStart(6)} B gzip ${String(brotli).padStart(6)} B brotli  ${when}`);
}

/** @param {number} bytes */
const kb = (bytes) => (bytes / 1000).toFixed(1);
console.log(
  `first load ${kb(firstLoad)} kB, every page in English ${kb(everything)} kB, budget ${BUDGET_KB} kB (gzip)`,
);
if (firstLoad > BUDGET_KB * 1000) {
  console.error(`the first load is too large by ${kb(firstLoad - BUDGET_KB * 1000)} kB`);
  process.exitCode = 1;
}
