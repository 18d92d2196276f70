import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Movie } from '../../../schemas/generated/types.ts';
import { openSession } from '../../../connectors/postgres/session.ts';
import { createProducer } from '../../../sdk/src/producer.ts';
import type { Producer } from '../../../sdk/src/producer.ts';
import { createPublisher } from '../../../sdk/src/publisher.ts';
import type { Publisher } from '../../../sdk/src/publisher.ts';
import { insertKey } from '../../../serving/api/keys/key-table.ts';
import { formatKey, hashSecret, makeKey } from '../../../serving/api/keys/key-text.ts';
import { redisKey } from '../../../serving/cache/list-cache.ts';
import type { Environment } from '../faults/environment.ts';
import { emptyEnvironment } from '../faults/shared-environment.ts';
import type { RunningProcess } from '../processes.ts';
import { until } from '../until.ts';
import { loadHandMade } from './load-model.ts';
import type { HandMadeModel } from './load-model.ts';
import { anchorOf, catalogue, markedModel, SURFACES, SURFACES_YAML, USERS } from './marked.ts';
import { recommend } from './questions.ts';
import type { Truth } from './verdict.ts';

export const PROCESSORS = [
  'movies',
  'interactions',
  'profiles',
  'feedback',
  'serve-logs',
  'recommendations',
];

/** Real servers with a marked catalogue and users who have done something, and the processors. */
export interface World {
  readonly environment: Environment;
  readonly processors: RunningProcess;
  readonly producer: Producer;
  readonly redis: Redis;
  /** With the right to read, and to see the metrics. */
  readonly key: string;
  readonly truth: Truth;
  /** Loads a marked model; nothing serves it yet, or it serves at once. */
  load(model: 1 | 2): Promise<string>;
  promote(version: string): Promise<void>;
  withdraw(movieId: number): Promise<void>;
  /** `marquee serve`, answering. */
  serve(
    env?: Readonly<Record<string, string>>,
    child?: { readonly script: string; readonly args: readonly string[] },
  ): Promise<Serving>;
  close(): Promise<void>;
}

export interface Serving {
  readonly process: RunningProcess;
  readonly url: string;
}

/** A model is polled each second, and loaded then; machines that are busy take their time. */
const SWAP_MS = 4_000;

export async function createWorld(): Promise<World> {
  const environment = await emptyEnvironment();
  const { config, processes, home, brokers, registryUrl } = environment;
  rmSync(join(home, 'serving'), { recursive: true, force: true });
  writeFileSync(join(home, 'surfaces.yaml'), SURFACES_YAML);
  const redis = new Redis(config.redis.url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  await redis.flushall();
  const publisher = createPublisher({ brokers, registryUrl, clientId: 'world' }, ['movies.v1']);
  const movies = catalogue();
  for (const { movieId, ...movie } of movies)
    publisher.publish('movies.v1', String(movieId), movieOf(movieId, movie));
  await publisher.flush();
  const producer = createProducer({ app: 'world', brokers, registryUrl, drainOnSigterm: false });
  const processors = processes.start({ processors: PROCESSORS, label: 'processors' });
  // Lists that are made of half a catalogue would be right, and kept for minutes.
  await until('the catalogue', 60_000, async () => {
    const [row] = await environment.db.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM movies',
    );
    return row?.n === movies.length;
  });
  const models = createModels(environment);
  const withdrawn = new Map<number, number>();

  return {
    environment,
    processors,
    producer,
    redis,
    key: await makeReadKey(environment),
    truth: { models: models.numbers, wasActive: models.wasActive, withdrawn },
    load: models.load,
    promote: models.promote,
    async withdraw(movieId) {
      publisher.publish('movies.v1', String(movieId), null);
      await publisher.flush();
      withdrawn.set(movieId, Date.now());
    },
    async serve(env = {}, child) {
      const process = processes.start({
        processors: [],
        label: 'serve',
        ...(child === undefined
          ? { command: ['serve', '--port', '0'] }
          : { script: child.script, command: child.args }),
        env,
      });
      const line = await process.logged('started', 60_000);
      return { process, url: String(line['api']) };
    },
    close: () => closeAll(environment, redis, producer, publisher),
  };
}

