// A sentence's numbers in the reader's language.

import { formatPercent, formatPower } from './format';
import { i18n, t } from './i18n/i18n.svelte';
import type { Sentence } from './sentence';

/** Reactive: reads the language. */
export function sentenceText(sentence: Sentence): string {
  const { locale } = i18n;
  const power = (watts: number): string => formatPower(watts, locale);
  switch (sentence.key) {
    case 'say.gridOnly':
    case 'say.gridNoSolar':
    case 'say.gridSolarUnknown':
      return t(sentence.key, { home: power(sentence.home) });
    case 'say.export':
    case 'say.batteryExport':
      return t(sentence.key, { out: power(sentence.out) });
    case 'say.charge':
      return t(sentence.key, { into: power(sentence.into) });
    case 'say.chargeExport':
      return t(sentence.key, { into: power(sentence.into), out: power(sentence.out) });
    case 'say.part':
    case 'say.partBatteryGrid':
      return t(sentence.key, { share: formatPercent(sentence.share, locale), bought: power(sentence.bought) });
    case 'say.partBattery':
      return t(sentence.key, { share: formatPercent(sentence.share, locale), stored: power(sentence.stored) });
    case 'say.battery':
      return t(sentence.key, { stored: power(sentence.stored) });
    case 'say.batteryGrid':
      return t(sentence.key, { stored: power(sentence.stored), bought: power(sentence.bought) });
    case 'say.gridCharge':
      return t(sentence.key, { bought: power(sentence.bought), into: power(sentence.into) });
    default:
      return t(sentence.key);
  }
}
