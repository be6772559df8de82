// What a chart of the home has as columns. Pure.

import type { PlainKey } from '../i18n/types';
import type { Installed } from '../live/model';
import type { Column } from './mix';

export interface ChartColumn<Id extends string = string> {
  readonly id: Id;
  /** Colour token. */
  readonly token: string;
  readonly label: PlainKey;
  /** Drawn as a line instead of an area. */
  readonly line?: boolean;
}

/** The parts that are stacked: up what the home used and where it came from, down what left it. */
export function stacked(has: Installed): ChartColumn<Exclude<Column, 'home' | 'solar'>>[] {
  const own = { id: 'own', token: 'solar', label: 'chart.own' } as const;
  const stored = { id: 'stored', token: 'battery', label: 'chart.stored' } as const;
  const bought = { id: 'bought', token: 'import', label: 'chart.bought' } as const;
  const sold = { id: 'sold', token: 'export', label: 'chart.sold' } as const;
  const charging = { id: 'charging', token: 'battery', label: 'chart.charging' } as const;
  return [
    ...(has.solar ? [own] : []),
    ...(has.battery ? [stored] : []),
    bought,
    ...(has.solar || has.battery ? [sold] : []),
    ...(has.battery ? [charging] : []),
  ];
}
