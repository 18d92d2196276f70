import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { formatUuid, isUuidv7, parseUuid, uuidTimeMs } from '../../../common/uuid.ts';
import { HOUR_MS } from '../../../common/time.ts';
import { repositoryRoot } from '../../../cli/config/config.ts';
import { createClient } from '../../../sdk/browser/client.ts';
import type { Client, ClientOptions, Page } from '../../../sdk/browser/client.ts';
import { startTestApi } from '../../support/serving/test-api.ts';
import type { TestApi } from '../../support/serving/test-api.ts';
import { until } from '../../support/until.ts';

let test: TestApi;
let key: string;
let storage: Map<string, string>;
let clients: Client[];
let dropped: [number, string][];
const listeners = new Map<string, () => void>();
const beacons: Promise<number>[] = [];

beforeEach(async () => {
  test = await startTestApi({ settings: { origins: ['https://shop.example'] } });
  key = test.addKey({ scopes: ['emit'], app: 'web' });
  storage = new Map();
  clients = [];
  dropped = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const client of clients) client.close();
  await test.close();
});

/** What a browser has, with its storage in this process. */
function page(): Page {
  return {
    localStorage: {
      getItem: (name) => storage.get(name) ?? null,
      setItem: (name, value) => void storage.set(name, value),
    },
    navigator: {
      sendBeacon(url, body) {
        beacons.push(fetch(url, { method: 'POST', body }).then(({ status }) => status));
        return true;
      },
    },
    addEventListener: (type, listener) => void listeners.set(type, listener),
    removeEventListener: (type) => void listeners.delete(type),
  };
}

function open(options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    url: test.url,
    key,
    lingerMs: 1,
    retryFirstMs: 5,
    retryMaxMs: 20,
    page: page(),
    onDropped: (events, why) => dropped.push([events.length, why]),
    ...options,
  });
  clients.push(client);
  return client;
}

const view = { user_id: 'u', action: 'view', movie_id: 1 };
const storedIds = () => test.events.stored.map((event) => formatUuid(event.event_id));

it('sends what was emitted, in batches, with ids of the time', async () => {
  const client = open({ app: 'web' });
  const ids = Array.from({ length: 120 }, () => client.emit(view));
  await until('an empty queue', 5_000, () => client.pending() === 0);
  expect(storedIds()).toEqual(ids);
  const id = parseUuid(ids[0] ?? '') ?? Buffer.alloc(16);
  expect(isUuidv7(id)).toBe(true);
  expect(Math.abs(uuidTimeMs(id) - Date.now())).toBeLessThan(10_000);
});

it('keeps events while the API is away or full, also over a reload', async () => {
  test.events.fault = 'away';
  const first = open();
  const ids = [first.emit(view), first.emit(view)];
  await first.flush();
  expect(first.pending()).toBe(2);
  first.close();
  test.events.fault = null;
  const second = open();
  await until('an empty queue', 5_000, () => second.pending() === 0);
  expect(storedIds()).toEqual(ids);
  expect(dropped).toEqual([]);
});

it('goes on by itself when the network is back', async () => {
  const real = globalThis.fetch;
  vi.spyOn(globalThis, 'fetch')
    .mockRejectedValueOnce(new TypeError('fetch failed'))
    .mockRejectedValueOnce(new TypeError('fetch failed'))
    .mockImplementation(real);
  const client = open();
  client.emit(view);
  await until('an empty queue', 5_000, () => client.pending() === 0);
  expect(test.events.stored).toHaveLength(1);
});

it('drops what is refused for good, and nothing beside it', async () => {
  const client = open();
  client.emit({ ...view, action: 'stare' });
  client.emit(view);
  await client.flush();
  expect(client.pending()).toBe(0);
  expect(test.events.stored).toHaveLength(1);
  expect(dropped).toEqual([[1, 'refused']]);
});

it('waits with a key that is refused', async () => {
  const client = open({ key: test.addKey({ scopes: ['read'] }) });
  client.emit(view);
  await client.flush();
  expect(client.pending()).toBe(1);
});

