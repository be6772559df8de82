// Vite plugins of the build: what the browser must wait for, and compressed copies of every asset.
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/**
 * Marks the entry script as render-blocking: the first paint then carries the first number and the chosen theme
 * instead of an empty page.
 * @returns {import('vite').Plugin}
 */
export function renderBlockingEntry() {
  return {
    name: 'render-blocking-entry',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
    },
  };
}

/** @type {[file: RegExp, from: RegExp, to: string][]} */
const NEEDLESS = [
  [/client\/dom\/hydration\.js$/, /export let hydrating = false;/, 'export const hydrating = false;'],
  [/client\/dom\/hydration\.js$/, /^\thydrating = value;/m, ''],
  [/vite\/preload-helper\.js$/, /^[^]*$/, 'export const __vitePreload = (load) => load();'],
];

/**
 * Leaves out what this app never does: take over HTML that a server rendered (Svelte guards that by a variable, so that
 * a bundler may drop it, but none can see that it never changes), and preload styles for a lazy script (the only style
 * is in the page already). A version that writes either in another way fails the build instead of growing quietly.
 * @returns {import('vite').Plugin}
 */
export function leaveOut() {
  const missing = new Set(NEEDLESS);
  return {
    name: 'leave-out',
    apply: 'build',
    transform: {
      filter: { id: NEEDLESS.map(([file]) => file) },
      handler(code, id) {
        let changed = code;
        for (const change of NEEDLESS) {
          const [file, from, to] = change;
          if (!file.test(id) || !from.test(changed)) continue;
          missing.delete(change);
          changed = changed.replace(from, to);
        }
        return { code: changed, map: null };
      },
    },
    buildEnd(error) {
      for (const [file, from] of error ? [] : missing) this.error(`${file} has no ${from} any more`);
    },
  };
}

/**
 * Writes `.br` and `.gz` beside each asset, so that the appliance never compresses anything at run time.
 * @returns {import('vite').Plugin}
 */
export function compressAssets() {
  return {
    name: 'compress-assets',
    apply: 'build',
    async writeBundle(options) {
      const folder = join(options.dir ?? '.', 'assets');
      for (const name of await readdir(folder)) {
        if (/\.(br|gz)$/.test(name)) continue;
        const path = join(folder, name);
        const bytes = await readFile(path);
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        await writeFile(`${path}.br`, brotliCompressSync(bytes, { params }));
        await writeFile(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}
