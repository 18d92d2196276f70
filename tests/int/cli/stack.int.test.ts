import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, readEnvironment, repositoryRoot } from '../../../cli/config/config.ts';
import { freePort } from '../../../cli/stack/host/ports.ts';
import { descendants, processToken } from '../../../cli/stack/host/process.ts';
import type { ServiceStatus } from '../../../cli/stack/service-status.ts';

interface Status {
  readonly home: string;
  readonly readerUrl: string;
  readonly parts: readonly ServiceStatus[];
}

let home: string;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'marquee-cli-'));
  const taken = new Set<number>();
  const ports: Record<string, string> = {};
  for (const name of ['KAFKA', 'KAFKA_CONTROLLER', 'REGISTRY', 'POSTGRES', 'VALKEY', 'S3']) {
    const port = await freePort(taken);
    taken.add(port);
    ports[`MARQUEE_PORT_${name}`] = String(port);
  }
  environment = { ...readEnvironment(), ...ports, MARQUEE_HOME: home };
  // The object store has a test of its own; here no build may begin.
  environment['MARQUEE_OBJECT_STORE'] = 'none';
});

afterAll(async () => {
  await marquee('down');
  rmSync(home, { recursive: true });
});

/** The command line as a user runs it, in a process of its own. */
function marquee(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(join(repositoryRoot, 'marquee'), args, {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

async function status(): Promise<Status> {
  return JSON.parse((await marquee('status', '--json')).out) as Status;
}

async function query(sql: string): Promise<unknown[]> {
  const config = loadConfig({ home }, {});
  const client = new pg.Client({ connectionString: config.postgres.migratorUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Kills a part and waits until it is gone. */
async function killed(part: string): Promise<void> {
  const pid = (await status()).parts.find(({ name }) => name === part)?.pid ?? 0;
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => processToken(pid)).toBeNull();
}

/** What each server would forget if it did not keep its state: tables, schema ids, topics. */
async function remembered(): Promise<unknown> {
  const config = loadConfig({ home }, {});
  const subject = `${config.registry.url}/subjects/user-actions.v1-value/versions/1`;
  const { id } = (await (await fetch(subject)).json()) as { id: number };
  const topics = (await marquee('topics', 'apply', '--dry-run')).out;
  return { rows: await query('SELECT * FROM kept'), id, topics };
}

describe('up, down and status', () => {
  let first: Status;

  it('starts every server, by two commands at once, each server one time', async () => {
    const [one, two] = await Promise.all([marquee('up'), marquee('up')]);
    expect(one.err + two.err).toMatch(/waiting for process \d+/);
    expect([one.code, two.code], one.err + two.err).toEqual([0, 0]);
    first = await status();
    expect(first.parts.map(({ name, state }) => [name, state])).toEqual([
      ['kafka', 'up'],
      ['registry', 'up'],
      ['postgres', 'up'],
      ['valkey', 'up'],
    ]);
    for (const part of first.parts) expect(part.version).toMatch(/\d+\.\d+/);
    expect(statSync(join(home, 'stack.json')).mode & 0o777).toBe(0o600);
    await query('CREATE TABLE kept AS SELECT 42 AS answer');
  });

  it('is harmless when all runs already', async () => {
    const { code, err } = await marquee('up');
    expect(code).toBe(0);
    expect(err.match(/runs already/g)).toHaveLength(4);
    const pids = (parts: readonly ServiceStatus[]) => parts.map(({ pid }) => pid);
    expect(pids((await status()).parts)).toEqual(pids(first.parts));
  });

  it('starts again what was killed, and nothing else', async () => {
    await killed('valkey');
    const before = await marquee('status');
    expect(before.code).toBe(1);
    expect(before.out).toMatch(/valkey +down/);
    const { code, err } = await marquee('up');
    expect(code).toBe(0);
    expect(err.match(/runs already/g)).toHaveLength(3);
  });

  it('gives analysts a connection that reads and cannot write', async () => {
    const read = await marquee('psql', '-At', '-c', 'SELECT current_user, count(*) FROM movies');
    expect(read.out.trim()).toBe('marquee_reader|0');
    const write = await marquee('psql', '-c', 'DELETE FROM movies');
    expect(write.code).not.toBe(0);
    expect(write.err).toMatch(/read-only transaction|permission denied/);
    expect(first.readerUrl).toMatch(/^postgres:\/\/marquee_reader:/);
  });

  it('shows the configuration without a password', async () => {
    const { out } = await marquee('config');
    const { secrets } = JSON.parse(readFileSync(join(home, 'stack.json'), 'utf8')) as {
      secrets: Record<string, string>;
    };
    for (const secret of Object.values(secrets)) expect(out).not.toContain(secret);
    expect(out).toMatch(/postgres:\/\/marquee_writer:\*\*\*@127\.0\.0\.1/);
  });

  it('leaves no process behind, and its state survives', async () => {
    const before = await remembered();
    const { parts } = await status();
    const family = parts.flatMap(({ pid }) => (pid === null ? [] : [pid, ...descendants(pid)]));
    expect(family.length).toBeGreaterThan(5);
    expect((await marquee('down')).code).toBe(0);
    expect(family.filter((pid) => processToken(pid) !== null)).toEqual([]);
    expect((await marquee('down')).out).toMatch(/Nothing was running/);
    expect((await marquee('up')).code).toBe(0);
    expect(await remembered()).toEqual(before);
  });

  it('takes another port where somebody else has it, and says so', async () => {
    await killed('valkey');
    const server = createServer();
    // A port that is nobody's but this test's: valkey's own may be another stack's meanwhile.
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const usual = environment['MARQUEE_PORT_VALKEY'];
    environment['MARQUEE_PORT_VALKEY'] = String(port);
    try {
      const { code, err } = await marquee('up');
      expect(code).toBe(0);
      expect(err).toMatch(new RegExp(`port ${port} is taken: valkey uses \\d+`));
    } finally {
      environment['MARQUEE_PORT_VALKEY'] = usual;
      server.close();
    }
  });
});
