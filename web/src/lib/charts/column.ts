// One quantity of a chart, as its legend and its table show it.

import type { PlainKey } from '../i18n/types';

export interface ChartColumn {
  readonly id: string;
  /** Colour token. */
  readonly token: string;
  readonly label: PlainKey;
  /** Drawn as a line instead of an area. */
  readonly line?: boolean;
}
