/** What links in letters lead to, in a real browser, on the real cloud over TLS. */
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { Cloud } from '../cloud';

test.use({ ignoreHTTPSErrors: true });

test('the first admin, an invited person and a forgotten password, each by its link', async ({ page, browser }) => {
  const cloud = await Cloud.start();
  try {
    const violations: string[] = [];
    page.on('console', (message) => message.type() === 'error' && violations.push(message.text()));
    await page.goto(`${cloud.url}/setup#${cloud.code}`);
    await expect(page.getByRole('heading')).toHaveText('The first admin');
    expect(page.url(), 'the secret stays in no history').toBe(`${cloud.url}/setup`);
    await page.getByLabel('e-mail').fill('root@example.org');
    await page.getByLabel('name').fill('Root');
    await page.getByLabel('Password').fill('correct horse battery');
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await page.getByRole('button').click();
    await expect(page.getByRole('status')).toHaveText('Done. You can sign in now.');

    const api = (path: string, body: unknown) =>
      page.evaluate(
        async ([path, body]) => {
          const headers = { 'content-type': 'application/json' };
          const answer = await fetch(path as string, { method: body ? 'POST' : 'GET', headers, body: body ? JSON.stringify(body) : null });
          return { status: answer.status, body: await answer.json().catch(() => null) };
        },
        [path, body] as const,
      );
    const signedIn = await api('/api/v1/auth/session', { email: 'root@example.org', password: 'correct horse battery' });
    expect(signedIn.status).toBe(200);
    const me = await api('/api/v1/me', undefined);
    const org = me.body.orgs[0].id as string;
    const invited = await api(`/api/v1/orgs/${org}/invitations`, { email: 'bob@example.org', role: 'viewer' });
    expect(invited.status).toBe(201);

    const other = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 390, height: 800 } });
    const bob = await other.newPage();
    const link = await cloud.link('bob@example.org');
    await bob.goto(link);
    await expect(bob.getByRole('status')).toHaveText('Platform asks bob@example.org to join as viewer.');
    await bob.getByLabel('name').fill('Bob');
    await bob.getByLabel('Password').fill('another horse battery');
    await bob.getByRole('button').click();
    await expect(bob.getByRole('status')).toHaveText('Done. You belong to Platform now.');
    await bob.goto('about:blank');
    await bob.goto(link);
    await expect(bob.getByRole('status')).toHaveText('This link was used already, is over, or was never one.');

    expect((await api('/api/v1/auth/reset', { email: 'bob@example.org' })).status).toBe(202);
    await bob.goto('about:blank');
    await bob.goto(await cloud.link('bob@example.org'));
    await bob.getByLabel('Password').fill('a third horse battery');
    await bob.getByRole('button').click();
    await expect(bob.getByRole('status')).toHaveText('Done. Sign in with the new password.');
    const again = await api('/api/v1/auth/session', { email: 'bob@example.org', password: 'a third horse battery' });
    expect(again.status).toBe(200);
    expect(violations, 'the policy lets everything through that the page needs').toEqual([]);
    await other.close();
  } finally {
    await cloud.stop();
  }
});

test('the documentation is readable, on a phone too', async ({ page }) => {
  const cloud = await Cloud.start();
  try {
    await page.setViewportSize({ width: 390, height: 800 });
    for (const path of ['/api/docs', '/problems']) {
      await page.goto(cloud.url + path);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(wider, `${path} needs no sideways scrolling`).toBeLessThanOrEqual(0);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations).toEqual([]);
    }
  } finally {
    await cloud.stop();
  }
});
