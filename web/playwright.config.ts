import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

// The system's Chromium where there is one: nothing is downloaded. Root needs --no-sandbox.
const chromium = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

export default defineConfig({
  testDir: 'tests/browser',
  outputDir: 'test-results',
  workers: 1,
  timeout: 60_000,
  forbidOnly: Boolean(process.env['CI']),
  reporter: [['list']],
  use: {
    launchOptions: {
      ...(existsSync(chromium) ? { executablePath: chromium } : {}),
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    },
    timezoneId: 'America/Los_Angeles',
    locale: 'en-US',
  },
});
