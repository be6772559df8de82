// Starts the dashboard: language and theme first, then the page with the data that came in its HTML, then the stream.

import { mount } from 'svelte';
import '../lib/styles/tokens.css';
import '../lib/styles/base.css';
import App from './App.svelte';
import { i18n } from '../lib/i18n/i18n.svelte';
import { browserEnvironment } from '../lib/live/browser';
import { decodeBoot } from '../lib/live/decode';
import { Live } from '../lib/live/live.svelte';
import { theme } from '../lib/theme.svelte';

const boot = decodeBoot(document.getElementById('boot')?.textContent ?? '');
const live = new Live(
  browserEnvironment('/ws'),
  () => performance.now(),
  () => document.hidden,
);

theme.start();
await i18n.start(boot?.site.language ?? null);

const [navigation] = performance.getEntriesByType('navigation');
live.start(boot, navigation instanceof PerformanceNavigationTiming ? navigation.responseStart : 0);

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) live.wake();
});
addEventListener('online', () => live.wake());
addEventListener('pageshow', (event) => {
  if (event.persisted) live.wake();
});

const target = document.getElementById('app');
if (target) mount(App, { target, props: { live } });
