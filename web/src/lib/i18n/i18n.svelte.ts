// The language of the page: chosen once before the first paint, changed by the reader at any time.

import { en } from './en';
import { translate, type Values } from './translate';
import type { Args, Catalogue, Key } from './types';

export const LANGUAGES = [
  ['en', 'English'],
  ['es', 'Español'],
  ['de', 'Deutsch'],
  ['fr', 'Français'],
] as const;
export type Language = (typeof LANGUAGES)[number][0];

const LOADERS: Record<Exclude<Language, 'en'>, () => Promise<Catalogue>> = {
  es: async () => (await import('./es')).es,
  de: async () => (await import('./de')).de,
  fr: async () => (await import('./fr')).fr,
};

const STORED = 'solthrive.language';

/** The reader's own choice, else the browser's languages, else the site's, else English. */
export function pickLanguage(stored: string | null, browser: readonly string[], site: string | null): Language {
  for (const wanted of [stored, ...browser, site]) {
    const base = wanted?.toLowerCase().split('-')[0];
    const known = LANGUAGES.find(([language]) => language === base);
    if (known) return known[0];
  }
  return 'en';
}

class I18n {
  language = $state<Language>('en');
  /** For `Intl`: the browser's regional form of the language where it has one, so that dates look as they do elsewhere. */
  locale = $state('en');
  #catalogue = $state.raw<Catalogue>(en);

  /** Loads the language; on failure (an old tab after an update) the page stays as it is. */
  async use(language: Language): Promise<void> {
    try {
      const catalogue = language === 'en' ? en : await LOADERS[language]();
      this.#catalogue = catalogue;
      this.language = language;
      this.locale = navigator.languages.find((tag) => tag.toLowerCase().split('-')[0] === language) ?? language;
      document.documentElement.lang = language;
    } catch {
      document.documentElement.lang = this.language;
    }
  }

  async choose(language: Language): Promise<void> {
    remember(language);
    await this.use(language);
  }

  async start(site: string | null): Promise<void> {
    await this.use(pickLanguage(recall(), navigator.languages, site));
  }

  readonly t = <K extends Key>(key: K, ...args: Args<K>): string =>
    translate(this.#catalogue, this.locale, key, (args as [Values?])[0]);
}

function recall(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function remember(language: Language): void {
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // Private mode: the choice lasts for this page only.
  }
}

export const i18n = new I18n();
export const t = i18n.t;
