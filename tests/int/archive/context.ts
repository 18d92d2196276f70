import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ArchiveContext } from '../../../archive/context.ts';
import { DEFAULT_ARCHIVE } from '../../../archive/settings.ts';
import { HOUR_MS } from '../../../common/time.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { makeWave, type Wave } from '../../support/streams/actions.ts';
import { quiet, type Environment } from '../../support/streams/environment.ts';

/** Small ranges, so that there are many files, and no grace time. */
export const SMALL_RANGES = Object.freeze({ ...DEFAULT_ARCHIVE, graceMs: 0, rowsMax: 100 });

/** Context of a run of the archive in this environment. */
export function archiveContextOf(
  env: Environment,
  store: ObjectStore,
  over: Partial<ArchiveContext> = {},
): ArchiveContext {
  return {
    brokers: env.config.kafka.brokers,
    registryUrl: env.config.registry.url,
    postgresUrl: env.config.postgres.writerUrl,
    store,
    settings: SMALL_RANGES,
    runtime: env.settings,
    log: quiet,
    failpoint: () => undefined,
    ...over,
  };
}

/** Sends waves that were received so many hours ago, and has `interactions` apply them all. */
export async function applyWaves(
  env: Environment,
  hoursAgo: readonly number[],
  { seed, count }: { readonly seed: number; readonly count: number },
): Promise<Wave[]> {
  const interactions = PROCESSORS['interactions'] as Processor;
  const running = await env.run([interactions]);
  const waves: Wave[] = [];
  for (const [n, hours] of hoursAgo.entries()) {
    const nowMs = Date.now() - hours * HOUR_MS;
    const wave = await makeWave(env.codec, { seed: seed + n, count, nowMs, stamped: true });
    waves.push(wave);
    await env.send('user-actions.v1', wave.records);
  }
  await env.caughtUp([interactions]);
  // The log's end was reached: what was received up to now is applied.
  await env.admin.execute(
    `UPDATE marquee.stream_offsets SET as_of = now() WHERE processor = 'interactions'`,
  );
  await running.stop();
  return waves;
}
