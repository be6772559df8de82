/** The real page, fed by the real daemon, fed by the simulated meter. */
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { Home } from '../home';

interface Truth {
  replies: { points: Record<string, { sent?: number }> }[];
}

/** Watts at the home's bus as the meter sent them last. */
function lastSent(truth: Truth): { solar: number; grid: number } {
  const last = truth.replies.findLast((reply) => reply.points.p_l3?.sent !== undefined)!.points;
  return { solar: 2 * last.p_l3!.sent!, grid: last.p_l1!.sent! + last.p_l2!.sent! };
}

test('the page shows what the meter measures, moves with it, and says when it cannot', async ({ page }) => {
  test.setTimeout(120_000);
  const home = await Home.start();
  try {
    const shown = async (name: string) => Number(await page.getByRole('meter', { name }).getAttribute('aria-valuenow'));
    await page.goto(`${home.url}/`);
    await expect(page).toHaveURL(/\/dashboard$/);
    await expect(page.locator('.pill')).toHaveText('Live');

    for (const pins of [
      { solar_kw: 3.2, home_kw: 1.1 },
      { solar_kw: 0.4, home_kw: 2.5 },
    ]) {
      await home.set(pins);
      // The gauge shows whole watts of what was sent in the newest poll.
      await expect
        .poll(async () => {
          const { solar, grid } = lastSent(await home.truth<Truth>());
          const near = Math.abs(solar - 1000 * pins.solar_kw) < 60;
          const [seenSolar, seenGrid, seenHome] = [await shown('Solar'), await shown('Grid'), await shown('Home')];
          const off = [seenSolar - solar, seenGrid - grid, seenHome - (solar + grid)].map(Math.abs);
          return near && Math.max(...off) <= 1.5;
        })
        .toBe(true);
    }
    await expect(page.getByRole('heading', { level: 1 })).toContainText('kW');

    await home.faults([{ kind: 'no_reply', seconds: 15 }]);
    await expect(page.locator('.pill')).toContainText('Last reading', { timeout: 20_000 });
    await expect(page.getByText('The meter does not answer')).toBeVisible();
    await expect(page.locator('.pill')).toHaveText('Live', { timeout: 40_000 });

    await home.killAppliance();
    await expect(page.locator('.pill')).toContainText('Not connected', { timeout: 30_000 });
    await home.startAppliance();
    await expect(page.locator('.pill')).toHaveText('Live', { timeout: 40_000 });
  } finally {
    await home.stop();
  }
});

test('the pages of a real appliance are accessible, in both themes, on a phone and a desktop', async ({ browser }) => {
  test.setTimeout(180_000);
  const home = await Home.start();
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [390, 1280]) {
        const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
        const page = await context.newPage();
        for (const path of ['', '/health', '/history', '/setup', '/cloud', '/about']) {
          await page.goto(`${home.url}/dashboard${path}`);
          await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
          const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze();
          expect(violations.map((found) => found.id), `${path} ${colorScheme} ${width}`).toEqual([]);
          const wider = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
          expect(wider, `${path} scrolls sideways at ${width}`).toBe(false);
        }
        await context.close();
      }
    }
  } finally {
    await home.stop();
  }
});

test('the history opens with the code from the appliance, and only with it', async ({ page }) => {
  const home = await Home.start();
  try {
    await page.goto(`${home.url}/dashboard/history`);
    const field = page.getByRole('textbox').or(page.locator('input[type=password]'));
    await field.first().fill('wrong-code-of-somebody');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('alert')).toBeVisible();
    await field.first().fill(await home.token());
    await page.keyboard.press('Enter');
    await expect(page.getByRole('alert')).toHaveCount(0);
    await expect(page.getByRole('link', { name: 'CSV' }).or(page.getByRole('button', { name: 'CSV' }))).toBeVisible();
  } finally {
    await home.stop();
  }
});
