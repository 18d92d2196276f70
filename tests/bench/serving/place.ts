import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../../cli/stack/host/ports.ts';
import { openSession } from '../../../connectors/postgres/session.ts';
import { insertKey } from '../../../serving/api/keys/key-table.ts';
import { formatKey, hashSecret, makeKey } from '../../../serving/api/keys/key-text.ts';
import { createRandom } from '../../../common/random.ts';
import type { Progress } from '../../../cli/terminal/progress.ts';
import { stepOf } from '../../../cli/terminal/steps.ts';
import type { BenchPlace } from '../runner/run.ts';
import { putLists } from './lists.ts';
import { GENERATOR_CORE } from './oha.ts';
import { pin } from './pin.ts';
import { startServer } from './servers.ts';
import type { BenchServer, ServerSettings } from './servers.ts';
import { makeWorld } from './world.ts';
import type { WorldSize } from './world.ts';

/** All that is asked, and what stands behind it. */
export interface ServingPlace extends BenchPlace {
  readonly size: WorldSize;
  readonly seed: number;
  /** A key that reads, at any rate. */
  readonly key: string;
  /** Of the lists that hits are answered from, and of the bare server's bodies. */
  readonly redis: Redis;
  /** Of what is computed: emptied before each run. */
  readonly coldRedis: Redis;
  /** A file with the body of a request to rank 500 movies. */
  readonly rankBody: string;
  start(kind: ServerKind): Promise<BenchServer>;
  /** All lists of all users anew, since they hold for an hour. */
  putLists(): Promise<void>;
  /** Leaves the other core to the server that is asked. */
  pinServers(): void;
  close(): void;
}

export type ServerKind =
  'api' | 'api without log' | 'api without lists' | 'bare' | { readonly sql: string };

/** Lists of all users and what they are held against take more than the stack's 256 MB. */
const REDIS_MEMORY = '3gb';
const RANKED = 500;
const ANY_RATE = 2_000_000_000;

export async function openServingPlace(
  place: BenchPlace,
  size: WorldSize,
  seed: number,
  progress: Progress,
): Promise<ServingPlace> {
  const { stack, workDir } = place;
  const { config } = stack;
  await stepOf(progress, 'world', async (step) => {
    step.update(`${size.users} users, ${size.movies} movies`);
    await makeWorld(stack, size);
    step.done(`${size.users} users, ${size.movies} movies`);
  });
  const redis = new Redis(config.redis.url);
  const coldUrl = `${config.redis.url}/1`;
  const coldRedis = new Redis(coldUrl);
  await redis.config('SET', 'maxmemory', REDIS_MEMORY);
  // What is saved in between is a fork that takes the core from what is measured.
  await redis.config('SET', 'save', '');
  const key = await addKey(config.postgres.writerUrl);
  return {
    ...place,
    size,
    seed,
    key,
    redis,
    coldRedis,
    rankBody: writeRankBody(workDir, size.movies, seed),
    async start(kind) {
      const port = await freePort();
      const settings: ServerSettings = {
        kind: typeof kind === 'object' ? 'bare-sql' : kind === 'bare' ? 'bare' : 'api',
        port,
        stackHome: stack.home,
        home: join(workDir, `server-${port}`),
        redisUrl: kind === 'api without lists' ? coldUrl : config.redis.url,
        postgresUrl: config.postgres.writerUrl,
        logsServes: kind !== 'api without log',
        ...(typeof kind === 'object' ? { sql: kind.sql } : {}),
      };
      return startServer(settings);
    },
    async putLists() {
      await redis.flushdb();
      await putLists(redis, size.users, size.movies);
    },
    pinServers() {
      const { broker, postgres, cache } = stack.pids;
      pin(GENERATOR_CORE, [broker, postgres, ...(cache === undefined ? [] : [cache])]);
    },
    close() {
      redis.disconnect();
      coldRedis.disconnect();
    },
  };
}

async function addKey(url: string): Promise<string> {
  const made = makeKey();
  const session = await openSession({ url, applicationName: 'bench' });
  try {
    await insertKey(session, {
      keyId: made.keyId,
      secretSha256: hashSecret(made.secret),
      scopes: ['read'],
      app: 'bench',
      userId: null,
      requestsPerSecond: ANY_RATE,
      note: '',
    });
  } finally {
    await session.close();
  }
  return formatKey(made);
}

function writeRankBody(workDir: string, movies: number, seed: number): string {
  const random = createRandom(seed, 'rank');
  const ids = new Set<number>();
  while (ids.size < Math.min(RANKED, movies)) ids.add(1 + random.below(movies));
  const file = join(workDir, 'rank.json');
  writeFileSync(file, JSON.stringify({ movie_ids: [...ids] }));
  return file;
}
