import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { contrast, distance, ROLES, type Vision } from '../../src/lib/palette';

const css = readFileSync(new URL('../../src/lib/styles/tokens.css', import.meta.url), 'utf8');

function token(name: string, theme: 'light' | 'dark'): string {
  const found = new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css);
  const colour = theme === 'light' ? found?.[1] : found?.[2];
  if (!colour) throw new Error(`no token ${name}`);
  return colour;
}

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test.each(ROLES)('%s stands out from a card by 3:1', (role) => {
    expect(contrast(token(role, theme), token('surface', theme))).toBeGreaterThanOrEqual(3);
  });

  test.each(['normal', 'protan', 'deutan', 'tritan'] as Vision[])('six roles stay apart in %s vision', (vision) => {
    const pairs = ROLES.flatMap((a, i) => ROLES.slice(i + 1).map((b) => [a, b] as const));
    for (const [a, b] of pairs) {
      const apart = distance(token(a, theme), token(b, theme), vision);
      expect(apart, `${a} and ${b}`).toBeGreaterThanOrEqual(0.12);
    }
  });

  test.each(['ink', 'ink-2', 'ok', 'warn', 'err'])('%s is readable text on page, card and tile', (name) => {
    for (const ground of ['bg', 'surface', 'surface-2']) {
      expect(contrast(token(name, theme), token(ground, theme)), ground).toBeGreaterThanOrEqual(4.5);
    }
  });
});
