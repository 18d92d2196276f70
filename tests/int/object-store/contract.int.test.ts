import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { hasGo } from '../../../cli/stack/install/go.ts';
import {
  openObjectStore,
  type ObjectStore,
} from '../../../connectors/object-store/object-store.ts';
import { createRandom } from '../../../common/random.ts';
import { startStoreProxy } from '../../support/faults/store-proxy.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { MINUTE_MS } from '../../../common/time.ts';

/** MinIO's build takes 5 minutes on 2 cores; the test waits for one that is under way. */
const START_MS = 15 * MINUTE_MS;
const LARGE_BYTES = 100 * 1024 * 1024;

/** All that the archive asks of a store. Whoever brings another one runs this over it. */
describe.each(['minio', 'seaweedfs'])('a store for the archive: %s', (engine) => {
  let stack: TestStack;
  let store: ObjectStore;
  const without = engine === 'minio' && !hasGo();

  beforeAll(async () => {
    if (without) return;
    vi.stubEnv('MARQUEE_OBJECT_STORE', engine);
    stack = await startStack({ services: ['object-store'] });
    vi.unstubAllEnvs();
    store = openObjectStore(stack.config.objectStore);
  }, START_MS);
  afterAll(async () => {
    if (without) return;
    store.close();
    // SeaweedFS would take 15 s to leave.
    await stack.kill('object-store', 'SIGKILL');
    await stack.stop();
  });

  const listed = async (prefix: string): Promise<{ name: string; bytes: number }[]> => {
    const found: { name: string; bytes: number }[] = [];
    for await (const { name, bytes } of store.list(prefix)) found.push({ name, bytes });
    return found;
  };

  describe.skipIf(without)('it', () => {
    test.each([
      ['nothing in it', 0],
      ['one byte', 1],
      ['a megabyte', 1_048_576],
    ])('gives back an object with %s', async (_, bytes) => {
      const body = Buffer.alloc(bytes, 'marquee');
      await store.put(`sizes/${bytes}`, body);
      expect((await store.get(`sizes/${bytes}`)).equals(body)).toBe(true);
      expect(await listed(`sizes/${bytes}`)).toContainEqual({ name: `sizes/${bytes}`, bytes });
    });

    test('gives back an object of 100 MB, byte for byte', async () => {
      const body = Buffer.alloc(LARGE_BYTES);
      const random = createRandom(1);
      random.fill(body.subarray(0, 1 << 20));
      for (let at = 1 << 20; at < LARGE_BYTES; at *= 2)
        body.copy(body, at, 1, Math.min(at, LARGE_BYTES - at));
      const sha = (of: Buffer): string => createHash('sha256').update(of).digest('hex');
      await store.put('large', body);
      expect(sha(await store.get('large'))).toBe(sha(body));
      await store.remove(['large']);
    });

    test.each([
      'archived-events/date=2026-11-20/user-actions.v1-3-1200000-1450000.parquet',
      'archived-events/date=2026-11-20/backfill-9f86d081-0-0-100.parquet',
      'names/käyttäjä-😀/date=２０２６-11-20/a b+c&d%20e.parquet',
      `names/${'long/'.repeat(150)}end`,
    ])('keeps the name %.80s', async (name) => {
      await store.put(name, Buffer.from(name));
      expect((await store.get(name)).toString()).toBe(name);
      const folder = name.slice(0, name.lastIndexOf('/') + 1);
      expect(await listed(folder)).toContainEqual({ name, bytes: Buffer.byteLength(name) });
      await store.remove([name]);
      expect(await listed(folder)).not.toContainEqual(expect.objectContaining({ name }));
    });

    test('replaces what has the same name, as a whole', async () => {
      await store.put('again', Buffer.alloc(200_000, 'long'));
      await store.put('again', Buffer.from('short'));
      expect((await store.get('again')).toString()).toBe('short');
      expect(await listed('again')).toEqual([{ name: 'again', bytes: 5 }]);
    });

    test('lists more names than fit one answer, each once, in order, and no others', async () => {
      const count = 1_050;
      const names = Array.from({ length: count }, (_, n) => `many/${String(n).padStart(5, '0')}`);
      await eightSideBySide(names, (name) => store.put(name, Buffer.from('x')));
      await store.put('many-not', Buffer.from('x'));
      const found = await listed('many/');
      expect(found.map(({ name }) => name)).toEqual(names);
      expect((await listed('many/0100')).length).toBe(10);
      expect(await listed('none/')).toEqual([]);
    });

    test('removes, and has nothing against removing what is not there', async () => {
      await store.put('gone/a', Buffer.from('a'));
      await store.remove(['gone/a', 'gone/never']);
      await store.remove(['gone/a']);
      expect(await listed('gone/')).toEqual([]);
    });

    test('says that an object is missing', async () => {
      await expect(store.get('missing/object')).rejects.toMatchObject({
        code: 'MARQUEE_OBJECT_MISSING',
        message: expect.stringContaining('missing/object') as string,
      });
    });

    test('shows what was written to whoever reads or lists next, eight at once', async () => {
      const names = Array.from({ length: 200 }, (_, n) => `fresh/${n}`);
      await eightSideBySide(names, async (name) => {
        for (const version of ['first', 'second']) {
          const body = `${name} ${version}`;
          await store.put(name, Buffer.from(body));
          expect((await store.get(name)).toString()).toBe(body);
        }
        expect((await listed(name)).map((found) => found.name)).toContain(name);
      });
    });

    test('refuses a bucket that is not there, at the latest when it is read', async () => {
      const other = openObjectStore({ ...stack.config.objectStore, bucket: 'no-such-bucket' });
      const refused = { code: 'MARQUEE_STORE_REFUSED', retriable: false };
      await expect(other.get('x')).rejects.toMatchObject(refused);
      // SeaweedFS makes a bucket for whoever puts into it with the rights to make one.
      if (engine === 'minio')
        await expect(other.put('x', Buffer.from('x'))).rejects.toMatchObject(refused);
      other.close();
    });

    test.each([
      ['a wrong secret', { secretKey: 'wrong' }],
      ['an unknown key', { accessKey: 'nobody' }],
      ['a name that no bucket may have', { bucket: 'No Bucket' }],
    ])('refuses %s at once, and says so', async (_, wrong) => {
      const other = openObjectStore({ ...stack.config.objectStore, ...wrong });
      const refused = { code: 'MARQUEE_STORE_REFUSED', retriable: false };
      await expect(other.put('x', Buffer.from('x'))).rejects.toMatchObject(refused);
      await expect(other.get('x')).rejects.toMatchObject(refused);
      await expect(other.list('x')[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
      other.close();
    });

    test('a store that is away, or silent, may come back: tried again, and no connection is left', async () => {
      const proxy = await startStoreProxy(stack.config.objectStore.endpoint);
      const behind = openObjectStore({
        ...stack.config.objectStore,
        endpoint: proxy.endpoint,
        timeoutMs: 300,
        attempts: 2,
      });
      const unavailable = { code: 'MARQUEE_STORE_UNAVAILABLE', retriable: true };
      proxy.strike('PUT', { kind: 'silent' }, 2);
      await expect(behind.put('x', Buffer.from('x'))).rejects.toMatchObject(unavailable);
      await vi.waitFor(() => {
        expect(proxy.connections()).toBe(0);
      });
      await proxy.away();
      await expect(behind.put('x', Buffer.from('x'))).rejects.toMatchObject(unavailable);
      await proxy.back();
      proxy.strike('PUT', { kind: 'answer', status: 503, code: 'SlowDown' });
      await behind.put('x', Buffer.from('x'));
      behind.close();
      await proxy.close();
    });
  });
});

async function eightSideBySide<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const item of left) await work(item);
    }),
  );
}
