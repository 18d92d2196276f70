import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ArchiveContext } from '../../../archive/context.ts';
import { DEFAULT_ARCHIVE } from '../../../archive/settings.ts';
import { quiet, type Environment } from '../replay/environment.ts';

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
