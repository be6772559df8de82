// How the appliance stands to its cloud, in the reader's language.
//
// Instants are epoch milliseconds by the appliance's clock. Reactive: reads the language.

import type { CloudStatus } from './api/types';
import { formatNumber, formatSpan } from './format';
import { i18n, t } from './i18n/i18n.svelte';
import { formatMoment } from './time';

/** Below this the clocks agree well enough for people. */
const CLOCK_OFF_S = 60;

/** The state in a sentence. Without a cloud all is well: whether by choice or for want of an identity. */
export const cloudSentence = ({ state }: CloudStatus): string => t(`cloud.${state === 'no_identity' ? 'off' : state}`);

/** What goes with it. Beside the words, never instead of them. */
export function cloudIcon({ state }: CloudStatus): 'home' | 'clock' | 'ok' | 'info' | 'warning' {
  if (state === 'off' || state === 'no_identity') return 'home';
  if (state === 'starting') return 'clock';
  if (state === 'connected') return 'ok';
  return state === 'not_registered' ? 'info' : 'warning';
}

/** Whether a code can bind it to a home: who has delivered in this run belongs to one, unless the cloud says otherwise. */
export const canRegister = ({ state, delivery }: CloudStatus): boolean =>
  state === 'not_registered' || (delivery?.last_contact === null && state !== 'deactivated');

/**
 * What is on its way, as names and values. `asked` is when the appliance said so: the countdown goes on from there.
 */
export function cloudFacts(
  { state, url, delivery }: CloudStatus,
  { now, asked }: { now: number; asked: number },
  timeZone: string,
): [string, string][] {
  if (!delivery) return [];
  const { locale } = i18n;
  const since = Date.parse(delivery.since);
  const contact = delivery.last_contact === null ? null : Date.parse(delivery.last_contact);
  const span = (ms: number): string => formatSpan(ms / 1000, locale);
  const items: [string, string][] = [
    [t('cloud.since'), formatMoment(since, locale, timeZone)],
    [t('cloud.contact'), contact === null ? t('health.never') : t('health.ago', { age: span(now - contact) })],
  ];

  const n = delivery.waiting_rows;
  // While the cloud takes nothing, all since it last did waits. What waits while it does may be of any time.
  const stuck = n > 0 && state !== 'connected' && state !== 'starting';
  items.push([
    t('cloud.waiting'),
    stuck ? t('cloud.backlog', { n, span: span(now - (contact ?? since)) }) : formatNumber(n, locale),
  ]);

  const wait = delivery.next_try_s * 1000 - Math.max(0, now - asked);
  if (delivery.next_try_s > 0)
    items.push([t('cloud.next'), wait < 1000 ? t('cloud.soon') : t('cloud.in', { span: span(wait) })]);
  const counts = [
    [t('health.failures'), delivery.failures],
    [t('cloud.givenUp'), delivery.given_up_rows],
    [t('cloud.lost'), delivery.lost_rows],
    [t('cloud.ahead'), delivery.ahead_rows],
  ] as const;
  for (const [name, count] of counts) if (count > 0) items.push([name, formatNumber(count, locale)]);

  const off = delivery.clock_ahead_s ?? 0;
  if (Math.abs(off) > CLOCK_OFF_S) {
    const difference = { span: formatSpan(Math.abs(off), locale) };
    items.push([t('cloud.clock'), off > 0 ? t('cloud.clockAhead', difference) : t('cloud.clockBehind', difference)]);
  }
  if (url) items.push([t('cloud.address'), url]);
  return items;
}

/** A code without what people and printers put between its letters. */
export const tidyCode = (typed: string): string => typed.toUpperCase().replace(/[^0-9A-Z]/g, '');
