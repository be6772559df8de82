import { expect, test, type Page } from '@playwright/test';
import { withMock } from './helpers';

const pill = (page: Page) => page.locator('.pill');

test('the first number is in the page before the stream says anything', async ({ page }) => {
  await withMock('offline', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    await expect(page.getByRole('heading', { level: 1 })).toContainText('kW');
    await expect(page.getByRole('meter', { name: 'Solar' })).toHaveAttribute('aria-valuetext', /kW/);
    await expect(pill(page)).toContainText('Not connected. Trying again…');
  });
});

test('numbers move with the stream and the sentence names them', async ({ page }) => {
  await withMock('sunny', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(
      /^The roof covers the whole home and sends [\d.]+\skW to the grid\.$/,
    );
    await expect(pill(page)).toHaveText('Live');
    mock.change({ pin: { solar_kw: 0, home_kw: 0.65, grid_kw: 0.65 } });
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(
      /^The roof is resting: all 650\sW come from the grid\.$/,
    );
    await expect(page.getByRole('list', { name: 'Where it comes from' })).toHaveText(/From grid\s*650\sW/);
    await expect(page.getByRole('list', { name: 'Where it goes' })).toHaveText(/Home\s*650\sW/);
  });
});

test('readings that stop are called old, greyed and without motion', async ({ page }) => {
  await withMock('stale', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    await expect(pill(page)).toHaveText(/Last reading 1\d\ss ago/);
    await expect(page.getByRole('heading', { level: 1 })).toContainText('nothing newer has arrived');
    await expect(page.getByRole('figure', { name: 'Where the power goes' })).toHaveCSS('filter', 'grayscale(1)');
    const moving = await page.evaluate(() => document.getAnimations().filter((a) => a.playState === 'running').length);
    expect(moving).toBe(0);
    await expect(page.getByText('The meter does not answer')).toBeVisible();
    await expect(page.getByText('What to do:').first()).toBeVisible();
  });
});

test('a lost connection comes back by itself', async ({ page }) => {
  await withMock('sunny', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    await expect(pill(page)).toHaveText('Live');
    mock.change({ deaf: true });
    mock.hangUp();
    await expect(pill(page)).toContainText('Not connected');
    mock.change({ deaf: false });
    await expect(pill(page)).toHaveText('Live', { timeout: 30_000 });
  });
});

test('another version of the appliance offers its new page', async ({ page }) => {
  await withMock('sunny', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    mock.update('2.1.0');
    await expect(page.getByText('The appliance was updated to version 2.1.0.')).toBeVisible({ timeout: 15_000 });
    await page.getByRole('button', { name: 'Load the new page' }).click();
    await expect(page.getByText('The appliance was updated')).toHaveCount(0);
  });
});

test('what is not known is a dash, and the flow is not invented', async ({ page }) => {
  await withMock('unknown', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    await expect(page.getByRole('meter', { name: 'Solar' })).toHaveAttribute('aria-valuetext', 'not known');
    await expect(page.getByRole('list', { name: 'Where it comes from' })).toContainText('–');
    await expect(page.locator('figure polygon')).toHaveCount(0);
    await expect(page.getByText('The flow is drawn when every reading is there.')).toBeVisible();
  });
});

test('a clamp that may be on backwards is said first, with what to do about it', async ({ page }) => {
  await withMock('ct', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    await expect(page.getByRole('heading', { level: 1 })).toContainText('may be on backwards');
    await page.getByRole('link', { name: '2 problems' }).click();
    await expect(page.getByRole('heading', { name: /Fault: A current clamp may be on backwards/ })).toBeInViewport();
    await expect(page.getByText('Turn the clamp so that its arrow points to the loads')).toBeVisible();
    await page.getByText('What the appliance saw').first().click();
    await expect(page.getByText('92 % sure')).toBeVisible();
  });
});

test('an appliance without any reading says that it waits', async ({ page }) => {
  await withMock('empty', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('There is no reading yet.');
    await expect(pill(page)).toContainText('Waiting for the first reading');
    await expect(page.getByText('No history yet.')).toBeVisible();
  });
});

test('the chart is read with the keyboard and as a table', async ({ page }) => {
  await withMock('evening', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    const chart = page.getByRole('slider');
    await chart.focus();
    await page.keyboard.press('Home');
    await expect(chart).toHaveAttribute('aria-valuenow', '0');
    await page.keyboard.press('ArrowRight');
    await expect(chart).toHaveAttribute(
      'aria-valuetext',
      /^\d+:\d\d\s[AP]M: Own solar .+W, Bought .+W, Sold .+W, Home .+W$/,
    );
    await expect(page.getByText(/2 gaps of .* in total/)).toBeVisible();
    await page.getByRole('button', { name: 'Table' }).click();
    const rows = page.getByRole('table').locator('tbody tr');
    await expect(rows).toHaveCount(48);
    await expect(rows.filter({ hasText: '–' })).not.toHaveCount(0);
  });
});

test('the language and the appearance that were chosen survive a reload', async ({ page }) => {
  await withMock('sunny', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    await page.getByLabel('Language').selectOption('de');
    await expect(page.getByRole('heading', { level: 1 })).toContainText('Das Dach versorgt das ganze Haus');
    await page.getByRole('button', { name: /Darstellung/ }).click();
    await page.getByRole('button', { name: 'Darstellung: Hell' }).click();
    await page.reload();
    await expect(page.locator('html')).toHaveAttribute('lang', 'de');
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    await expect(page.getByRole('heading', { level: 1 })).toContainText('Das Dach versorgt');
  });
});

test('who asked for less motion gets marks that stand still', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await withMock('sunny', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    await expect(page.locator('.marks i')).not.toHaveCount(0);
    const moving = await page.evaluate(() => document.getAnimations().filter((a) => a.playState === 'running').length);
    expect(moving).toBe(0);
  });
});
