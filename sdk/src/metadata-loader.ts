import { backoffMs, pause } from '../../common/backoff.ts';
import type { BackoffOptions } from '../../common/backoff.ts';
import type { MarqueeError } from '../../common/error.ts';
import { steadyNow } from '../../common/steady-clock.ts';
import type { ProducerCluster } from './cluster.ts';
import { toKafkaFault } from './kafka-fault.ts';

export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** The topics that are wanted, and what the cluster has said of them. */
export interface MetadataState {
  readonly wanted: Set<string>;
  /** The broker of each partition, -1 for none, of each topic that is known. */
  readonly leaders: Map<string, readonly number[]>;
  identity: ProducerIdentity | null;
  /** The leaders have to be asked for again. */
  stale: boolean;
  /** Milliseconds of the steady clock. */
  loadedAt: number;
}

export interface MetadataLoaderOptions {
  readonly brokers: readonly string[];
  readonly backoff: BackoffOptions;
  /** Leaders, topics or the identity changed. */
  changed(): void;
  /** Told of each fault that is being retried. */
  fault(error: MarqueeError): void;
}

/** Fills the state: asks until nothing is lacking, one question at a time. */
export interface MetadataLoader {
  /** To be called whenever something may be lacking. */
  start(): void;
  isLoading(): boolean;
  /** Resolves when no question is open. */
  stop(): Promise<void>;
}

export function createMetadataLoader(
  cluster: ProducerCluster,
  state: MetadataState,
  options: MetadataLoaderOptions,
): MetadataLoader {
  const stopping = new AbortController();
  let loading: Promise<void> | null = null;
  /** A call, since it may change while something is awaited. */
  const isStopping = (): boolean => stopping.signal.aborted;

  async function loadUntilComplete(): Promise<void> {
    for (let attempt = 1; isLacking(state) && !isStopping(); attempt += 1) {
      try {
        // A leader that is not elected yet is asked for again and again.
        await pause(state.loadedAt + options.backoff.firstMs - steadyNow(), stopping.signal);
        await load(cluster, state);
      } catch (error) {
        if (isStopping()) break;
        options.fault(toKafkaFault(error, options.brokers, unknownTopics(state)));
        // Whatever was loaded before the fault is of use already.
        options.changed();
        await pause(backoffMs(options.backoff, attempt), stopping.signal);
      }
    }
  }

  function start(): void {
    if (isStopping()) return;
    loading ??= loadUntilComplete().finally(() => {
      loading = null;
      if (isStopping()) return;
      if (isLacking(state)) start();
      options.changed();
    });
  }

  return {
    start,
    isLoading: () => loading !== null,
    async stop() {
      stopping.abort();
      await loading;
    },
  };
}

function isLacking(state: MetadataState): boolean {
  return state.stale || state.identity === null || unknownTopics(state).length > 0;
}

function unknownTopics({ wanted, leaders }: MetadataState): string[] {
  return [...wanted].filter((topic) => !leaders.has(topic));
}

/** Known topics first, the others one by one: a topic that is missing must not hide the rest. */
async function load(cluster: ProducerCluster, state: MetadataState): Promise<void> {
  const { leaders } = state;
  const known = [...leaders.keys()];
  await cluster.load(known);
  state.stale = false;
  state.loadedAt = steadyNow();
  for (const topic of known) leaders.set(topic, cluster.leaders(topic));
  for (const topic of unknownTopics(state)) {
    await cluster.load([...leaders.keys(), topic]);
    leaders.set(topic, cluster.leaders(topic));
  }
  state.identity ??= await cluster.initProducerId();
}
