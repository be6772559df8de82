import { expect, test } from '@playwright/test';
import { unlock, withMock } from './helpers';

test('a backlog is told with its length, its reason in full, and a countdown', async ({ page }) => {
  await withMock('backlog', async (mock) => {
    await page.goto(`${mock.url}/dashboard/health`);
    const block = page.getByRole('region', { name: 'Cloud' });
    await expect(block).toContainText('Data is kept here and sent later.');
    await expect(block).toContainText(
      'the name api.solthrive.cloud is not found: is there internet, and does DNS work?',
    );
    await expect(block).toContainText(/4,812, at least the last 20\sh 3\smin/);
    await expect(block).toContainText(/20\sh 3\smin ago/);
    await expect(block).toContainText(/1\smin behind/);
    mock.change({ cloud: { state: 'unreachable', contact: 30, delivery: { next_try_s: 9, waiting_rows: 2 } } });
    for (const seconds of [8, 7]) await expect(block).toContainText(new RegExp(`in ${seconds}\\ss`));
    await expect(block.getByRole('link')).toHaveCount(0);
  });
});

test('without a cloud the page says that nothing leaves the home, and asks for nothing', async ({ page }) => {
  await withMock('local', async (mock) => {
    await page.goto(`${mock.url}/dashboard/cloud`);
    await expect(page.getByRole('region', { name: 'State' })).toHaveText(
      'State This appliance works without a cloud. Nothing leaves this home.',
    );
    await expect(page.getByRole('textbox')).toHaveCount(0);
    await expect(page.getByLabel('Access code')).toHaveCount(0);
  });
});

test('ages go by the appliance’s clock, wherever the browser’s stands', async ({ page }) => {
  await page.clock.install({ time: new Date('2031-01-01T00:00:00Z') });
  await withMock('unregistered', async (mock) => {
    await page.goto(`${mock.url}/dashboard/health`);
    await expect(page.getByRole('region', { name: 'Cloud' })).toContainText(/40, at least the last 10\smin/);
  });
});

test('an appliance is registered by keyboard: link, access code, installer’s code, home', async ({ page }) => {
  await withMock('unregistered', async (mock) => {
    await page.goto(`${mock.url}/dashboard/health`);
    await page.getByRole('link', { name: 'Register this appliance' }).focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
    await page.getByLabel('Access code').fill('test-token');
    await page.keyboard.press('Enter');
    const field = page.getByLabel('Installer’s code');
    await expect(field).toBeFocused();
    await page.keyboard.type('abcde 0000');
    await page.keyboard.press('Enter');
    const alert = page.getByRole('alert');
    await expect(alert).toHaveText(
      'Not registered: the cloud does not register this appliance: is the code typed right?',
    );
    await expect(field).toHaveAttribute('aria-invalid', 'true');
    await expect(field).toHaveAccessibleDescription(/Not registered: .*Ten letters and digits/);
    await field.fill('abcde – 12345');
    await page.keyboard.press('Enter');
    const result = page.getByRole('status').filter({ hasText: 'Registered.' });
    await expect(result).toBeFocused();
    await expect(result).toHaveText('Registered. Its home in the cloud: 0190c1de-7b51-7c62-a4a4-9a52a1d0c0de');
    await expect(page.getByRole('region', { name: 'State' })).toContainText('Connected.');
  });
});

test('another time zone is warned of, with both', async ({ page }) => {
  await withMock('unregistered', async (mock) => {
    await unlock(page, mock);
    await page.goto(`${mock.url}/dashboard/cloud`);
    await page.getByLabel('Installer’s code').fill('ABCDE-ZONES');
    await page.getByRole('button', { name: 'Register' }).click();
    await expect(page.getByText(/is America\/New_York, and here it is America\/Los_Angeles/)).toBeVisible();
  });
});

test('while the cloud is asked the page says so, keeps the focus and does not ask twice', async ({ page }) => {
  await withMock('unregistered', async (mock) => {
    await unlock(page, mock);
    let asked = 0;
    await page.route('**/api/cloud/registration', async (route) => {
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await route.fulfill({
        status: 502,
        contentType: 'application/problem+json',
        json: { title: 'Cloud not reached', detail: 'the cloud cannot be asked now: localhost did not answer in time' },
      });
    });
    await page.goto(`${mock.url}/dashboard/cloud`);
    await page.getByLabel('Installer’s code').fill('ABCDE-12345');
    const button = page.getByRole('button', { name: 'Register' });
    await button.focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('alert')).toHaveText('The cloud is being asked…');
    await page.keyboard.press('Enter');
    await expect(button).toBeFocused();
    await expect(page.getByRole('alert')).toContainText('localhost did not answer in time');
    expect(asked).toBe(1);
  });
});

test('a session that ended meanwhile is asked for again, and what was typed is still there', async ({ page }) => {
  await withMock('unregistered', async (mock) => {
    await unlock(page, mock);
    await page.goto(`${mock.url}/dashboard/cloud`);
    const field = page.getByLabel('Installer’s code');
    await field.fill('ABCDE-12345');
    await page.context().clearCookies();
    await page.keyboard.press('Enter');
    await page.getByLabel('Access code').fill('test-token');
    await page.keyboard.press('Enter');
    await expect(field).toBeFocused();
    await expect(field).toHaveValue('ABCDE-12345');
    await page.keyboard.press('Enter');
    await expect(page.getByText('Registered.')).toBeVisible();
  });
});
