import { describe, expect, test } from 'vitest';
import type { CloudStatus } from '../../src/lib/api/types';
import { canRegister, cloudFacts, cloudIcon, cloudSentence, tidyCode } from '../../src/lib/cloud';

type Delivery = NonNullable<CloudStatus['delivery']>;

const NOW = Date.parse('2026-06-21T18:20:00Z');
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

function standing(state: CloudStatus['state'], part: Partial<Delivery> = {}): CloudStatus {
  const delivery: Delivery = {
    since: ago(3600),
    last_contact: ago(12),
    waiting_rows: 0,
    given_up_rows: 0,
    lost_rows: 0,
    ahead_rows: 0,
    reports_waiting: false,
    failures: 0,
    next_try_s: 0,
    ...part,
  };
  return { state, url: 'https://api.solthrive.cloud', delivery };
}

/** `later`: ms since the appliance was asked. */
function facts(cloud: CloudStatus, later = 0): Record<string, string> {
  const items = cloudFacts(cloud, { now: NOW + later, asked: NOW }, 'America/Los_Angeles');
  return Object.fromEntries(items.map(([name, value]) => [name, value.replace(/[\u00a0\u202f]/g, ' ')]));
}

test('a good connection is told in four lines, without zeros that worry', () => {
  expect(facts(standing('connected'))).toEqual({
    'Unchanged since': 'Jun 21, 2026, 10:20:00 AM',
    'Last contact': '12 s ago',
    'Samples waiting': '0',
    Address: 'https://api.solthrive.cloud',
  });
});

test('without a cloud there is nothing to list, and nothing to worry about', () => {
  for (const state of ['off', 'no_identity'] as const) {
    expect(facts({ state })).toEqual({});
    expect(cloudSentence({ state })).toContain('Nothing leaves this home.');
    expect(cloudIcon({ state })).toBe('home');
  }
});

describe('what waits', () => {
  test('spans the time since the last contact while nothing is taken', () => {
    const cloud = standing('unreachable', { waiting_rows: 4812, last_contact: ago(72_180) });
    expect(facts(cloud)['Samples waiting']).toBe('4,812, at least the last 20 h 3 min');
  });

  test('spans the time in this state when the cloud took nothing in this run', () => {
    const cloud = standing('not_registered', { waiting_rows: 40, last_contact: null });
    expect(facts(cloud)).toMatchObject({ 'Samples waiting': '40, at least the last 1 h', 'Last contact': 'never' });
  });

  test.each(['connected', 'starting'] as const)('is of a time that nobody knows while %s', (state) => {
    expect(facts(standing(state, { waiting_rows: 4812 }))['Samples waiting']).toBe('4,812');
  });
});

test.each([
  [0, 'in 1 min'],
  [42_500, 'in 47 s'],
  [89_500, 'now'],
  [200_000, 'now'],
  [-5000, 'in 1 min'],
])('%d ms after it was asked the next attempt comes %s', (later, text) => {
  const shown = facts(standing('unreachable', { next_try_s: 90 }), later);
  expect(shown['Next attempt']).toBe(text);
});

test('what did not go well is listed when there is any', () => {
  const cloud = standing('connected', { given_up_rows: 1, lost_rows: 1200, ahead_rows: 3, failures: 2 });
  expect(facts(cloud)).toMatchObject({
    'Samples that the cloud refused': '1',
    'Samples lost for want of space': '1,200',
    'Samples ahead of the cloud’s clock': '3',
    'Failures in a row': '2',
  });
});

test.each([
  [60, undefined],
  [-60, undefined],
  [61, '1 min ahead'],
  [-7260, '2 h 1 min behind'],
])('a clock that is %d s ahead reads %s', (clock_ahead_s, text) => {
  expect(facts(standing('connected', { clock_ahead_s }))['This clock against the cloud’s']).toBe(text);
});

test.each<[CloudStatus['state'], string | null, boolean]>([
  ['not_registered', null, true],
  ['not_registered', ago(5), true],
  ['unreachable', null, true],
  ['unknown_token', null, true],
  ['unreachable', ago(5), false],
  ['connected', ago(5), false],
  ['deactivated', null, false],
])('%s with last contact %s: a code is asked for: %s', (state, last_contact, expected) => {
  expect(canRegister(standing(state, { last_contact }))).toBe(expected);
});

test('without a cloud no code is asked for', () => {
  expect(canRegister({ state: 'off' })).toBe(false);
});

test.each(['ABCDE-12345', ' abcde 12345 ', 'abcde\u2013123 45', 'A-B-C-D-E-1-2-3-4-5', 'abcde\u00a012345\n'])(
  'a code typed as %j is the same code',
  (typed) => {
    expect(tidyCode(typed)).toBe('ABCDE12345');
  },
);
