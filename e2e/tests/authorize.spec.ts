/** An app is let in by a person, in a real browser, on the real cloud over TLS. */
import { createHash, randomBytes } from 'node:crypto';
import AxeBuilder from '@axe-core/playwright';
import { type BrowserContext, type Page, expect, test } from '@playwright/test';
import { Cloud } from '../cloud';

test.use({ ignoreHTTPSErrors: true });

const PASSWORD = 'correct horse battery';
const BACK = 'http://127.0.0.1:9/cb?from=solthrive';
const verifier = randomBytes(32).toString('base64url');
const challenge = createHash('sha256').update(verifier).digest('base64url');

/** A partner with a developer, and Ada with two homes. */
async function town(): Promise<Cloud> {
  const cloud = await Cloud.start();
  cloud.admin(['org', 'new', 'Heat Ltd', '--kind', 'partner']);
  cloud.admin(['org', 'new', 'Ada']);
  for (const [email, org] of [['dev@example.org', 'Heat Ltd'], ['ada@example.org', 'Ada']] as const) {
    cloud.admin(['user', 'new', email, '--name', 'X', '--org', org, '--password-stdin'], PASSWORD);
  }
  for (const name of ["Ada's house", 'The cabin <b>']) {
    cloud.admin(['site', 'new', name, '--owner', 'Ada', '--zone', 'Europe/Berlin']);
  }
  return cloud;
}

/** The id of the developer's app. */
async function app(cloud: Cloud, context: BrowserContext): Promise<string> {
  const headers = { 'sec-fetch-site': 'same-origin' };
  const post = (path: string, data: unknown) => context.request.post(cloud.url + path, { data, headers });
  expect((await post('/api/v1/auth/session', { email: 'dev@example.org', password: PASSWORD })).status()).toBe(200);
  const me = await (await context.request.get(`${cloud.url}/api/v1/me`)).json();
  const scopes = ['production', 'consumption'];
  const made = await post(`/api/v1/orgs/${me.orgs[0].id}/clients`, { name: 'Heat <i>app</i>', confidential: false, redirect_uris: [BACK], scopes });
  expect(made.status()).toBe(201);
  return (await made.json()).id;
}

function question(cloud: Cloud, client: string, more: Record<string, string> = {}): string {
  const query = new URLSearchParams({
    ...{ response_type: 'code', client_id: client, redirect_uri: BACK, scope: 'production', state: 'a&b' },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
    ...more,
  });
  return `${cloud.url}/oauth/authorize?${query}`;
}

/** Where the app waits: what it was sent. */
async function answer(page: Page): Promise<URLSearchParams> {
  await page.waitForURL('http://127.0.0.1:9/**');
  return new URL(page.url()).searchParams;
}

test('a person signs in, lets an app into one home, and it gets no more', async ({ browser, request }) => {
  const cloud = await town();
  try {
    const client = await app(cloud, await browser.newContext({ ignoreHTTPSErrors: true }));
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 390, height: 800 } });
    const page = await context.newPage();
    const violations: string[] = [];
    page.on('console', (message) => /Content Security Policy/i.test(message.text()) && violations.push(message.text()));
    await page.route('http://127.0.0.1:9/**', (route) => route.fulfill({ body: 'the app' }));
    await page.goto(question(cloud, client));
    await page.getByLabel('e-mail').fill('ada@example.org');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('status')).toHaveText('The address or the password is wrong');
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('"Heat <i>app</i>" asks for your homes\' data');
    await expect(page.getByRole('status')).toHaveText('It is made by Heat Ltd.');
    await expect(page.getByRole('listitem')).toHaveText(['see what the panels make']);
    await expect(page.locator('#where')).toHaveText('127.0.0.1:9');
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
      await page.screenshot({ path: test.info().outputPath(`authorize-${scheme}.png`), fullPage: true });
    }
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wider, 'it needs no sideways scrolling').toBeLessThanOrEqual(0);
    await page.getByLabel('The cabin <b>').check();
    await page.getByRole('button', { name: 'Let it in' }).click();
    const told = await answer(page);
    expect([told.get('from'), told.get('state'), told.get('iss')]).toEqual(['solthrive', 'a&b', 'https://solthrive.example']);
    const form = { grant_type: 'authorization_code', code: told.get('code')!, redirect_uri: BACK, client_id: client, code_verifier: verifier };
    const tokens = await (await request.post(`${cloud.url}/oauth/token`, { form })).json();
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const sites = await (await request.get(`${cloud.url}/api/v1/sites`, { headers })).json();
    expect(sites.items.map((site: { name: string }) => site.name)).toEqual(['The cabin <b>']);
    expect(violations).toEqual([]);
  } finally {
    await cloud.stop();
  }
});

test('who says no, and a question that cannot be, go back to the app; a forged one goes nowhere', async ({ browser }) => {
  const cloud = await town();
  try {
    const client = await app(cloud, await browser.newContext({ ignoreHTTPSErrors: true }));
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const credentials = { email: 'ada@example.org', password: PASSWORD };
    await context.request.post(`${cloud.url}/api/v1/auth/session`, { data: credentials, headers: { 'sec-fetch-site': 'same-origin' } });
    const page = await context.newPage();
    await page.route('http://127.0.0.1:9/**', (route) => route.fulfill({ body: 'the app' }));
    await page.goto(question(cloud, client));
    await page.getByRole('button', { name: 'No' }).click();
    const denied = await answer(page);
    expect([denied.get('error'), denied.get('state'), denied.get('code')]).toEqual(['access_denied', 'a&b', null]);
    for (const [more, error] of [
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ code_challenge_method: 'plain' }, 'invalid_request'],
      [{ scope: 'production commands' }, 'invalid_scope'],
    ] as const) {
      await page.goto(question(cloud, client, more));
      expect((await answer(page)).get('error')).toBe(error);
    }
    for (const more of [
      { redirect_uri: 'http://127.0.0.1:9/cb' },
      { redirect_uri: 'javascript:alert(1)' },
      { client_id: '00000000-0000-0000-0000-000000000000' },
      { client_id: '../sites' },
    ]) {
      await page.goto(question(cloud, client, more));
      await expect(page.getByRole('status')).toHaveText(/Nothing was sent to anybody|names no app/);
      expect(page.url()).toContain('/oauth/authorize');
    }
  } finally {
    await cloud.stop();
  }
});
