import { readFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { en } from '../../src/lib/i18n/en';
import { expectAccessible, expectNoSideScroll, expectNothingClipped, unlock, withMock } from './helpers';

const PAGES = [
  '',
  '/history',
  '/history?range=year&compare=previous',
  '/health',
  '/setup',
  '/cloud',
  '/about',
  '/nowhere',
];

for (const theme of ['light', 'dark'] as const) {
  for (const width of [390, 1280]) {
    test(`every page is accessible and fits, ${theme}, ${width} px`, async ({ page }) => {
      test.slow();
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme: theme });
      for (const [scene, paths] of [
        ['battery', PAGES],
        ['ct', ['', '/health', '/setup']],
        ['stale', ['']],
        ['empty', ['', '/history']],
        ['backlog', ['/health', '/cloud']],
        ['unregistered', ['/health', '/cloud']],
        ['local', ['/health', '/cloud']],
        ['failing', ['/history', '/health', '/cloud', '/about']],
      ] as const) {
        await withMock(scene, async (mock) => {
          await unlock(page, mock);
          for (const path of paths) {
            await test.step(`${scene} ${path}`, async () => {
              await page.goto(`${mock.url}/dashboard${path}`);
              await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
              await expect(page.locator('.card').first().or(page.getByText('There is no such page.'))).toBeVisible();
              await page.waitForLoadState('networkidle').catch(() => undefined);
              await expectAccessible(page);
              await expectNoSideScroll(page);
            });
          }
        });
      }
    });
  }
}

test('every page fits 320 px, and text at twice its size, without scrolling sideways', async ({ page }) => {
  await withMock('battery', async (mock) => {
    await unlock(page, mock);
    for (const path of PAGES) {
      await page.setViewportSize({ width: 320, height: 640 });
      await page.goto(`${mock.url}/dashboard${path}`);
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      await page.waitForTimeout(300);
      await expectNoSideScroll(page);
      await page.setViewportSize({ width: 640, height: 640 });
      await page.addStyleTag({ content: 'html { font-size: 200% }' });
      await page.waitForTimeout(300);
      await expectNoSideScroll(page);
    }
  });
});

test('labels forty percent longer than English are not cut off', async ({ page }) => {
  const longer = (text: string): string => {
    const more = Math.ceil(text.replace(/\{\w+\}/g, '').length * 0.4);
    return (
      text +
      'ëëëëëëë '
        .repeat(Math.ceil(more / 8))
        .slice(0, more)
        .trimEnd()
    );
  };
  const pseudo = Object.fromEntries(
    Object.entries(en).map(([key, entry]) => [
      key,
      typeof entry === 'string'
        ? longer(entry)
        : Object.fromEntries(Object.entries(entry).map(([rule, text]) => [rule, longer(text)])),
    ]),
  );
  const body = `const c=${JSON.stringify(pseudo)};export{c as de};`;
  await page.route('**/assets/de-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body }));
  await page.addInitScript(() => localStorage.setItem('solthrive.language', 'de'));
  await withMock('battery', async (mock) => {
    await unlock(page, mock);
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      for (const path of PAGES) {
        await page.goto(`${mock.url}/dashboard${path}`);
        await expect(page.getByRole('navigation')).toContainText('ë');
        await page.waitForTimeout(300);
        await expectNoSideScroll(page);
        await expectNothingClipped(page);
      }
    }
  });
});

test('history asks for the access code once, and remembers it', async ({ page }) => {
  await withMock('sunny', async (mock) => {
    await page.goto(`${mock.url}/dashboard/history`);
    await page.getByLabel('Access code').fill('guess');
    await page.getByRole('button', { name: 'Unlock' }).click();
    await expect(page.getByRole('alert')).toContainText('That is not the access code.');
    await page.getByLabel('Access code').fill('test-token');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name: 'Power through the day' })).toBeVisible();
    await page.reload();
    await expect(page.getByRole('heading', { name: 'Power through the day' })).toBeVisible();
  });
});

test('history keeps range, date, comparison and table in the address', async ({ page }) => {
  await withMock('sunny', async (mock) => {
    await unlock(page, mock);
    await page.goto(`${mock.url}/dashboard/history?range=month&date=2026-05-10&compare=previous&view=table`);
    await expect(page.getByText('May 2026')).toBeVisible();
    await expect(page.getByRole('table').locator('tbody tr')).toHaveCount(31);
    await page.getByRole('button', { name: 'Earlier' }).click();
    await expect(page).toHaveURL(/date=2026-04-10/);
    await page.getByRole('button', { name: 'Week', exact: true }).click();
    await expect(page.getByRole('table').locator('tbody tr')).toHaveCount(7);
    await expect(page.getByText(/against/).first()).toBeVisible();
  });
});

test('what history shows is saved as CSV', async ({ page }) => {
  await withMock('battery', async (mock) => {
    await unlock(page, mock);
    await page.goto(`${mock.url}/dashboard/history?range=month&date=2026-05-10`);
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as CSV' }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe('solthrive-month-2026-05-10.csv');
    const lines = (await readFile(await file.path(), 'utf8')).trim().split('\r\n');
    expect(lines[0]).toBe('date,made_kwh,used_kwh,bought_kwh,sold_kwh,stored_kwh,from_storage_kwh,coverage');
    expect(lines).toHaveLength(32);
  });
});

test('a time without data says why that may be', async ({ page }) => {
  await withMock('sunny', async (mock) => {
    await unlock(page, mock);
    await page.goto(`${mock.url}/dashboard/history?range=day&date=2024-01-01`);
    await expect(page.getByText('There is no data for this time.')).toBeVisible();
  });
});

test('a failing appliance is quoted with the id of the request, and asked again', async ({ page }) => {
  await withMock('failing', async (mock) => {
    await page.goto(`${mock.url}/dashboard/health`);
    await expect(page.getByText('the store is being repaired')).toBeVisible();
    await expect(page.getByText('Request 7f3a9c21')).toBeVisible();
    mock.change({ failing: false });
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByRole('heading', { name: 'Problems now' })).toBeVisible();
  });
});

test('pages change without loading anew, with the keyboard alone, and say where they are', async ({ page }) => {
  await withMock('sunny', async (mock) => {
    await page.goto(`${mock.url}/dashboard`);
    await page.keyboard.press('Tab');
    await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
    await page.getByRole('link', { name: 'Health', exact: true }).focus();
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/\/dashboard\/health$/);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Health');
    await expect(page).toHaveTitle('Health · Oak Street 5');
    await page.goBack();
    await expect(page).toHaveURL(/\/dashboard$/);
  });
});

test('a page of a build that is gone offers a reload instead of staying empty', async ({ page }) => {
  await withMock('sunny', async (mock) => {
    await page.route('**/assets/later-*.js', (route) => route.fulfill({ status: 404, body: '' }));
    await page.goto(`${mock.url}/dashboard/health`);
    await expect(page.getByText('This page could not be loaded.')).toBeVisible();
  });
});

test('nothing is asked of any other machine', async ({ page }) => {
  await withMock('sunny', async (mock) => {
    const foreign: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(mock.url) && !request.url().startsWith('data:')) foreign.push(request.url());
    });
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(`${mock.url}/dashboard`);
    await expect(page.locator('.pill')).toHaveText('Live');
    expect(foreign).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
