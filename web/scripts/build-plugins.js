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