it('keeps no more than its bound, and lets the oldest go', async () => {
  const client = open({ lingerMs: 60_000 });
  vi.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('fetch failed'));
  const ids = Array.from({ length: 1_003 }, () => client.emit(view));
  await client.flush();
  expect(client.pending()).toBe(1_000);
  expect(dropped).toEqual([1, 2, 3].map(() => [1, 'no_room']));
  expect([...storage.values()].join()).not.toContain(ids[2]);
  expect([...storage.values()].join()).toContain(ids[3]);
});

it('hands what is left to a beacon when the page goes, and counts it once', async () => {
  const client = open({ lingerMs: 60_000 });
  const id = client.emit(view);
  listeners.get('pagehide')?.();
  expect(await beacons.at(-1)).toBe(202);
  await client.flush();
  expect(new Set(storedIds())).toEqual(new Set([id]));
});

it('learns that its clock is wrong, and makes right ids from then on', async () => {
  const real = Date.now;
  const off = -5 * HOUR_MS - 1_234;
  // The page and the server share this process: the server's clock was read before.
  const client = open({ lingerMs: 60_000 });
  const fetched = vi.spyOn(globalThis, 'fetch').mockImplementation((_url, init) => {
    const { events } = JSON.parse(init?.body as string) as { events: object[] };
    const results = events.map(() => ({ status: 202 }));
    return Promise.resolve(Response.json({ received_at: real(), results }));
  });
  vi.spyOn(Date, 'now').mockImplementation(() => real() + off);
  const timeOf = (id: string): number => uuidTimeMs(parseUuid(id) ?? Buffer.alloc(16));
  expect(timeOf(client.emit(view))).toBeLessThan(real() - 4 * HOUR_MS);
  await client.flush();
  expect(Math.abs(timeOf(client.emit(view)) - real())).toBeLessThan(5_000);
  await client.flush();
  const sent = fetched.mock.calls.map(
    ([, init]) => (JSON.parse(init?.body as string) as { sent_at: number }).sent_at,
  );
  expect(sent[0]).toBeLessThan(real() - 4 * HOUR_MS);
  expect(Math.abs((sent[1] ?? 0) - real())).toBeLessThan(5_000);
});

it('works without storage, and with one that is full or holds something else', async () => {
  const { localStorage: usual, ...without } = page();
  expect(usual).toBeDefined();
  const full = {
    getItem: () => 'something else',
    setItem: () => {
      throw new Error('full');
    },
  };
  for (const where of [without, { ...without, localStorage: full }]) {
    const client = open({ page: where });
    client.emit(view);
    await client.flush();
    expect(client.pending()).toBe(0);
  }
  expect(test.events.stored).toHaveLength(2);
});

it('may be called from the pages that are told, and no others', async () => {
  const ask = (origin: string): Promise<Response> =>
    fetch(`${test.url}/v1/events`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
  const allowed = await ask('https://shop.example');
  expect(allowed.status).toBe(204);
  expect(allowed.headers.get('access-control-allow-origin')).toBe('https://shop.example');
  const refused = await ask('https://evil.example');
  expect(refused.headers.get('access-control-allow-origin')).toBeNull();
  // A refusal can be read by the page too.
  const denied = await fetch(`${test.url}/v1/popular`, {
    headers: { origin: 'https://shop.example' },
  });
  expect(denied.status).toBe(401);
  expect(denied.headers.get('access-control-allow-origin')).toBe('https://shop.example');
});

it('is small', () => {
  const source = readFileSync(join(repositoryRoot, 'sdk/browser/client.ts'), 'utf8');
  const script = stripTypeScriptTypes(source)
    .replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    .replaceAll(/\s*\n\s*/g, '\n');
  expect(script).not.toMatch(/^import/m);
  expect(Buffer.byteLength(script)).toBeLessThan(8_000);
  expect(gzipSync(script).length).toBeLessThan(3_000);
});
