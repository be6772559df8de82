// Prints what the dashboard weighs, gzipped, and fails above the budget.
//
// The budget holds for the first load (the page, its style and every script that the live page needs) and for all pages
// together, in English. Only the catalogues of other languages are left out: nobody loads more than one of them.

import { readFile, readdir } from 'node:fs/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const BUDGET = 60_000;
const DIST = new URL('../dist/dashboard/', import.meta.url);
const LANGUAGE = /^assets\/(es|de|fr)-/;

/** @type {Map<string, Buffer>} */
const files = new Map();
for (const entry of await readdir(DIST, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || /\.(br|gz)$/.test(entry.name)) continue;
  const name = entry.parentPath.endsWith('assets') ? `assets/${entry.name}` : entry.name;
  files.set(name, await readFile(new URL(name, DIST)));
}

/** @param {string} name */
const textOf = (name) => files.get(name)?.toString() ?? '';

/** What is loaded without anybody asking: the page, what it names, and what that imports statically. */
const first = new Set(['index.html']);
for (const [name] of textOf('index.html').matchAll(/assets\/[\w.-]+/g)) first.add(name);
for (const name of first) {
  for (const [, found] of textOf(name).matchAll(/(?:from|import)\s*["'`]\.\/([\w.-]+)["'`]/g))
    first.add(`assets/${found}`);
}

let firstLoad = 0;
let everything = 0;
for (const [name, bytes] of files) {
  const gzip = gzipSync(bytes, { level: 9 }).length;
  const brotli = brotliCompressSync(bytes).length;
  const when = first.has(name) ? 'first' : LANGUAGE.test(name) ? 'language' : 'later';
  if (when === 'first') firstLoad += gzip;
  if (when !== 'language') everything += gzip;
  console.log(`${name.padEnd(34)} ${String(gzip).padStart(6)} B gzip ${String(brotli).padStart(6)} B brotli  ${when}`);
}

/** @param {number} bytes */
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
for (const [what, bytes] of /** @type {const} */ ([
  ['the first load', firstLoad],
  ['every page in English', everything],
])) {
  if (bytes <= BUDGET) continue;
  console.error(`${what} is too large by ${bytes - BUDGET} B`);
  process.exitCode = 1;
}
console.log(`first load ${kb(firstLoad)}, every page in English ${kb(everything)}, budget ${kb(BUDGET)} each (gzip)`);
