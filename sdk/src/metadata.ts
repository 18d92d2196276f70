import { steadyNow } from '../../common/steady-clock.ts';
import type { ProducerCluster } from './cluster.ts';
import { createMetadataLoader } from './metadata-loader.ts';
import type { MetadataLoaderOptions, MetadataState, ProducerIdentity } from './metadata-loader.ts';

/** The cluster as sending sees it: who leads which partition, and under which id to write. */
export interface ProducerMetadata {
  /** Null while there is none: nothing may be sent then. */
  identity(): ProducerIdentity | null;
  /** The broker of each partition (-1: none now), or null while the topic is not known. */
  leaders(topic: string): readonly number[] | null;
  /** Keeps the topic's metadata from now on. Resolves when it can be written to; never rejects. */
  want(topic: string): Promise<void>;
  /** Asks for metadata again, as soon as nothing else is being asked. */
  refresh(): void;
  /** Gives the id up and takes another. */
  renewIdentity(): void;
  stop(): Promise<void>;
}

const METADATA_MAX_AGE_MS = 300_000;

export function createProducerMetadata(
  cluster: ProducerCluster,
  options: MetadataLoaderOptions,
): ProducerMetadata {
  const state: MetadataState = {
    wanted: new Set(),
    leaders: new Map(),
    identity: null,
    stale: true,
    loadedAt: -Infinity,
  };
  const writable = new Map<string, PromiseWithResolvers<void>>();
  const loader = createMetadataLoader(cluster, state, { ...options, changed });

  function changed(): void {
    for (const [topic, { resolve }] of writable) {
      if (state.leaders.has(topic) && state.identity !== null) resolve();
    }
    options.changed();
  }

  function refresh(): void {
    state.stale = true;
    loader.start();
  }

  return {
    identity: () => state.identity,
    leaders(topic) {
      const old = steadyNow() - state.loadedAt > METADATA_MAX_AGE_MS;
      if (old && !loader.isLoading()) refresh();
      return state.leaders.get(topic) ?? null;
    },
    want(topic) {
      let deferred = writable.get(topic);
      if (deferred === undefined) {
        deferred = Promise.withResolvers();
        writable.set(topic, deferred);
        state.wanted.add(topic);
        loader.start();
      }
      return deferred.promise;
    },
    refresh,
    renewIdentity() {
      state.identity = null;
      loader.start();
    },
    async stop() {
      await loader.stop();
      await cluster.disconnect();
    },
  };
}
