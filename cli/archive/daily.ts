import { setTimeout as delay } from 'node:timers/promises';
import { runArchive } from '../../streams/archive/run.ts';
import { isDue, nextRunAfter } from '../../streams/archive/schedule.ts';
import { MarqueeError } from '../../schemas/error.ts';
import type { Config } from '../config.ts';
import { loadConfig } from '../config.ts';
import { withSession } from '../operate/output.ts';
import { archiveContext, storeOf } from './context.ts';

/** How often it is looked whether a run is due. */
const LOOK_MS = 30_000;

interface LastRun extends Record<string, unknown> {
  readonly planned: number;
  readonly finished: boolean;
}

/** The command `marquee archive daily`: works until a signal, and survives what runs fail of. */
export async function archiveDaily(): Promise<void> {
  const config = loadConfig();
  const store = storeOf(config);
  const stopping = new AbortController();
  const stop = () => {
    stopping.abort();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const context = { ...archiveContext(config, store), signal: stopping.signal };
  const { log, settings } = context;
  const next = new Date(nextRunAfter(settings, Date.now())).toISOString();
  log.info({ event: 'archive_waits', schedule: settings.schedule, zone: settings.timeZone, next });
  try {
    while (!stopping.signal.aborted) {
      try {
        if (await due(config)) {
          const { drop, ...report } = await runArchive(context, null);
          log.info({
            event: 'archive_ran',
            ...report,
            dropped: drop.dropped,
            held: drop.held.length,
          });
        }
      } catch (error) {
        const code = error instanceof MarqueeError ? error.code : undefined;
        log.error({ event: 'archive_failed', code, reason: (error as Error).message });
      }
      await delay(LOOK_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    store.close();
  }
}

async function due(config: Config): Promise<boolean> {
  const [last] = await withSession(config.postgres.writerUrl, 'archive', (session) =>
    session.query<LastRun>(
      `SELECT (extract(epoch FROM planned_at) * 1000)::bigint AS planned, finished_at IS NOT NULL AS finished
         FROM archive_runs ORDER BY id DESC LIMIT 1`,
    ),
  );
  if (last?.finished === false) return true;
  return isDue(config.archive, last?.planned ?? null, Date.now());
}
