/// <reference types="vitest/config" />
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { compressAssets, leaveOut, renderBlockingEntry } from './scripts/build-plugins.js';

export default defineConfig({
  root: 'src/dashboard',
  publicDir: false,
  plugins: [svelte({ configFile: '../../svelte.config.js' }), renderBlockingEntry(), leaveOut(), compressAssets()],
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    // `light-dark()` stays as written: every browser since mid 2024 knows it.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: { polyfill: false },
    // One style and one script for the first load: over plain HTTP each further file costs a round trip.
    cssCodeSplit: false,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'app', tags: ['$initial'] }] } } },
  },
  test: {
    root: '.',
    include: ['tests/unit/**/*.test.ts'],
    environment: 'node',
  },
});
