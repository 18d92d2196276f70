import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ArchiveContext } from '../../../archive/context.ts';
import { DEFAULT_ARCHIVE } from '../../../archive/settings.ts';
import { quiet, type World } from '../replay/environment.ts';

/** Small ranges, so that there are many files, and no grace time. */
export const SMALL_RANGES = Object.freeze({ ...DEFAULT_ARCHIVE, graceMs: 0, rowsMax: 100 });

/** What a run of the archive works with in this world. */
export function archiveContextOf(
  world: World,
  store: ObjectStore,
  over: Partial<ArchiveContext> = {},
): ArchiveContext {
  return {
    brokers: world.config.kafka.brokers,
    registryUrl: world.config.registry.url,
    postgresUrl: world.config.postgres.writerUrl,
    store,
    settings: SMALL_RANGES,
    runtime: world.settings,
    log: quiet,
    failpoint: () => undefined,
    ...over,
  };
}
