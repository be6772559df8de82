// From a catalogue entry and its parameters to a text. Pure.

import type { Catalogue, Key } from './types';

export type Values = Readonly<Record<string, string | number>>;

const rules = new Map<string, Intl.PluralRules>();

function ruleOf(locale: string, n: number): Intl.LDMLPluralRule {
  let rule = rules.get(locale);
  if (!rule) {
    rule = new Intl.PluralRules(locale);
    rules.set(locale, rule);
  }
  return rule.select(n);
}

/** Fills in `{name}`; numbers are written as the language does. */
export function translate(catalogue: Catalogue, locale: string, key: Key, values: Values = {}): string {
  const entry = catalogue[key];
  const n = values['n'];
  const template =
    typeof entry === 'string' ? entry : (entry[ruleOf(locale, typeof n === 'number' ? n : 0)] ?? entry.other);
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name] ?? '';
    return typeof value === 'number' ? value.toLocaleString(locale) : value;
  });
}
