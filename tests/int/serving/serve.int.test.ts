import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createCodec } from '../../../connectors/registry/codec.ts';
import { formatUuid, uuidv7 } from '../../../common/uuid.ts';
import { cliEnvironment, runCli } from '../../support/cli.ts';
import { freePort } from '../../../cli/stack/host/ports.ts';
import { createProcesses } from '../../support/processes.ts';
import type { RunningProcess } from '../../support/processes.ts';
import { readTopic } from '../../support/read-topic.ts';
import { sharedStack } from '../../support/shared-stack.ts';
import { until } from '../../support/until.ts';

const { config } = sharedStack();
const app = `api-${randomUUID().slice(0, 8)}`;
const script = join(import.meta.dirname, '../../support/serving/serve-child.ts');
/** A home of its own for the copy of the keys; the servers are the shared ones. */
const home = mkdtempSync(join(tmpdir(), 'marquee-api-'));
const env = {
  ...cliEnvironment(home, config.cache),
  MARQUEE_KAFKA_BROKERS: config.kafka.brokers.join(','),
  MARQUEE_REGISTRY_URL: config.registry.url,
  MARQUEE_PG_WRITER_URL: config.postgres.writerUrl,
};
const processes = createProcesses(env);

afterEach(() => processes.stopAll());
afterAll(async () => {
  await processes.killAll();
  rmSync(home, { recursive: true, force: true });
});

async function start(
  more: Record<string, string> = {},
  slowMs = 0,
): Promise<{ process: RunningProcess; url: string }> {
  const process = processes.start({
    processors: [],
    label: 'serve',
    script,
    command: [String(slowMs)],
    env: more,
  });
  const line = await process.logged('started', 30_000);
  return { process, url: String(line['api']) };
}

async function makeKey(...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(['keys', 'create', '--app', app, ...flags], env);
  expect(stderr).toMatch(/Keep it/);
  expect(code).toBe(0);
  return stdout.trim();
}

const get = (url: string, key: string): Promise<Response> =>
  fetch(url, { headers: { authorization: `Bearer ${key}` } });

const post = (url: string, key: string, body: unknown): Promise<Response> =>
  fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

async function stored(): Promise<{ id: string; user: string; at: number; movie: number | null }[]> {
  const reader = createCodec({ url: config.registry.url }).reader('user-actions.v1');
  const values: Buffer[] = [];
  await readTopic(config.kafka.brokers, 'user-actions.v1', ({ value }) => {
    if (value !== null && value.length > 5 && value[0] === 0) values.push(value);
  });
  const found = [];
  for (const value of values) {
    await reader.ensureSchema(value.readInt32BE(1));
    const action = reader.decode(value);
    if ('reason' in action || action.app !== app) continue;
    found.push({
      id: formatUuid(action.event_id),
      user: action.user_id,
      at: action.occurred_at,
      movie: action.movie_id,
    });
  }
  return found;
}

let read: string;
let emit: string;
beforeAll(async () => {
  read = await makeKey('--scope', 'read', '--note', 'for the test');
  emit = await makeKey('--scope', 'emit');
});

it('knows a key soon after it was made, and refuses it soon after it was withdrawn', async () => {
  const { url } = await start();
  const key = await makeKey('--scope', 'read');
  const path = `${url}/v1/users/u/recommendations`;
  await until('the key to be known', 5_000, async () => (await get(path, key)).status === 200);
  const id = key.split('_')[1] ?? '';
  const withdrawn = await runCli(['keys', 'withdraw', id], env);
  expect(withdrawn.stdout).toContain(id);
  await until('the key to be refused', 5_000, async () => (await get(path, key)).status === 401);
  expect((await get(path, read)).status).toBe(200);
  const listed = await runCli(['keys', 'ls', '--json'], env);
  const keys = JSON.parse(listed.stdout) as { key_id: string; withdrawn_at: string | null }[];
  expect(keys.find(({ key_id: keyId }) => keyId === id)?.withdrawn_at).toMatch(/Z$/);
  expect(listed.stdout).not.toContain(key.slice('mq_'.length + id.length + 1));
}, 60_000);

