import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Client } from 'minio';
import { backoffMs, pause } from '../../common/backoff.ts';
import { withDeadline } from '../../common/timers.ts';
import { MINUTE_MS } from '../../common/time.ts';
import { toStoreError } from './store-errors.ts';
import { createAgent, createTransport, withRequestsEndedBy } from './transport.ts';

/** An S3 store as far as Marquee needs one: whole objects by name, and nothing else. */
export interface ObjectStore {
  /** Puts a whole object; the same name again replaces it. */
  put(name: string, body: Buffer): Promise<void>;
  /** Throws MarqueeError MARQUEE_OBJECT_MISSING. */
  get(name: string): Promise<Buffer>;
  /** As `put` and `get`, from and into a local file: for objects too large to hold. */
  putFile(name: string, path: string): Promise<void>;
  getFile(name: string, path: string): Promise<void>;
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Removing what is not there is no error. */
  remove(names: readonly string[]): Promise<void>;
  close(): void;
}

export interface StoredObject {
  readonly name: string;
  readonly bytes: number;
  /** Epoch ms by the store's clock. */
  readonly modifiedAt: number;
}

export interface ObjectStoreOptions {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** A request without an answer for so long is tried again. */
  readonly timeoutMs?: number;
  readonly attempts?: number;
}

const TIMEOUT_MS = MINUTE_MS;
const ATTEMPTS = 6;
const RETRY = { firstMs: 200, maxMs: 5_000 };
/** Above it the SDK would cut an object into parts. */
const PART_BYTES = 512 * 1024 * 1024;

const PARQUET = { 'content-type': 'application/vnd.apache.parquet' };

/** Over the `minio` SDK. A fault that may pass is retried with growing pauses, then thrown. */
export function openObjectStore(options: ObjectStoreOptions): ObjectStore {
  const { bucket, timeoutMs = TIMEOUT_MS } = options;
  const useSSL = new URL(options.endpoint).protocol === 'https:';
  const agent = createAgent(useSSL, timeoutMs);
  const client = openClient(options, useSSL, agent);
  const attempt = <T>(doing: string, request: () => Promise<T>): Promise<T> =>
    attemptRequest(options, timeoutMs, doing, request);

  return {
    put: (name, body) =>
      attempt(`PUT ${name}`, async () => {
        await client.putObject(bucket, name, body, body.length, PARQUET);
      }),
    get: (name) =>
      attempt(`GET ${name}`, async () => {
        const stream = await client.getObject(bucket, name);
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks);
      }),
    putFile: (name, path) =>
      attempt(`PUT ${name}`, async () => {
        const { size } = await stat(path);
        await client.putObject(bucket, name, createReadStream(path), size, PARQUET);
      }),
    getFile: (name, path) =>
      attempt(`GET ${name}`, async () => {
        await pipeline(await client.getObject(bucket, name), createWriteStream(path));
      }),
    async *list(prefix) {
      // Whole listings: a page that failed in the middle would be a list that lacks objects.
      const listed = await attempt(`LIST ${prefix}`, () => listAll(client, bucket, prefix));
      yield* listed;
    },
    async remove(names) {
      for (const name of names)
        await attempt(`DELETE ${name}`, () => client.removeObject(bucket, name));
    },
    close() {
      agent.destroy();
    },
  };
}

function openClient(options: ObjectStoreOptions, useSSL: boolean, agent: Agent): Client {
  const url = new URL(options.endpoint);
  return new Client({
    endPoint: url.hostname,
    port: Number(url.port) || (useSSL ? 443 : 80),
    useSSL,
    accessKey: options.accessKey,
    secretKey: options.secretKey,
    region: 'us-east-1',
    partSize: PART_BYTES,
    transportAgent: agent,
    transport: createTransport(useSSL),
    // Its own retries don't tell what may pass from what can't.
    retryOptions: { disableRetry: true },
  });
}

async function attemptRequest<T>(
  { bucket, endpoint, attempts = ATTEMPTS }: ObjectStoreOptions,
  timeoutMs: number,
  doing: string,
  request: () => Promise<T>,
): Promise<T> {
  for (let n = 1; ; n++) {
    const ending = new AbortController();
    try {
      return await withDeadline(timeoutMs, withRequestsEndedBy(ending.signal, request), () => {
        throw new Error(`no answer to ${doing} for ${timeoutMs} ms`);
      });
    } catch (error) {
      ending.abort();
      const known = toStoreError(error, doing, `bucket ${bucket} at ${endpoint}`);
      if (!known.retriable || n >= attempts) throw known;
      await pause(backoffMs(RETRY, n));
    }
  }
}

async function listAll(client: Client, bucket: string, prefix: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const item of client.listObjectsV2(bucket, prefix, true)) {
    const { name, size, lastModified } = item as {
      name: string;
      size: number;
      lastModified: Date;
    };
    found.push({ name, bytes: size, modifiedAt: lastModified.getTime() });
  }
  return found;
}
