/** A cloud for one test: the real service with TLS, in a folder of its own, with a letter box; stopped by its process id. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');

/** Who an appliance is to a cloud, and how it trusts that cloud. */
export interface Identity {
  url: string;
  ca: string;
  serial: string;
  device: string;
  token: string;
}

export class Cloud {
  private constructor(
    private readonly folder: string,
    private readonly service: ChildProcess,
    readonly url: string,
    /** What stands after the `#` of the link that it printed for the first admin. */
    readonly code: string,
  ) {}

  static async start(): Promise<Cloud> {
    const folder = await mkdtemp(join(tmpdir(), 'solthrive-cloud-'));
    const service = spawn(
      join(target, 'debug', 'solthrive-cloud'),
      [
        'serve',
        ...['--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--no-second-factor'],
        ...['--mail', `folder:${join(folder, 'letters')}`, '--public-url', 'https://solthrive.example'],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const lines = createInterface({ input: service.stdout! })[Symbol.asyncIterator]();
    const line = async () => String((await lines.next()).value);
    const address = (await line()).split('listening on ')[1]!;
    const code = (await line()).split('#')[1]!;
    return new Cloud(folder, service, address, code);
  }

  /** The page and secret of the newest letter to this address, once it is there. */
  async link(to: string): Promise<string> {
    for (let tries = 0; tries < 100; tries += 1) {
      const names = await readdir(join(this.folder, 'letters'));
      for (const name of names.filter((name) => name.endsWith('.eml'))) {
        const text = (await readFile(join(this.folder, 'letters', name), 'utf8')).replaceAll('=\r\n', '');
        const found = text.includes(`To: ${to}`) && /https:\/\/solthrive\.example(\/\w+#[0-9a-f]+)/.exec(text);
        if (found) {
          await rm(join(this.folder, 'letters', name));
          return this.url + found[1]!;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`no letter to ${to}`);
  }

  /** What an operator does at the console, beside the running service, and what it says, as JSON. */
  admin<T>(words: string[], input = ''): T {
    const program = join(target, 'debug', 'solthrive-cloud');
    const said = execFileSync(program, ['admin', '--data', join(this.folder, 'data'), '--json', ...words], { input });
    return JSON.parse(said.toString()) as T;
  }

  /** An appliance that is this cloud's by its identity, and nobody's yet. */
  async provision(serial: string): Promise<Identity> {
    const labels = join(this.folder, `${serial}.csv`);
    this.admin(['device', 'provision', '-', '--out', labels], `serial\n${serial}\n`);
    const [, device, token] = (await readFile(labels, 'utf8')).split('\n')[1]!.split(',');
    const { port } = new URL(this.url);
    const url = `https://localhost:${port}`;
    const ca = join(this.folder, 'data', 'dev-cert.pem');
    // The service reads its devices anew every few seconds; an appliance that comes before rests a minute.
    for (let tries = 0; (await knock(`${url}/v1/ingest/health`, ca, token!)) === 401; tries += 1) {
      if (tries === 300) throw new Error(`the cloud does not know ${serial}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return { url, ca, serial, device: device!, token: token! };
  }

  /** A home of Ana's in this zone, and the code that an installer was given for it. */
  home(zone: string): { site: string; code: string } {
    this.admin(['org', 'new', 'Ana']);
    this.admin(['org', 'new', 'Sunrise', '--kind', 'installer']);
    const { id } = this.admin<{ id: string }>(['site', 'new', 'Casa', '--owner', 'Ana', '--zone', zone]);
    const { code } = this.admin<{ code: string }>(['code', 'new', '--site', 'Casa', '--installer', 'Sunrise']);
    return { site: id, code };
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.service.once('exit', resolve));
    this.service.kill('SIGTERM');
    await ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The status of a call by a device. */
async function knock(url: string, ca: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const trusted = await readFile(ca);
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', ca: trusted, headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    call.once('error', reject);
    call.end('{}');
  });
}
