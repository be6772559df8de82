// Where the power comes from and where it goes: split, picture and speed.
//
// Pure. Watts in, rectangles out; what is unknown is not drawn, and what does not add up is shown as such.

import type { Flow, Installed } from './live/model';

/** Below this a flow is measuring noise: not drawn, not mentioned. */
export const QUIET_W = 15;
/** Beyond this share of the larger side the two sides do not add up. */
export const MISMATCH_SHARE = 0.1;

export type SourceId = 'solar' | 'battery' | 'import' | 'unexplained';
export type SinkId = 'home' | 'ev' | 'battery' | 'export' | 'unexplained';

export interface End<Id> {
  readonly id: Id;
  /** `null`: installed, but not known at the moment. */
  readonly watts: number | null;
}

export interface Ribbon {
  readonly from: SourceId;
  readonly to: SinkId;
  readonly watts: number;
}

export interface Split {
  /** `ribbons` say it all; `partial`: something installed is unknown, so nothing is split; `idle`: nothing flows. */
  readonly state: 'whole' | 'partial' | 'idle';
  readonly sources: readonly End<SourceId>[];
  readonly sinks: readonly End<SinkId>[];
  readonly ribbons: readonly Ribbon[];
  /** W that one side has more than the other; positive when more comes in than is seen to go out. */
  readonly unexplained: number;
}

/** Own power is used at home first, then stored, then sold; bought power covers the rest. */
const ORDER: readonly (readonly [SourceId, SinkId])[] = [
  ['solar', 'home'],
  ['solar', 'ev'],
  ['solar', 'battery'],
  ['solar', 'export'],
  ['battery', 'home'],
  ['battery', 'ev'],
  ['battery', 'export'],
  ['import', 'home'],
  ['import', 'ev'],
  ['import', 'battery'],
  ['solar', 'unexplained'],
  ['battery', 'unexplained'],
  ['import', 'unexplained'],
  ['unexplained', 'home'],
  ['unexplained', 'ev'],
  ['unexplained', 'battery'],
  ['unexplained', 'export'],
];

const above = (watts: number): number => (watts > 0 ? watts : 0);
const sum = (ends: readonly End<unknown>[]): number => ends.reduce((total, end) => total + above(end.watts ?? 0), 0);

/** The installed quantities in play, or `null` for each that is not known. */
function known(flow: Flow, has: Installed) {
  return {
    solar: has.solar ? flow.solar : 0,
    home: flow.home,
    grid: flow.grid,
    battery: has.battery ? flow.battery : 0,
    // A car charger is part of the home: unknown just means that it cannot be told apart.
    ev: has.ev ? (flow.ev ?? 0) : 0,
  };
}

/** Divides what comes in among what goes out. */
export function split(flow: Flow, has: Installed): Split {
  const { solar, home, grid, battery, ev } = known(flow, has);
  if (solar === null || home === null || grid === null || battery === null) return partial(flow, has);
  const sources: End<SourceId>[] = [
    { id: 'solar', watts: above(solar) },
    { id: 'battery', watts: above(battery) },
    { id: 'import', watts: above(grid) },
  ];
  const car = Math.min(above(ev), above(home));
  const sinks: End<SinkId>[] = [
    { id: 'home', watts: above(home) - car },
    { id: 'ev', watts: car },
    { id: 'battery', watts: above(-battery) },
    { id: 'export', watts: above(-grid) },
  ];
  const excess = sum(sources) - sum(sinks);
  const large = Math.max(sum(sources), sum(sinks));
  const odd = Math.abs(excess) > Math.max(large * MISMATCH_SHARE, 2 * QUIET_W);
  if (odd && excess > 0) sinks.push({ id: 'unexplained', watts: excess });
  if (odd && excess < 0) sources.push({ id: 'unexplained', watts: -excess });
  const drawn = <Id>(ends: End<Id>[]): End<Id>[] => ends.filter((end) => (end.watts ?? 0) >= QUIET_W);
  const ribbons = allocate(drawn(sources), drawn(sinks));
  // The home is always there, also with a value that cannot be: hiding it would hide the fault.
  const used: End<SinkId> = { id: 'home', watts: home < 0 ? home : home - car };
  return {
    state: ribbons.length > 0 ? 'whole' : 'idle',
    sources: drawn(sources),
    sinks: [used, ...drawn(sinks).filter((end) => end.id !== 'home')],
    ribbons,
    unexplained: odd ? excess : 0,
  };
}

function allocate(sources: readonly End<SourceId>[], sinks: readonly End<SinkId>[]): Ribbon[] {
  const left = new Map(sources.map((end) => [end.id, end.watts ?? 0]));
  const open = new Map(sinks.map((end) => [end.id, end.watts ?? 0]));
  const ribbons: Ribbon[] = [];
  for (const [from, to] of ORDER) {
    const watts = Math.min(left.get(from) ?? 0, open.get(to) ?? 0);
    if (watts < 1) continue;
    ribbons.push({ from, to, watts });
    left.set(from, (left.get(from) ?? 0) - watts);
    open.set(to, (open.get(to) ?? 0) - watts);
  }
  return ribbons.filter((ribbon) => ribbon.watts >= QUIET_W / 2);
}

