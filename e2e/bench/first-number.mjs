/**
 * Measures the dashboard in Chromium: time from navigation to the first number on screen at 4x CPU
 * throttle (phone size, cold cache, median), and the main thread's share over 15 s at rest.
 * Prints one JSON object. Used by `cargo xtask bench edge`.
 */
import { chromium } from '@playwright/test';

const url = process.argv[2];
const RUNS = 5;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', '--disable-background-networking'],
});

async function firstNumber() {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'en-US' });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await page.goto(url, { waitUntil: 'commit' });
  // performance.now() counts from the start of the navigation.
  const took = await page.waitForFunction(() => {
    const text = document.body?.innerText ?? '';
    return /\d\s?(W|kW)\b/.test(text) ? performance.now() : false;
  }, undefined, { polling: 'raf', timeout: 20_000 });
  const ms = await took.jsonValue();
  await context.close();
  return ms;
}

async function mainThreadShare() {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'en-US' });
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForTimeout(3000);
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'timeTicks' });
  const busy = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const value = (name) => metrics.find((metric) => metric.name === name)?.value ?? 0;
    return { at: value('Timestamp'), task: value('TaskDuration') };
  };
  const before = await busy();
  await page.waitForTimeout(15_000);
  const after = await busy();
  await context.close();
  return (100 * (after.task - before.task)) / (after.at - before.at);
}

const times = [];
for (let run = 0; run < RUNS; run++) times.push(await firstNumber());
times.sort((a, b) => a - b);
const share = await mainThreadShare();
await browser.close();
console.log(JSON.stringify({ first_number_ms: Math.round(times[RUNS >> 1]), runs: RUNS, all_ms: times.map(Math.round), main_thread_percent: Number(share.toFixed(2)) }));
