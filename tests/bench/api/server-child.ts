/**
 * A server of the benchmark on a free port, which it prints: `api` is the API with a recommender that
 * has its answer ready, `node` is node:http that sends the same bytes.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DEFAULT_API } from '../../../serving/api/api-settings.ts';
import { createApi } from '../../../serving/api/create-api.ts';
import { hashSecret, parseKey } from '../../../serving/api/keys/key-text.ts';
import type { Recommender } from '../../../serving/answers/recommender.ts';
import { ANSWER, KEY } from './request.ts';

const answer = Promise.resolve({ body: ANSWER });
const ready = (): typeof answer => answer;
const recommender: Recommender = {
  recommend: ready,
  rows: ready,
  rank: ready,
  session: ready,
  similar: ready,
  popular: ready,
  explain: ready,
};
const nothing = (): void => undefined;

async function api(): Promise<number> {
  const given = parseKey(KEY);
  const key = {
    keyId: given?.keyId ?? '',
    secretSha256: hashSecret(given?.secret ?? ''),
    scopes: ['read' as const],
    app: 'bench',
    userId: null,
    requestsPerSecond: 1_000_000_000,
    createdAtMs: 1,
    withdrawnAtMs: null,
    changedAtMs: 1,
    note: '',
  };
  const keys = new Map([[key.keyId, key]]);
  return createApi({
    recommender,
    keys: {
      find: (keyId) => keys.get(keyId),
      isKnown: () => true,
      status: () => ({ keys: 1, readAtMs: 1, fault: null }),
      close: () => Promise.resolve(),
    },
    events: {
      hasRoom: () => true,
      append: () => Promise.resolve(),
      status: () => ({ isReached: true, fault: null, waiting: 0 }),
      close: () => Promise.resolve(),
    },
    settings: { ...DEFAULT_API, port: 0 },
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    logsRequests: false,
    readiness: () => ({ ready: true, dependencies: [] }),
  }).listen();
}

async function node(): Promise<number> {
  const server = createServer((_request, response) => {
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'private, no-store',
      'content-length': ANSWER.length,
    });
    response.end(ANSWER);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const port = await (process.argv[2] === 'api' ? api() : node());
process.stdout.write(`${port}\n`);
// The parent measures what this costs.
process.on('message', () => {
  process.send?.(process.cpuUsage());
});
