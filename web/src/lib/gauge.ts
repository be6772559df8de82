// How far a gauge goes and how much of it is filled. Pure.

import { fullScale } from './flow';

/** The rating where it is known and not exceeded, else the next round number above what was seen. */
export function gaugeMax(rating: number | null, seen: readonly (number | null)[], least = 1000): number {
  let most = least;
  for (const watts of seen) most = Math.max(most, Math.abs(watts ?? 0));
  return rating !== null && rating >= most ? rating : fullScale(most);
}

/** Start and length of the filled part as shares of the arc; a two-way gauge fills from its middle. */
export function gaugeFill(watts: number | null, max: number, twoWay: boolean): { start: number; length: number } {
  if (watts === null || max <= 0) return { start: twoWay ? 0.5 : 0, length: 0 };
  const share = Math.min(1, Math.max(twoWay ? -1 : 0, watts / max));
  if (!twoWay) return { start: 0, length: share };
  return share >= 0 ? { start: 0.5, length: share / 2 } : { start: 0.5 + share / 2, length: -share / 2 };
}
