import { openObjectStore } from '../../connectors/object-store/object-store.ts';
import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import type { ArchiveContext } from '../../archive/context.ts';
import type { Config } from '../config/config.ts';
import { failpointsOf } from '../config/failpoints.ts';
import { createLog } from '../config/log.ts';

export function storeOf({ objectStore }: Config): ObjectStore {
  return openObjectStore(objectStore);
}

export function archiveContext(config: Config, store: ObjectStore): ArchiveContext {
  return {
    brokers: config.kafka.brokers,
    registryUrl: config.registry.url,
    postgresUrl: config.postgres.writerUrl,
    store,
    settings: config.archive,
    runtime: config.runtime.settings,
    log: createLog(config.log.level),
    failpoint: failpointsOf(config),
  };
}
