// The role colours, and how far apart they look to people with and without a colour-vision deficiency.
//
// Colour maths follow published models: WCAG 2 relative luminance, OKLab (Ottosson 2020), and the
// Machado, Oliveira and Fernandes (2009) matrices at full severity for protan, deutan and tritan vision.

export const ROLES = ['solar', 'home', 'import', 'export', 'battery', 'ev'] as const;
export type Role = (typeof ROLES)[number];

export type Vision = 'normal' | 'protan' | 'deutan' | 'tritan';
type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

const VISION: Record<Exclude<Vision, 'normal'>, Matrix> = {
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const OKLAB_CONES: Matrix = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const OKLAB_AXES: Matrix = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
];

const apply = (matrix: Matrix, v: Triple): Triple => {
  const row = (r: Triple): number => r[0] * v[0] + r[1] * v[1] + r[2] * v[2];
  return [row(matrix[0]), row(matrix[1]), row(matrix[2])];
};

/** `#rrggbb` as linear light. */
export function linear(hex: string): Triple {
  const channel = (at: number): number => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

/** WCAG contrast ratio of two colours, 1 to 21. */
export function contrast(a: string, b: string): number {
  const luminance = (hex: string): number => {
    const [r, g, blue] = linear(hex);
    return 0.2126 * r + 0.7152 * g + 0.0722 * blue;
  };
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

/** A colour in OKLab, as a kind of vision sees it. */
export function oklab(hex: string, vision: Vision = 'normal'): Triple {
  const light = linear(hex);
  const seen = vision === 'normal' ? light : apply(VISION[vision], light);
  const clamped = seen.map((c) => Math.min(1, Math.max(0, c))) as unknown as Triple;
  const cones = apply(OKLAB_CONES, clamped).map(Math.cbrt) as unknown as Triple;
  return apply(OKLAB_AXES, cones);
}

/** Distance of two colours in OKLab as a kind of vision sees them. */
export function distance(a: string, b: string, vision: Vision = 'normal'): number {
  const [x, y] = [oklab(a, vision), oklab(b, vision)];
  return Math.hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
}
