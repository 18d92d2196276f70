import { MarqueeError } from '../../../common/error.ts';
import type { UserAction } from '../../../schemas/generated/types.ts';
import { DEFAULT_API } from '../../../serving/api/api-settings.ts';
import type { ApiSettings } from '../../../serving/api/api-settings.ts';
import { createApi } from '../../../serving/api/create-api.ts';
import type { Api } from '../../../serving/api/create-api.ts';
import type { EventLog } from '../../../serving/api/events/event-log.ts';
import type { LogFields } from '../../../common/log.ts';
import type { ApiKey } from '../../../serving/api/keys/api-key.ts';
import { openKeyRing } from '../../../serving/api/keys/key-ring.ts';
import { formatKey, hashSecret, makeKey } from '../../../serving/api/keys/key-text.ts';
import type { Recommender } from '../../../serving/answers/recommender.ts';
import { createTinyRecommender } from './tiny-recommender.ts';

export interface TestApi {
  readonly api: Api;
  readonly url: string;
  readonly logged: readonly LogFields[];
  readonly events: MemoryLog;
  /** A key that holds from the next look on. */
  addKey(fields?: Partial<ApiKey>): string;
  get(path: string, key?: string | null, init?: RequestInit): Promise<Response>;
  post(path: string, body: unknown, key?: string | null, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** A log of events in memory, which may be full or away. */
export interface MemoryLog extends EventLog {
  readonly stored: readonly UserAction[];
  fault: 'full' | 'away' | null;
}

/** The API on a free port, with keys, recommender and event log in this process. */
export async function startTestApi(
  options: {
    readonly recommender?: Recommender;
    readonly settings?: Partial<ApiSettings>;
  } = {},
): Promise<TestApi> {
  const all: ApiKey[] = [];
  const logged: LogFields[] = [];
  const take = (fields: LogFields): void => {
    logged.push(fields);
  };
  const log = { debug: take, info: take, warn: take, error: take };
  const addKey = (fields: Partial<ApiKey> = {}): string => {
    const made = makeKey();
    all.push({
      keyId: made.keyId,
      secretSha256: hashSecret(made.secret),
      scopes: ['read'],
      app: 'web',
      userId: null,
      requestsPerSecond: null,
      createdAtMs: 1,
      withdrawnAtMs: null,
      changedAtMs: 1,
      note: '',
      ...fields,
    });
    return formatKey(made);
  };
  const admin = addKey({ scopes: ['admin'], requestsPerSecond: 1_000_000 });
  const ring = await openKeyRing({
    source: { read: () => Promise.resolve([...all]), close: () => Promise.resolve() },
    copy: { read: () => Promise.resolve(null), write: () => Promise.resolve() },
    log,
    refreshMs: 60_000,
  });
  const events = createMemoryLog();
  const api = createApi({
    recommender: options.recommender ?? createTinyRecommender(),
    // Keys that a test adds hold at once.
    keys: { ...ring, find: (keyId) => all.find((key) => key.keyId === keyId) },
    events,
    settings: { ...DEFAULT_API, port: 0, ...options.settings },
    log,
    logsRequests: true,
    readiness: () => ({ ready: true, dependencies: [{ name: 'keys', state: 'ok' }] }),
  });
  const url = `http://127.0.0.1:${await api.listen()}`;
  const call = (path: string, key: string | null, init: RequestInit): Promise<Response> =>
    fetch(url + path, {
      ...init,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(init.headers as Record<string, string> | undefined),
      },
    });
  return {
    api,
    url,
    logged,
    events,
    addKey,
    get: (path, key = admin, init = {}) => call(path, key, init),
    post: (path, body, key = admin, init = {}) =>
      call(path, key, {
        method: 'POST',
        body: JSON.stringify(body),
        ...init,
        headers: {
          'content-type': 'application/json',
          ...(init.headers as Record<string, string> | undefined),
        },
      }),
    async close() {
      await api.close();
      await ring.close();
    },
  };
}

function createMemoryLog(): MemoryLog {
  const stored: UserAction[] = [];
  return {
    stored,
    fault: null,
    hasRoom() {
      return this.fault !== 'full';
    },
    append(event) {
      if (this.fault === 'away')
        return Promise.reject(
          new MarqueeError('MARQUEE_DELIVERY_TIMEOUT', 'no broker', { retriable: true }),
        );
      stored.push(event);
      return Promise.resolve();
    },
    status: () => ({ isReached: true, fault: null, waiting: 0 }),
    close: () => Promise.resolve(),
  };
}