async function closeAll(
  environment: Environment,
  redis: Redis,
  producer: Producer,
  publisher: Publisher,
): Promise<void> {
  redis.disconnect();
  await Promise.all([producer.close(), publisher.close()]);
  await environment.close();
}

function movieOf(
  movieId: number,
  { title, year, genres }: { title: string; year: number | null; genres: readonly string[] },
): Movie {
  return {
    movie_id: movieId,
    title,
    year,
    genres: [...genres],
    tags: [],
    imdb_id: null,
    tmdb_id: null,
    updated_at: Date.now(),
  };
}

async function makeReadKey({ config }: Environment): Promise<string> {
  const made = makeKey();
  const session = await openSession({ url: config.postgres.writerUrl, applicationName: 'world' });
  await insertKey(session, {
    keyId: made.keyId,
    secretSha256: hashSecret(made.secret),
    scopes: ['read', 'admin'],
    app: 'world',
    userId: null,
    requestsPerSecond: 100_000,
    note: '',
  });
  await session.close();
  return formatKey(made);
}

function createModels({ config }: Environment) {
  const numbers = new Map<string, number>();
  const active: { readonly version: string; readonly from: number; until: number }[] = [];
  const withSession = async (
    work: (session: Awaited<ReturnType<typeof openSession>>) => Promise<unknown>,
  ): Promise<void> => {
    const session = await openSession({ url: config.postgres.writerUrl, applicationName: 'world' });
    await work(session).finally(() => session.close());
  };
  const serves = (version: string, from: number): void => {
    const last = active.at(-1);
    if (last !== undefined) last.until = Date.now();
    active.push({ version, from, until: Infinity });
  };
  const load = async (model: 1 | 2): Promise<string> => {
    const version = versionOf(Date.now());
    const made: HandMadeModel = markedModel(model, version);
    numbers.set(version, model);
    const from = Date.now();
    await withSession((session) => loadHandMade(session, made));
    serves(version, from);
    return version;
  };
  return {
    numbers,
    load,
    async promote(version: string) {
      const from = Date.now();
      await withSession((session) =>
        session.execute('SELECT promote_model($1, $2)', [version, 'by hand']),
      );
      serves(version, from);
    },
    wasActive: (version: string, from: number, to: number) =>
      active.some(
        (one) => one.version === version && one.from <= to && from <= one.until + SWAP_MS,
      ),
  };
}

let last = 0;
/** Each another one. */
function versionOf(now: number): string {
  last = Math.max(last + 1, Math.floor(now / 1_000));
  const [date = '', time = ''] = new Date(last * 1_000).toISOString().split('T');
  return `${date.replaceAll('-', '')}T${time.slice(0, 8).replaceAll(':', '')}Z`;
}

/** Who acts has liked the movie of their group, and their list stands in Redis. */
export async function letUsersAct(world: World): Promise<void> {
  for (const { userId, group } of USERS)
    world.producer.rate({ userId, movieId: anchorOf(group), value: 5 });
  await world.producer.flush();
  for (const { userId } of USERS) await listIsInRedis(world, userId);
}

export async function listIsInRedis({ redis, processors }: World, userId: string): Promise<void> {
  const key = redisKey({ userId, surface: 'home', arm: null });
  await until(
    `a list of ${userId} in Redis`,
    60_000,
    async () => (await redis.exists(key)) === 1,
    () => processors.tail(),
  );
}

/** Each user's list of each surface stands in Redis. */
export async function warm({ key, redis }: World, url: string): Promise<void> {
  for (const { userId, group } of USERS)
    for (const surface of SURFACES)
      await until(`a list of ${userId} for ${surface}`, 10_000, async () => {
        const { path } = recommend({ whom: 'acts', userId, group }, surface);
        const response = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
        await response.text();
        return (await redis.exists(redisKey({ userId, surface, arm: null }))) === 1;
      });
}
