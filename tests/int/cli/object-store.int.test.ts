import { Client } from 'minio';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { goVersion, hasGo } from '../../../cli/stack/install/go.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { MINUTE_MS } from '../../../common/time.ts';

/** MinIO's build takes 5 minutes on 2 cores; the test waits for one that is under way. */
const buildMs = 15 * MINUTE_MS;

let stack: TestStack | undefined;
afterEach(async () => {
  // SeaweedFS would take 15 s to leave.
  await stack?.kill('object-store', 'SIGKILL');
  await stack?.stop();
  vi.unstubAllEnvs();
});

async function putAndGet(engine: string): Promise<string> {
  vi.stubEnv('MARQUEE_OBJECT_STORE', engine);
  stack = await startStack({ services: ['object-store'] });
  const { endpoint, accessKey, secretKey, bucket } = stack.config.objectStore;
  const { hostname, port } = new URL(endpoint);
  const at = { endPoint: hostname, port: Number(port), useSSL: false, region: 'us-east-1' };
  const client = new Client({ ...at, accessKey, secretKey });
  const body = Buffer.alloc(3_000_000, 'marquee');
  await client.putObject(bucket, 'folder/object', body);
  await stack.kill('object-store', 'SIGKILL');
  await stack.start('object-store');
  const chunks: Buffer[] = [];
  for await (const chunk of await client.getObject(bucket, 'folder/object')) {
    chunks.push(chunk as Buffer);
  }
  expect(Buffer.concat(chunks).equals(body)).toBe(true);
  const stranger = new Client({ ...at, accessKey, secretKey: 'wrong' });
  await expect(stranger.listBuckets()).rejects.toThrow();
  return (await fetch(endpoint)).headers.get('server') ?? '';
}

describe('the object store', () => {
  it.skipIf(!hasGo())(
    'is MinIO, and keeps its objects when it is killed',
    { timeout: buildMs },
    async () => {
      expect(goVersion()).not.toBeNull();
      expect(await putAndGet('minio')).toMatch(/MinIO/);
    },
  );

  it('is SeaweedFS where MinIO cannot be built, and keeps its objects when it is killed', async () => {
    expect(await putAndGet('seaweedfs')).toMatch(/SeaweedFS/);
  });
});