it('makes no key that could not be used', async () => {
  for (const flags of [
    ['--scope', 'write', '--app', app],
    ['--scope', 'read', '--app', ''],
    ['--scope', 'read', '--app', 'a'.repeat(65)],
    ['--scope', 'read', '--app', app, '--user', 'a'.repeat(257)],
    ['--scope', 'read', '--app', app, '--rate', '9999999999'],
  ]) {
    const { code, stdout, stderr } = await runCli(['keys', 'create', ...flags], env);
    expect(stderr).toMatch(/^MARQUEE_KEY_OPTION: keys create: --/);
    expect([code, stdout]).toEqual([1, '']);
  }
  const unknown = await runCli(['keys', 'withdraw', 'nobody'], env);
  expect(unknown.stderr).toMatch(/^MARQUEE_KEY_UNKNOWN: /);
}, 60_000);

it('stores events in the topic before it says so', async () => {
  const { url } = await start();
  const at = Date.now() - 1_000;
  const ids = Array.from({ length: 100 }, () => formatUuid(uuidv7(at)));
  const events = ids.map((id, n) => ({
    event_id: id,
    user_id: `u-${n}`,
    action: 'view',
    movie_id: n + 1,
    occurred_at: at,
  }));
  const response = await post(url, emit, { events });
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({ accepted: 100, refused: 0 });
  const wrong = { ...events[0], action: 'stare' };
  expect((await post(url, emit, wrong)).status).toBe(400);
  const found = (await stored()).filter(({ id }) => ids.includes(id));
  expect(found).toHaveLength(100);
  expect(found.find(({ id }) => id === ids[7])).toEqual({
    id: ids[7],
    user: 'u-7',
    at,
    movie: 8,
  });
}, 60_000);

it('knows its keys, and answers reads, with Postgres and Kafka away from the start', async () => {
  const { process } = await start();
  await process.stop();
  const file = join(home, 'serving', 'keys.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const nobody = await freePort();
  const { url } = await start({
    MARQUEE_PG_WRITER_URL: `postgres://marquee_writer@127.0.0.1:${nobody}/marquee`,
    MARQUEE_KAFKA_BROKERS: `127.0.0.1:${nobody}`,
    MARQUEE_SERVE_DELIVERY_TIMEOUT_MS: '500',
    MARQUEE_SERVE_EVENTS_BUFFERED_MAX: '2',
  });
  expect((await get(`${url}/v1/users/u/recommendations`, read)).status).toBe(200);
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toMatchObject({
    ready: true,
    dependencies: [{ name: 'keys', state: 'degraded' }, { name: 'kafka' }, { name: 'tiny' }],
  });
  const event = { user_id: 'u', action: 'view', movie_id: 1 };
  const response = await post(url, emit, event);
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('2');
  expect(await response.json()).toMatchObject({ code: 'not_stored' });
  const tooMany = await post(url, emit, { events: [event, event, event] });
  expect(tooMany.status).toBe(503);
  expect(await tooMany.json()).toMatchObject({ code: 'buffer_full' });
}, 60_000);

it('knows no key without Postgres and copy, and says that it is not ready', async () => {
  const nobody = await freePort();
  const empty = mkdtempSync(join(tmpdir(), 'marquee-api-'));
  const { url } = await start({
    MARQUEE_HOME: empty,
    MARQUEE_PG_WRITER_URL: `postgres://marquee_writer@127.0.0.1:${nobody}/marquee`,
  });
  const response = await get(`${url}/v1/popular`, read);
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ code: 'keys_unknown' });
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  await processes.stopAll();
  rmSync(empty, { recursive: true });
}, 60_000);

it('finishes what is under way when it is told to end, and takes no more', async () => {
  const { process, url } = await start({}, 700);
  const slow = get(`${url}/v1/popular`, read);
  await process.logged('asked', 5_000);
  const began = performance.now();
  process.kill('SIGTERM');
  await process.logged('stopping', 5_000);
  const response = await slow;
  expect(response.status).toBe(200);
  expect(response.headers.get('connection')).toBe('close');
  expect(await process.died(5_000)).toEqual({ code: 0, signal: null });
  expect(performance.now() - began).toBeLessThan(4_000);
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
}, 60_000);

it('ends at once at the second signal', async () => {
  const { process, url } = await start({}, 60_000);
  const slow = get(`${url}/v1/popular`, read).catch(() => null);
  await process.logged('asked', 5_000);
  process.kill('SIGINT');
  await process.logged('stopping', 5_000);
  process.kill('SIGINT');
  expect(await process.died(2_000)).toEqual({ code: 130, signal: null });
  expect(await slow).toBeNull();
}, 60_000);
