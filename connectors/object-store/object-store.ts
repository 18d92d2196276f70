import { AsyncLocalStorage } from 'node:async_hooks';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Client } from 'minio';
import { backoffMs, pause } from '../../common/backoff.ts';
import { MarqueeError } from '../../common/error.ts';
import { withDeadline } from '../../common/timers.ts';
import { MINUTE_MS } from '../../common/time.ts';

/** What Marquee needs of an S3 store: whole objects by name, and nothing else. */
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

/** What a store says of itself or the network, as opposed to what it says of the request. */
const PASSING_CODES = new Set([
  'InternalError',
  'ServiceUnavailable',
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'RequestTimeout',
  'XMinioServerNotInitialized',
  'OperationAborted',
  'XMinioStorageFull',
  'UnknownError',
]);

/** What the SDK does not even send. */
const UNSENDABLE = new Set([
  'InvalidBucketNameError',
  'InvalidObjectNameError',
  'InvalidArgumentError',
]);

/** Over the `minio` SDK. A fault that may pass is retried with growing pauses, then thrown. */
export function openObjectStore(options: ObjectStoreOptions): ObjectStore {
  const { bucket, attempts = ATTEMPTS, timeoutMs = TIMEOUT_MS } = options;
  const url = new URL(options.endpoint);
  const useSSL = url.protocol === 'https:';
  const agentOptions = { keepAlive: true, timeout: timeoutMs };
  const agent = useSSL ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
  const client = new Client({
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

  async function attempt<T>(doing: string, request: () => Promise<T>): Promise<T> {
    for (let n = 1; ; n++) {
      const ending = new AbortController();
      try {
        return await withDeadline(timeoutMs, underWay.run(ending.signal, request), () => {
          throw new Error(`no answer to ${doing} for ${timeoutMs} ms`);
        });
      } catch (error) {
        ending.abort();
        const known = toStoreError(error, doing, options);
        if (!known.retriable || n >= attempts) throw known;
        await pause(backoffMs(RETRY, n));
      }
    }
  }

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
      const listed = await attempt(`LIST ${prefix}`, async () => {
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
      });
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

/** Of the attempt that a request belongs to. */
const underWay = new AsyncLocalStorage<AbortSignal>();

/**
 * Requests that end with their attempt: one that is given up would hold its body and its connection
 * for as long as the store stays silent. What the SDK leaves unread is read, for the same reason.
 */
function createTransport(useSSL: boolean): { request: typeof httpRequest } {
  const start = useSSL ? httpsRequest : httpRequest;
  const request = (options: RequestOptions, answered: (answer: IncomingMessage) => void) => {
    const signal = underWay.getStore();
    return start({ ...options, ...(signal === undefined ? {} : { signal }) }, (answer) => {
      answered(answer);
      if (UNREAD_STATUSES.has(answer.statusCode ?? 0)) answer.resume();
    });
  };
  // The one form in which the SDK calls it.
  return { request: request as typeof httpRequest };
}

/** The SDK throws at these without a look at the body. */
const UNREAD_STATUSES = new Set([408, 429, 499, 500, 502, 503, 504, 520]);

function toStoreError(error: unknown, doing: string, at: ObjectStoreOptions): MarqueeError {
  if (error instanceof MarqueeError) return error;
  const {
    code: told,
    message,
    name = '',
  } = error as {
    code?: string;
    message?: string;
    name?: string;
  };
  const code = UNSENDABLE.has(name) ? name : told;
  const place = `${doing} in bucket ${at.bucket} at ${at.endpoint}`;
  const said = message === undefined || message === '' ? String(code) : message;
  if (code === 'NoSuchKey' || code === 'NotFound')
    return new MarqueeError('MARQUEE_OBJECT_MISSING', `${place}: there is no such object`, {
      cause: error,
    });
  // S3 says NoSuchBucket; the system says ECONNREFUSED, all in capitals.
  const answered = code !== undefined && /^[A-Z][A-Za-z]*[a-z][A-Za-z]*$/.test(code);
  const hint =
    code === 'RequestTimeTooSkewed'
      ? "Is this machine's clock right, and the store's?"
      : 'Are the bucket, the keys and their rights as in `marquee config`?';
  if (answered && !PASSING_CODES.has(code))
    return new MarqueeError('MARQUEE_STORE_REFUSED', `${place}: ${said} (${code}). ${hint}`, {
      cause: error,
    });
  return new MarqueeError(
    'MARQUEE_STORE_UNAVAILABLE',
    `${place}: ${said}${answered ? ` (${code})` : ''}. Is the store up, and has it room?`,
    { cause: error, retriable: true },
  );
}
