/**
 * A home for one test: a simulated meter on a pseudo-terminal and the appliance that polls it, in
 * a folder of their own, stopped by their own process ids.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Identity } from './cloud';
import { createInterface } from 'node:readline';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const program = (name: string) => join(target, 'debug', name);

export interface Fault {
  kind: string;
  seconds?: number;
  probability?: number;
  [option: string]: unknown;
}

export interface HomeOptions {
  profile?: string;
  baud?: number;
  /** Extra lines of meter.yaml's `channels`, YAML list items. */
  channels?: string[];
  /** Modbus TCP instead of a pseudo-terminal. */
  tcp?: boolean;
  service?: 'split_phase' | 'single_phase' | 'three_phase';
  /** Whose cloud it is; without one it has no identity. */
  identity?: Identity;
  /** Further lines of cloud.yaml. */
  cloud?: string;
  /** Further arguments of the simulator. */
  simulator?: string[];
}

export class Home {
  private constructor(
    readonly folder: string,
    readonly url: string,
    readonly control: string,
    private readonly simulator: ChildProcess,
    private appliance: ChildProcess | undefined,
    private readonly args: string[],
  ) {}

  static async start(options: HomeOptions = {}): Promise<Home> {
    const profile = options.profile ?? 'eastron-sdm630';
    const folder = await mkdtemp(join(tmpdir(), 'solthrive-e2e-'));
    const simulator = spawn(
      program('solthrive-sim'),
      [
        'meter',
        ...['--profile', profile, '--undefined', 'zeros', '--control', '127.0.0.1:0'],
        ...(options.tcp ? ['--tcp', '127.0.0.1:0'] : ['--pty', join(folder, 'meter'), '--baud', String(options.baud ?? 19200)]),
        ...(options.simulator ?? []),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ready = JSON.parse(await firstLine(simulator)) as { pty?: string; tcp?: string; control: string };
    const link = options.tcp ? `tcp: "${ready.tcp}"` : `port: ${ready.pty}\n    baud: ${options.baud ?? 19200}`;
    const port = await freePort();
    const config = join(folder, 'config');
    await mkdir(config);
    await mkdir(join(folder, 'data'));
    const write = (name: string, text: string) => writeFile(join(config, name), text);
    await write('base.yaml', 'site_name: Test home\ntimezone: America/Los_Angeles\ntrust_clock_after_s: 0\n');
    await write('network.yaml', `listen: "127.0.0.1:${port}"\n`);
    await write('api.yaml', `token_file: ${join(config, 'token')}\n`);
    await write('tariff.yaml', 'currency: USD\nimport_rate: 0.34\nexport_rate: 0.08\n');
    const { identity } = options;
    const cloud = identity ? `url: ${identity.url}\nca_file: ${identity.ca}\ninterval_s: 5\nreconnect_spread_s: 2\nbackfill_spread_s: 0\n` : '';
    await write('cloud.yaml', cloud + (options.cloud ?? ''));
    if (identity) {
      await write('device_id', `${identity.device}\n`);
      await write('device_token', `${identity.token}\n`);
      await write('device_serial', `${identity.serial}\n`);
    }
    const channels = options.channels ?? [
      '{role: main_l1, meter: main, input: l1, ct_rating_a: 200}',
      '{role: main_l2, meter: main, input: l2, ct_rating_a: 200}',
      '{role: pv, meter: main, input: l3, volt_ref: l1, multiplier: 2, ct_rating_a: 50}',
    ];
    await write(
      'meter.yaml',
      `service: ${options.service ?? 'split_phase'}
solar_nameplate_kw: 7.0
buses:
  - name: rs485
    ${link}
    meters:
      - {name: main, unit: 1, profile: ${profile}}
channels:
${channels.map((channel) => `  - ${channel}`).join('\n')}
`,
    );
    const args = ['--config-dir', config, '--override', join(folder, 'none.yaml'), '--data-dir', join(folder, 'data')];
    const home = new Home(folder, `http://127.0.0.1:${port}`, `http://${ready.control}`, simulator, undefined, args);
    await home.startAppliance();
    return home;
  }

  async startAppliance(): Promise<void> {
    this.appliance = spawn(program('solthrived'), this.args, { stdio: ['ignore', 'ignore', 'inherit'] });
    for (let tries = 0; tries < 150; tries++) {
      const up = await fetch(`${this.url}/api/latest`).then((answer) => answer.ok, () => false);
      if (up) return;
      if (this.appliance.exitCode !== null) throw new Error(`solthrived ended with ${this.appliance.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('solthrived had no snapshot within 15 s');
  }

  /** Like pulling the plug: no farewell. */
  async killAppliance(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await ended(this.appliance, signal);
    this.appliance = undefined;
  }

  async stop(): Promise<void> {
    await ended(this.appliance, 'SIGTERM');
    await ended(this.simulator, 'SIGTERM');
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Changes a configuration file. */
  async edit(name: string, change: (text: string) => string): Promise<void> {
    const path = join(this.folder, 'config', name);
    await writeFile(path, change(await readFile(path, 'utf8')));
  }

  get pid(): number | undefined {
    return this.appliance?.pid;
  }

  /** Starts the daemon once more on the same folders and waits for its end. */
  async secondAppliance(): Promise<{ code: number | null; said: string }> {
    const second = spawn(program('solthrived'), this.args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [second.stdout, second.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => second.once('close', resolve));
    return { code, said };
  }

  async token(): Promise<string> {
    return (await readFile(join(this.folder, 'config/token'), 'utf8')).trim();
  }

  async get<T>(path: string, token?: string): Promise<T> {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const answer = await fetch(this.url + path, { headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async truth<T>(): Promise<T> {
    return (await (await fetch(`${this.control}/truth?seconds=60`)).json()) as T;
  }

  async faults(faults: Fault[]): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${this.control}/faults`, { method: 'POST', headers, body: JSON.stringify(faults) });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** Holds the simulated home at these values. */
  async set(pins: Record<string, number>): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${this.control}/set`, { method: 'POST', headers, body: JSON.stringify(pins) });
    if (!answer.ok) throw new Error(await answer.text());
  }

  async clearFaults(): Promise<void> {
    await fetch(`${this.control}/faults`, { method: 'DELETE' });
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no output to read');
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`it ended with ${code} before it was ready`)));
  });
  child.stdout.resume();
  return line;
}

async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
