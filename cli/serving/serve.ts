import { join } from 'node:path';
import { createApiMetrics } from '../../serving/api/api-metrics.ts';
import { createApi } from '../../serving/api/create-api.ts';
import { openEventLog } from '../../serving/api/events/event-log.ts';
import type { EventLog } from '../../serving/api/events/event-log.ts';
import { createKeyCopy } from '../../serving/api/keys/key-copy.ts';
import { openKeyRing } from '../../serving/api/keys/key-ring.ts';
import type { KeyRing } from '../../serving/api/keys/key-ring.ts';
import { createKeySource } from '../../serving/api/keys/key-source.ts';
import type { Dependency } from '../../serving/api/routes/operations.ts';
import type { Config } from '../config/config.ts';
import { createLog } from '../config/log.ts';
import { withInterrupt } from '../terminal/interrupt.ts';
import type { Open, OpenRecommender } from './open-recommender.ts';

const BUFFERED_BYTES_MAX = 32 * 1024 * 1024;
const LOG_EVERY_MS = 10_000;

/** Serves until SIGTERM or SIGINT: then no more is taken and what is under way is finished. */
export async function serve(config: Config, open: Open): Promise<void> {
  const log = createLog(config.log.level);
  await withInterrupt(async (signal) => {
    const metrics = createApiMetrics();
    const keys = await openKeyRing({
      source: createKeySource(config.postgres.writerUrl),
      copy: createKeyCopy(join(config.home, 'serving', 'keys.json')),
      log,
      refreshMs: config.serve.keysRefreshMs,
    });
    const events = openEvents(config, log);
    let recommender: OpenRecommender | null = null;
    try {
      recommender = await open(config, metrics.registry);
      await run(config, log, { keys, events, recommender, metrics }, signal);
    } finally {
      await Promise.all([
        events.close(config.serve.drainTimeoutMs),
        keys.close(),
        recommender?.close(),
      ]);
    }
  });
}

interface Parts {
  readonly keys: KeyRing;
  readonly events: EventLog;
  readonly recommender: OpenRecommender;
  readonly metrics: ReturnType<typeof createApiMetrics>;
}

async function run(
  config: Config,
  log: ReturnType<typeof createLog>,
  { keys, events, recommender, metrics }: Parts,
  signal: AbortSignal,
): Promise<void> {
  const api = createApi({
    recommender: recommender.recommender,
    keys,
    events,
    metrics,
    settings: config.serve,
    log,
    logsRequests: log.isLevelEnabled('debug'),
    readiness: () => ({
      ready: keys.isKnown() && recommender.isReady(),
      dependencies: [ofKeys(keys), ofEvents(events), ...recommender.dependencies()],
    }),
  });
  try {
    const port = await api.listen();
    log.info({ event: 'started', api: `http://${config.serve.host}:${port}` });
    await aborted(signal);
    log.info({ event: 'stopping' });
  } finally {
    await api.close();
  }
  log.info({ event: 'stopped' });
}

function openEvents(config: Config, log: ReturnType<typeof createLog>): EventLog {
  const loggedAt = new Map<string, number>();
  return openEventLog({
    brokers: config.kafka.brokers,
    registryUrl: config.registry.url,
    deliveryTimeoutMs: config.serve.deliveryTimeoutMs,
    eventsMax: config.serve.eventsBufferedMax,
    bytesMax: BUFFERED_BYTES_MAX,
    fault(error) {
      const now = performance.now();
      if (now - (loggedAt.get(error.code) ?? -Infinity) < LOG_EVERY_MS) return;
      loggedAt.set(error.code, now);
      log.warn({ event: 'retrying', code: error.code, reason: error.message });
    },
  });
}

function ofKeys(keys: KeyRing): Dependency {
  const { fault } = keys.status();
  if (fault === null) return { name: 'keys', state: 'ok' };
  const detail = 'Postgres does not answer: keys are as they were';
  return keys.isKnown()
    ? { name: 'keys', state: 'degraded', detail }
    : { name: 'keys', state: 'away', detail: 'neither Postgres nor the copy on disk has them' };
}

function ofEvents(events: EventLog): Dependency {
  const { isReached, fault, waiting } = events.status();
  if (fault !== null) return { name: 'kafka', state: 'away', detail: `${fault}, ${waiting} wait` };
  return { name: 'kafka', state: isReached ? 'ok' : 'starting' };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener('abort', () => {
        resolve();
      });
  });
}