/** Every installed end with what is known of it; no ribbons, because a split would be invented. */
function partial(flow: Flow, has: Installed): Split {
  const sources: End<SourceId>[] = [];
  const sinks: End<SinkId>[] = [{ id: 'home', watts: flow.home }];
  if (has.solar) sources.push({ id: 'solar', watts: flow.solar });
  if (has.battery) {
    const charging = (flow.battery ?? 0) < -QUIET_W;
    if (charging) sinks.push({ id: 'battery', watts: -(flow.battery ?? 0) });
    else sources.push({ id: 'battery', watts: flow.battery });
  }
  const exporting = (flow.grid ?? 0) < -QUIET_W;
  if (exporting) sinks.push({ id: 'export', watts: -(flow.grid ?? 0) });
  else sources.push({ id: 'import', watts: flow.grid });
  return { state: 'partial', sources, sinks, ribbons: [], unexplained: 0 };
}

export interface Box<Id> extends End<Id> {
  readonly y: number;
  readonly height: number;
}

export interface Band extends Ribbon {
  /** Top edge at the left and at the right side. */
  readonly y0: number;
  readonly y1: number;
  readonly thickness: number;
}

export interface Picture {
  readonly sources: readonly Box<SourceId>[];
  readonly sinks: readonly Box<SinkId>[];
  readonly bands: readonly Band[];
}

export interface Frame {
  readonly height: number;
  /** Thickness of all ribbons together when the scale is full. */
  readonly full: number;
  readonly minNode: number;
  readonly gap: number;
}

/** The next step of 0.5, 0.6, 0.8, 1, 1.5 … kW: widths keep their meaning from second to second. */
export function fullScale(watts: number): number {
  for (let decade = 100; decade <= 1e7; decade *= 10) {
    for (const step of [1, 1.5, 2, 3, 4, 5, 6, 8]) {
      if (watts <= step * decade && step * decade >= 500) return step * decade;
    }
  }
  return watts;
}

/** Height a side needs at most, so that the figure never changes size while the power does. */
export const sideHeight = (nodes: number, frame: Pick<Frame, 'full' | 'minNode' | 'gap'>): number =>
  frame.full + (nodes - 1) * (frame.minNode + frame.gap);

/** Places nodes and ribbons; thickness is proportional to watts, with a hair that stays visible. */
export function layout(parts: Split, frame: Frame): Picture {
  const total = Math.max(sum(parts.sources), sum(parts.sinks));
  const perWatt = parts.ribbons.length > 0 ? frame.full / fullScale(total) : 0;
  const place = <Id>(ends: readonly End<Id>[]): Box<Id>[] => {
    const heights = ends.map((end) => Math.max(frame.minNode, (end.watts ?? 0) * perWatt));
    const all = heights.reduce((a, b) => a + b, 0) + Math.max(0, ends.length - 1) * frame.gap;
    const spare = Math.max(0, frame.height - all);
    // Nodes spread out over spare height, but not so far that the figure falls apart.
    const gap = frame.gap + (ends.length > 1 ? Math.min(28, spare / ends.length) : 0);
    let y = Math.max(0, (spare - (gap - frame.gap) * Math.max(0, ends.length - 1)) / 2);
    return ends.map((end, index) => {
      const height = heights[index] ?? frame.minNode;
      const box = { ...end, y, height };
      y += height + gap;
      return box;
    });
  };
  const sources = place(parts.sources);
  const sinks = place(parts.sinks);
  return { sources, sinks, bands: connect(parts.ribbons, sources, sinks, perWatt) };
}

function connect(
  ribbons: readonly Ribbon[],
  sources: readonly Box<SourceId>[],
  sinks: readonly Box<SinkId>[],
  perWatt: number,
): Band[] {
  // Ribbons sit in the middle of their node, in the order of the other side, so that they do not cross more than needed.
  const start = <Id>(box: Box<Id>, mine: readonly Ribbon[]): number =>
    box.y + (box.height - mine.reduce((total, ribbon) => total + ribbon.watts * perWatt, 0)) / 2;
  const at0 = new Map(
    sources.map((box) => [
      box.id,
      start(
        box,
        ribbons.filter((r) => r.from === box.id),
      ),
    ]),
  );
  const at1 = new Map(
    sinks.map((box) => [
      box.id,
      start(
        box,
        ribbons.filter((r) => r.to === box.id),
      ),
    ]),
  );
  const rank = (ids: readonly string[], id: string): number => ids.indexOf(id);
  const sourceIds = sources.map((box) => box.id);
  const sinkIds = sinks.map((box) => box.id);
  const y0s = new Map<Ribbon, number>();
  const y1s = new Map<Ribbon, number>();
  for (const ribbon of [...ribbons].sort((a, b) => rank(sinkIds, a.to) - rank(sinkIds, b.to))) {
    const y = at0.get(ribbon.from) ?? 0;
    y0s.set(ribbon, y);
    at0.set(ribbon.from, y + ribbon.watts * perWatt);
  }
  for (const ribbon of [...ribbons].sort((a, b) => rank(sourceIds, a.from) - rank(sourceIds, b.from))) {
    const y = at1.get(ribbon.to) ?? 0;
    y1s.set(ribbon, y);
    at1.set(ribbon.to, y + ribbon.watts * perWatt);
  }
  return ribbons.map((ribbon) => {
    const real = ribbon.watts * perWatt;
    const thickness = Math.max(real, 2);
    const lift = (thickness - real) / 2;
    return { ...ribbon, y0: (y0s.get(ribbon) ?? 0) - lift, y1: (y1s.get(ribbon) ?? 0) - lift, thickness };
  });
}

/** Seconds a mark takes from side to side: 6 s at 30 W, 1.2 s at 10 kW, logarithmic, absolute. */
export function crossing(watts: number): number {
  const [slow, fast] = [Math.log(30), Math.log(10_000)];
  const share = (Math.log(Math.max(watts, 1)) - slow) / (fast - slow);
  return 6 - 4.8 * Math.min(1, Math.max(0, share));
}
