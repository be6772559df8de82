// The counters of a data line, from an answer whose shape follows the appliance's code. Pure.

export interface BusCounters {
  readonly name: string;
  readonly counts: readonly (readonly [name: string, count: number])[];
}

/** Every number of the object, those of objects inside it with their own name; lists are left out. */
export function counters(bus: unknown, fallback: string): BusCounters {
  const counts: [string, number][] = [];
  let name = fallback;
  const walk = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner === 'number' && Number.isFinite(inner)) counts.push([key, inner]);
      else if (depth === 0 && (key === 'name' || key === 'bus') && typeof inner === 'string') name = inner;
      else if (depth < 1) walk(inner, depth + 1);
    }
  };
  walk(bus, 0);
  return { name, counts };
}
