import { Redis } from 'ioredis';
import { MarqueeError } from '../../common/error.ts';

export interface RedisOptions {
  readonly url: string;
  /** Seen in CLIENT LIST. */
  readonly name: string;
  /** A command without an answer for so long has failed. */
  readonly commandTimeoutMs: number;
  readonly connectTimeoutMs?: number;
  /** Whether commands of one tick go out in one write, at the tick's end. */
  readonly gathers: boolean;
}

/**
 * A client that says no at once: while there is no connection commands fail instead of waiting, and a
 * new connection is tried for by itself.
 */
export function createRedis(options: RedisOptions): Redis {
  const client = new Redis(options.url, {
    connectionName: options.name,
    connectTimeout: options.connectTimeoutMs ?? 2_000,
    commandTimeout: options.commandTimeoutMs,
    // A server that is stopped or cut off says nothing at all: then the connection is made anew.
    socketTimeout: Math.max(2_000, 4 * options.commandTimeoutMs),
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: options.gathers,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 1_000),
    reconnectOnError: null,
    lazyConnect: true,
  });
  client.on('error', () => undefined); // each command says so itself
  client.connect().catch(() => undefined);
  return client;
}

/** What a client threw, with a code: the world's fault, to be tried again. */
export function toRedisError(error: unknown, doing: string): MarqueeError {
  if (error instanceof MarqueeError) return error;
  const { message } = error as Error;
  const full = /\bOOM\b/.test(message);
  const code = full ? 'MARQUEE_REDIS_FULL' : 'MARQUEE_REDIS_UNAVAILABLE';
  const remedy = full
    ? 'Give it more memory, or set maxmemory-policy to allkeys-lru.'
    : 'Is the server up and redis.url right?';
  return new MarqueeError(code, `Redis, ${doing}: ${message}. ${remedy}`, {
    cause: error,
    retriable: true,
  });
}

/** Resolves when commands can be sent; rejects when that takes longer than `ms`. */
export async function connected(client: Redis, ms: number): Promise<void> {
  if (client.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const ready = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      client.off('ready', ready);
      reject(toRedisError(new Error(`no connection within ${ms} ms`), 'connecting'));
    }, ms);
    client.once('ready', ready);
  });
}
