import { MarqueeError } from '../../common/error.ts';
import { backoffMs, pause } from '../../common/backoff.ts';
import type { BackoffOptions } from '../../common/backoff.ts';
import { steadyNow } from '../../common/steady-clock.ts';
import type { ProducerCluster } from './cluster.ts';

export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** Keeps what sending needs to know: who leads which partition, and under which id to write. */
export interface ProducerMetadata {
  /** Null while none is held: nothing may be sent then. */
  identity(): ProducerIdentity | null;
  /** The broker of each partition (-1: none now), or null while the topic is not known. */
  leaders(topic: string): readonly number[] | null;
  want(topic: string): void;
  /** Asks for metadata again, as soon as nothing else is being asked. */
  refresh(): void;
  /** Gives the id up and takes another. */
  renewIdentity(): void;
  stop(): Promise<void>;
}

export interface ProducerMetadataOptions {
  readonly brokers: readonly string[];
  readonly backoff: BackoffOptions;
  /** Leaders, topics or the identity changed. */
  changed(): void;
  fault(error: MarqueeError): void;
}

const METADATA_MAX_AGE_MS = 300_000;

export function createProducerMetadata(
  cluster: ProducerCluster,
  options: ProducerMetadataOptions,
): ProducerMetadata {
  const stopping = new AbortController();
  const known = new Map<string, readonly number[]>();
  const wanted = new Set<string>();
  let identity: ProducerIdentity | null = null;
  let stale = true;
  let loadedAt = -Infinity;
  let running: Promise<void> | null = null;

  function unknown(): string[] {
    return [...wanted].filter((topic) => !known.has(topic));
  }

  function isStopping(): boolean {
    return stopping.signal.aborted;
  }

  function lacking(): boolean {
    return stale || identity === null || unknown().length > 0;
  }

  /** Known topics first, the others one by one: a topic that is missing must not hide the rest. */
  async function load(): Promise<void> {
    const steady = [...known.keys()];
    await cluster.load(steady);
    stale = false;
    loadedAt = steadyNow();
    for (const topic of steady) known.set(topic, cluster.leaders(topic));
    for (const topic of unknown()) {
      await cluster.load([...known.keys(), topic]);
      known.set(topic, cluster.leaders(topic));
    }
    identity ??= await cluster.initProducerId();
  }

  async function run(): Promise<void> {
    for (let attempt = 1; lacking() && !stopping.signal.aborted; attempt += 1) {
      try {
        // A leader that is not elected yet is asked for again and again.
        await pause(loadedAt + options.backoff.firstMs - steadyNow(), stopping.signal);
        await load();
      } catch (error) {
        if (isStopping()) break;
        options.fault(toKafkaFault(error, options.brokers, unknown()));
        // Whatever was loaded before the fault is of use already.
        options.changed();
        await pause(backoffMs(options.backoff, attempt), stopping.signal);
      }
    }
  }

  function start(): void {
    if (stopping.signal.aborted) return;
    running ??= run().finally(() => {
      running = null;
      if (stopping.signal.aborted) return;
      if (lacking()) start();
      options.changed();
    });
  }

  return {
    identity: () => identity,
    leaders(topic) {
      if (steadyNow() - loadedAt > METADATA_MAX_AGE_MS && running === null) {
        stale = true;
        start();
      }
      return known.get(topic) ?? null;
    },
    want(topic) {
      if (wanted.has(topic)) return;
      wanted.add(topic);
      start();
    },
    refresh() {
      stale = true;
      start();
    },
    renewIdentity() {
      identity = null;
      start();
    },
    async stop() {
      stopping.abort();
      await running;
      await cluster.disconnect();
    },
  };
}

/** A fault of Kafka or of the way there, as it is told to the application. */
export function toKafkaFault(
  error: unknown,
  brokers: readonly string[],
  missing: readonly string[] = [],
): MarqueeError {
  const where = brokers.join(', ');
  const type = error instanceof Error && 'type' in error ? error.type : undefined;
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
    return new MarqueeError(
      'MARQUEE_TOPIC_MISSING',
      `Kafka at ${where} has no topic ${missing.join(' or ')}. Make it: marquee topics apply`,
      { cause: error, retriable: true },
    );
  }
  const why = error instanceof Error ? error.message : String(error);
  return new MarqueeError('MARQUEE_KAFKA_UNAVAILABLE', `no answer from Kafka at ${where}: ${why}`, {
    cause: error,
    retriable: true,
  });
}
