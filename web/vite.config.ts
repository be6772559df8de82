/// <reference types="vitest/config" />
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { compressAssets, renderBlockingEntry } from './scripts/build-plugins.js';

/** What only the pages behind the first one need stays with them. */
const LATER = /\/(api|history|csv|query|BarPlot|CalendarHeat|TokenGate|KeyValues)\b|\/charts\/range/;
const isShared = (id: string): boolean =>
  /node_modules\/(svelte|esm-env|clsx)\//.test(id) ||
  (id.includes('/src/lib/') && !LATER.test(id) && !/i18n\/(es|de|fr)/.test(id));

export default defineConfig({
  root: 'src/dashboard',
  publicDir: false,
  plugins: [svelte({ configFile: '../../svelte.config.js' }), renderBlockingEntry(), compressAssets()],
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    // `light-dark()` stays as written: every browser since mid 2024 knows it.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: { polyfill: false },
    // One style and two scripts for the first load: over plain HTTP each further file costs a round trip.
    cssCodeSplit: false,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'app', test: isShared }] } } },
  },
  test: {
    root: '.',
    include: ['tests/unit/**/*.test.ts'],
    environment: 'node',
  },
});
