import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { de } from '../../src/lib/i18n/de';
import { en } from '../../src/lib/i18n/en';
import { es } from '../../src/lib/i18n/es';
import { fr } from '../../src/lib/i18n/fr';
import { pickLanguage } from '../../src/lib/i18n/i18n.svelte';
import { translate } from '../../src/lib/i18n/translate';
import type { Catalogue, Key, Plural } from '../../src/lib/i18n/types';
import { describe as say, gridOut } from '../../src/lib/sentence';
import type { Flow, Installed, Snapshot } from '../../src/lib/live/model';

const keys = Object.keys(en) as Key[];
const forms = (entry: string | Plural): string[] =>
  typeof entry === 'string' ? [entry] : Object.values<string>({ ...entry });
const names = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort();

describe.each([
  ['es', es],
  ['de', de],
  ['fr', fr],
] as [string, Catalogue][])('the %s catalogue', (language, catalogue) => {
  test('fills in the same names as the English one', () => {
    for (const key of keys) {
      const expected = names(forms(en[key]).at(-1) ?? '');
      for (const form of forms(catalogue[key])) expect(names(form), key).toEqual(expected);
    }
  });

  test('has every plural form of its language', () => {
    const rules = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const key of keys) {
      const entry = catalogue[key];
      if (typeof entry !== 'string') expect(Object.keys(entry).sort(), key).toEqual([...rules].sort());
    }
  });

  test('leaves no text in English', () => {
    const wordy = (text: string): boolean => /\p{L}+ \p{L}+/u.test(text.replace(/\{\w+\}/g, ''));
    const same = keys.filter((key) => {
      const text = forms(en[key])[0] ?? '';
      return wordy(text) && forms(catalogue[key])[0] === text;
    });
    expect(same).toEqual([]);
  });

  test('is not so much longer that labels burst', () => {
    for (const key of keys.filter((name) => /^(nav|role|today|chart|gauge)\.\w+$/.test(name))) {
      const room = Math.max(14, (forms(en[key])[0]?.length ?? 0) * 2);
      if (!key.endsWith('Hint')) expect(forms(catalogue[key])[0]?.length, key).toBeLessThanOrEqual(room);
    }
  });
});

test('every text of the catalogue is used somewhere', () => {
  const root = new URL('../../src/', import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const source = files
    .filter((name) => /\.(svelte|ts)$/.test(name) && !/i18n\/(en|es|de|fr)\.ts$|schema\.ts$/.test(name))
    .map((name) => readFileSync(new URL(name, root), 'utf8'))
    .join('\n');
  const built = [...source.matchAll(/`([a-z]+(?:\.[a-z]+)*\.)\$\{/g)].map((match) => match[1] ?? '');
  const unused = keys.filter((key) => !source.includes(`'${key}'`) && !built.some((prefix) => key.startsWith(prefix)));
  expect(unused).toEqual([]);
});

test('plurals follow the language’s rules', () => {
  expect(translate(en, 'en', 'system.problems', { n: 1 })).toBe('1 problem');
  expect(translate(en, 'en', 'system.problems', { n: 0 })).toBe('0 problems');
  expect(translate(fr, 'fr', 'system.problems', { n: 0 })).toBe('0 problème');
});

test.each([
  ['de', ['en-US'], 'fr', 'de'],
  [null, ['pt-BR', 'es-MX'], 'fr', 'es'],
  [null, ['pt-BR'], 'fr', 'fr'],
  ['xx', ['zz'], null, 'en'],
])('language: own choice %s, then the browser’s %s, then the site’s %s gives %s', (stored, browser, site, language) => {
  expect(pickLanguage(stored, browser, site)).toBe(language);
});

describe('the sentence', () => {
  const has: Installed = { solar: true, battery: true, ev: false };
  const tell = (part: Partial<Flow>, more: Partial<Snapshot> = {}, installed = has): string =>
    say(
      {
        at: 0,
        seq: 0,
        doubts: [],
        voltages: [120, 121],
        frequency: 60,
        flow: { solar: 0, home: 0, grid: 0, battery: 0, ev: null, ...part },
        ...more,
      },
      { has: installed, service: 'split_phase' },
    ).key;

  test.each<[Partial<Flow>, string]>([
    [{ solar: 1600, home: 414, grid: -1186 }, 'say.export'],
    [{ solar: 1600, home: 1595, grid: -5 }, 'say.covered'],
    [{ solar: 500, home: 1400, grid: 900 }, 'say.part'],
    [{ home: 900, grid: 900 }, 'say.gridOnly'],
    [{ solar: 3000, home: 1000, battery: -2000 }, 'say.charge'],
    [{ solar: 5000, home: 1000, battery: -2000, grid: -2000 }, 'say.chargeExport'],
    [{ solar: 500, home: 1500, battery: 1000 }, 'say.partBattery'],
    [{ solar: 500, home: 2500, battery: 1000, grid: 1000 }, 'say.partBatteryGrid'],
    [{ home: 1000, battery: 1000 }, 'say.battery'],
    [{ home: 2000, battery: 1000, grid: 1000 }, 'say.batteryGrid'],
    [{ home: 1000, battery: 3000, grid: -2000 }, 'say.batteryExport'],
    [{ home: 1000, battery: -2000, grid: 3000 }, 'say.gridCharge'],
    [{ home: 6, grid: 6 }, 'say.idle'],
    [{ solar: 1000, home: 2000, grid: 0 }, 'say.odd'],
    [{ solar: null, home: null, grid: 800 }, 'say.gridSolarUnknown'],
    [{ solar: null, home: null, grid: null }, 'say.missing'],
  ])('for %o is %s', (flow, key) => {
    expect(tell(flow)).toBe(key);
  });

  test('names no roof where there is none', () => {
    expect(tell({ solar: null, home: 900, grid: 900 }, {}, { solar: false, battery: false, ev: false })).toBe(
      'say.gridNoSolar',
    );
  });

  test('says that a clamp may be wrong before it says anything else about power', () => {
    expect(tell({ solar: 1600, home: 414, grid: -1186 }, { doubts: ['ct_reversed'] })).toBe('say.clamp');
  });

  test('says that the grid is out when every leg is dead', () => {
    expect(tell({ solar: 0, home: 0 }, { voltages: [0, 3] })).toBe('say.outage');
    expect(gridOut([0, 119], 'split_phase')).toBe(false);
    expect(gridOut([], 'split_phase')).toBe(false);
  });

  test('without a reading says so', () => {
    expect(say(null, { has, service: 'split_phase' })).toEqual({ key: 'say.none' });
  });
});
