import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { createRedis } from '../../connectors/redis/client.ts';
import { createRecommender } from '../../serving/answers/create-recommender.ts';
import type { AnswerOptions } from '../../serving/answers/context.ts';
import type { Recommender } from '../../serving/answers/recommender.ts';
import { createListCache } from '../../serving/cache/list-cache.ts';
import { registerServeLogMetrics } from '../../serving/log/metrics.ts';
import { createServeLog } from '../../serving/log/serve-log.ts';
import { createServingState } from '../../serving/state/serving-state.ts';
import { watchSurfaces } from '../../serving/surfaces/watch-surfaces.ts';
import type { Dependency } from '../../serving/api/routes/operations.ts';
import type { Config } from '../config/config.ts';
import { createLog } from '../config/log.ts';

/** What answers, and what it knows of the servers that it stands upon. */
export interface OpenRecommender {
  readonly recommender: Recommender;
  /** True when any source can answer. */
  isReady(): boolean;
  dependencies(): readonly Dependency[];
  close(): Promise<void>;
}

export type Open = (config: Config, registry: Registry) => Promise<OpenRecommender>;

/** What nobody but evaluation and tests sets. */
export interface Special extends Pick<AnswerOptions, 'now' | 'postgresBudgetMs' | 'cacheBudgetMs'> {
  /** A disk that fails. */
  readonly io?: NonNullable<Parameters<typeof createServeLog>[0]['io']>;
  /** Another log, or none. */
  readonly openServeLog?: typeof createServeLog;
}

/** A slow cache is worse than none: what is asked for is made anew instead. */
const REDIS_TIMEOUT_MS = 50;
const READY_MS = 10_000;
const CONNECTIONS_MAX = 10;
const QUERY_TIMEOUT_MS = 1_000;

/**
 * Opens all that answers stand upon; whatever is away is taken up when it comes.
 */
export async function openRecommender(
  config: Config,
  registry: Registry,
  special: Special = {},
): Promise<OpenRecommender> {
  const log = createLog(config.log.level);
  const folder = join(config.home, 'serving');
  const serveLog = await (special.openServeLog ?? createServeLog)({
    folder: join(folder, 'spool'),
    bytesMax: config.serving.spoolBytesMax,
    io: special.io,
    kafka: { brokers: config.kafka.brokers, registryUrl: config.registry.url },
    log,
  });
  registerServeLogMetrics(registry, serveLog.counts);
  const redis = createRedis({
    url: config.redis.url,
    name: 'marquee-api',
    commandTimeoutMs: REDIS_TIMEOUT_MS,
    // What is read is gathered already.
    gathers: false,
  });
  const state = createServingState({
    postgresUrl: config.postgres.writerUrl,
    applicationName: 'marquee-api',
    connectionsMax: CONNECTIONS_MAX,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    folder: join(folder, 'state'),
    log,
  });
  const surfaces = await watchSurfaces({
    file: config.serving.surfacesFile,
    stateFolder: join(folder, 'state'),
    log,
    registry,
    onChange: () => undefined,
  });
  const recommender = createRecommender({
    state,
    cache: createListCache(redis),
    surfaces: surfaces.current,
    append: serveLog.appendParts,
    served: serveLog.find,
    log,
    ...(special.now === undefined ? {} : { now: special.now }),
    ...(special.postgresBudgetMs === undefined
      ? {}
      : { postgresBudgetMs: special.postgresBudgetMs }),
    ...(special.cacheBudgetMs === undefined ? {} : { cacheBudgetMs: special.cacheBudgetMs }),
  });
  await state.ready(READY_MS);
  return {
    recommender,
    isReady: () => state.sources() !== null,
    dependencies: () => [
      { name: 'redis', state: redis.status === 'ready' ? 'ok' : 'away' },
      ...dependenciesOf(state.asOf()),
    ],
    async close() {
      redis.disconnect();
      await surfaces.close();
      await state.close();
      await serveLog.close();
    },
  };
}

/** Read anew every second: what is older is of a Postgres that doesn't answer. */
const STALE_MS = 10_000;

function dependenciesOf(
  asOf: Readonly<Record<'model' | 'catalogue', number | null>>,
): Dependency[] {
  return Object.entries(asOf).map(([name, at]) => {
    if (at === null) return { name, state: 'starting', detail: 'from disk, or not read yet' };
    const ageMs = Date.now() - at;
    return ageMs < STALE_MS
      ? { name, state: 'ok' }
      : { name, state: 'degraded', detail: `as it was ${Math.round(ageMs / 1000)} s ago` };
  });
}
