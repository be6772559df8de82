// Promises that hold for every page. The project's end-to-end tests may use them too.

import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';
import { startMock, type Mock } from '../../mock/server.js';

/** No violation of WCAG 2.2 A and AA that axe can find. */
export async function expectAccessible(page: Page): Promise<void> {
  const builder = new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']);
  const { violations } = await builder.analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
}

/** The page fits its width: only regions that say so scroll sideways. Names what sticks out. */
export async function expectNoSideScroll(page: Page): Promise<void> {
  const outside = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    return [...document.querySelectorAll('main *, header *')]
      .filter((element) => element.getBoundingClientRect().right > clientWidth + 1 && !element.closest('.scroll'))
      .map(
        (element) =>
          `${element.tagName} ${element.getAttribute('class') ?? ''} ${element.textContent.trim().slice(0, 40)}`,
      );
  });
  expect(outside, page.url()).toEqual([]);
}

/** No text of a button, link, label or tile is cut off. */
export async function expectNothingClipped(page: Page): Promise<void> {
  const clipped = await page.evaluate(() =>
    [...document.querySelectorAll('button, a, h1, h2, h3, dt, dd, label, figure li, .label')]
      .filter((element) => element.clientWidth > 2 && element.scrollWidth > element.clientWidth + 1)
      .map((element) => `${element.tagName} ${element.textContent.trim()}`),
  );
  expect(clipped).toEqual([]);
}

/** Runs a test against a pretended appliance in one of its scenes. */
export async function withMock(scene: string, test: (mock: Mock) => Promise<void>): Promise<void> {
  const mock = await startMock({ scene });
  try {
    await test(mock);
  } finally {
    await mock.close();
  }
}

/** The browser as one that has given the access code. */
export async function unlock(page: Page, mock: Mock): Promise<void> {
  await page.context().addCookies([{ name: 'session', value: 'yes', url: mock.url }]);
}
