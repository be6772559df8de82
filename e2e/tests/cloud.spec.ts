/** The real appliance and its real cloud, as the appliance's own pages tell of them. */
import AxeBuilder from '@axe-core/playwright';
import { type Page, expect, test } from '@playwright/test';
import { Cloud } from '../cloud';
import { Home } from '../home';

const block = (page: Page) => page.getByRole('region', { name: 'Cloud' });

/** Accessible and within its width, in both themes, on a phone and a desktop; with a picture of each. */
async function sound(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [390, 1280]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze();
      expect(violations.map((found) => found.id), `${name} ${colorScheme} ${width}`).toEqual([]);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      expect(wider, `${name} scrolls sideways at ${width}`).toBe(false);
      await page.screenshot({ path: test.info().outputPath(`${name}-${colorScheme}-${width}.png`), fullPage: true });
    }
  }
}

test('an installer registers the appliance on its page; it connects, loses its cloud, and keeps what it measures', async ({ page }) => {
  test.setTimeout(240_000);
  const cloud = await Cloud.start();
  let stopped = false;
  try {
    const { site, code } = cloud.home('America/New_York');
    const home = await Home.start({ identity: await cloud.provision('ST-7') });
    try {
      await page.goto(`${home.url}/dashboard/health`);
      await expect(block(page)).toContainText('Nobody has registered this appliance to a home yet.');
      await sound(page, 'not-registered');
      await block(page).getByRole('link', { name: 'Register this appliance' }).click();

      await page.getByLabel('Access code').fill(await home.token());
      await page.keyboard.press('Enter');
      const field = page.getByLabel('Installer’s code');
      await expect(field).toBeFocused();
      await page.keyboard.type('00000-00000');
      await page.keyboard.press('Enter');
      await expect(page.getByRole('alert')).toContainText('the cloud does not register this appliance:');
      await sound(page, 'refused');

      await field.fill(` ${code.toLowerCase().replace('-', ' – ')} `);
      await page.keyboard.press('Enter');
      const result = page.getByRole('status').filter({ hasText: 'Registered.' });
      await expect(result).toContainText(site);
      await expect(result).toContainText('is America/New_York, and here it is America/Los_Angeles');
      await sound(page, 'registered');

      await page.getByRole('link', { name: 'Health' }).click();
      await expect(block(page)).toContainText('Connected.');
      await expect(block(page)).toContainText(/Last contact \d+\ss ago/);
      await sound(page, 'connected');

      await cloud.stop();
      stopped = true;
      await expect(block(page)).toContainText('The cloud cannot be reached.', { timeout: 30_000 });
      await expect(block(page)).toContainText(/Samples waiting \d+, at least the last \d+\ss/, { timeout: 30_000 });
      await sound(page, 'unreachable');
    } finally {
      await home.stop();
    }
  } finally {
    if (!stopped) await cloud.stop();
  }
});

test('an appliance without an identity, or with its cloud switched off, is at peace and asks for no code', async ({ page }) => {
  test.setTimeout(120_000);
  for (const [options, said] of [
    [{}, 'This appliance was not given an identity'],
    [{ cloud: 'enabled: false\n' }, 'Nothing leaves this home.'],
  ] as const) {
    const home = await Home.start(options);
    try {
      await page.goto(`${home.url}/dashboard/health`);
      await expect(block(page)).toContainText('Nothing leaves this home.');
      await expect(block(page)).toContainText(said);
      await sound(page, 'cloud' in options ? 'off' : 'no-identity');
      await page.goto(`${home.url}/dashboard/cloud`);
      await expect(page.getByText('Nothing leaves this home.')).toBeVisible();
      await expect(page.locator('input')).toHaveCount(0);
    } finally {
      await home.stop();
    }
  }
});

test('every reason why a code is not taken is shown in the appliance’s words', async ({ page }) => {
  const home = await Home.start();
  try {
    const delivery = { since: new Date().toISOString(), last_contact: null, waiting_rows: 0, given_up_rows: 0, lost_rows: 0, ahead_rows: 0, reports_waiting: false, failures: 0, next_try_s: 0 };
    await page.route('**/api/cloud', (route) => route.fulfill({ json: { state: 'not_registered', url: 'https://api.solthrive.cloud', delivery } }));
    await page.goto(`${home.url}/dashboard/cloud`);
    await page.getByLabel('Access code').fill(await home.token());
    await page.keyboard.press('Enter');
    await page.getByLabel('Installer’s code').fill('ABCDE-12345');
    // The real one has no cloud to ask.
    await page.keyboard.press('Enter');
    await expect(page.getByRole('alert')).toContainText('there is no cloud to register in');
    for (const [type, status, detail] of [
      ['registration-refused', 409, 'the cloud does not register this appliance: this device belongs to another home already'],
      ['cloud-unreachable', 502, 'the cloud cannot be asked now: api.solthrive.cloud did not answer in time'],
      ['too-slow', 408, 'the request took too long'],
    ] as const) {
      const answer = { status, contentType: 'application/problem+json', json: { type: `/problems/${type}`, title: type, status, detail } };
      await page.route('**/api/cloud/registration', (route) => route.fulfill(answer));
      await page.getByRole('button', { name: 'Register' }).click();
      await expect(page.getByRole('alert')).toContainText(detail);
    }
  } finally {
    await home.stop();
  }
});
