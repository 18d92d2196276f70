import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { createConsumer } from '../../connectors/kafka/create-consumer.ts';
import type { KafkaClientName } from '../../connectors/kafka/create-consumer.ts';
import type { KafkaConsumer } from '../../connectors/kafka/port.ts';
import type { Codec } from '../../connectors/registry/codec.ts';
import { createCodec } from '../../connectors/registry/codec.ts';
import { openSession } from '../../connectors/postgres/session.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { Failpoint } from './failpoints.ts';
import { createMetrics } from './observe/metrics.ts';
import type { Metrics } from './observe/metrics.ts';
import type { Processor, Resources } from './processor.ts';
import { createOutboxPublisher } from './outbox/outbox-publisher.ts';
import { createRunner } from './consume/runner.ts';
import type { Runner, SessionKind } from './consume/runner.ts';
import type { RunnerStatus } from './observe/status.ts';
import { createSchemaLoader } from './consume/schema-loader.ts';
import type { RuntimeSettings } from './settings.ts';
import { MINUTE_MS } from '../../common/time.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';

export interface ProcessOptions extends Resources {
  readonly processors: readonly Processor[];
  readonly brokers: readonly string[];
  readonly kafkaClient: KafkaClientName;
  readonly registryUrl: string;
  readonly settings: RuntimeSettings;
  readonly failpoint: Failpoint;
  /** Prefix of static member ids; each processor's member is `<prefix>.<processor>`. */
  readonly instanceId?: string;
  /** Set by a replay: other tables, another name in stream_offsets, nothing published. */
  readonly shadow?: Shadow;
}

export interface Shadow {
  /** The copies' schema, quoted. No live table is on the search path: it must have them all. */
  readonly schema: string;
  /** Makes the consumer's name, and with it its group, the replay's own. */
  readonly suffix: string;
  /** The offset at which the replay of a partition begins. */
  firstOffset(partition: number): number | undefined;
  /** Holds the consumer back from going beyond the live processor. */
  bound(consumer: KafkaConsumer): KafkaConsumer;
}

export interface StreamProcess {
  readonly metrics: Metrics;
  /** Works until `stop`; rejects when one of the processors cannot go on. */
  run(): Promise<void>;
  stop(): Promise<void>;
  statuses(): readonly RunnerStatus[];
}

/** Wires processors to real clients: each has a consumer group and connections of its own. */
export async function createStreamProcess(options: ProcessOptions): Promise<StreamProcess> {
  const metrics = createMetrics();
  const codec = createCodec({ url: options.registryUrl });
  const outbox = createOutboxPublisher({
    brokers: options.brokers,
    registryUrl: options.registryUrl,
    topics: topicsOut(options.processors),
  });
  const runners: Runner[] = [];
  for (const processor of options.processors)
    runners.push(await createProcessorRunner(options, processor, codec, metrics, outbox.publish));

  return {
    metrics,
    async run() {
      await Promise.all(runners.map((runner) => runner.run()));
    },
    async stop() {
      await Promise.all(runners.map((runner) => runner.stop()));
      await outbox.close();
    },
    statuses: () => runners.map((runner) => runner.status()),
  };
}

/** Each processor has dead letters, and may have an outbox of its own. */
function topicsOut(processors: readonly Processor[]): readonly TopicName[] {
  const own = processors.flatMap(({ outbox }) => (outbox === undefined ? [] : [outbox.topic]));
  return [...new Set<TopicName>(['dead-letters.v1', ...own])];
}

/** Longer than the outbox publisher waits for an acknowledgement. */
const OUTBOX_IDLE_MS = MINUTE_MS;

/** Seen in pg_stat_activity and stream_offsets; Postgres keeps 63 bytes. */
function ownerName(consumerName: string): string {
  const host = hostname().slice(0, 20);
  return `${consumerName.slice(0, 22)}/${host}/${process.pid}/${randomBytes(3).toString('hex')}`;
}

async function createProcessorRunner(
  options: ProcessOptions,
  processor: Processor,
  codec: Codec,
  metrics: Metrics,
  publish: Parameters<typeof createRunner>[0]['publish'],
): Promise<Runner> {
  const { settings, shadow } = options;
  const consumerName = `${processor.name}${shadow?.suffix ?? ''}`;
  const owner = ownerName(consumerName);
  const consumer = await createConsumer(options.kafkaClient, {
    brokers: options.brokers,
    groupId: `marquee.${consumerName}`,
    topic: processor.source.topic,
    clientId: `marquee-${processor.name}`,
    ...(options.instanceId === undefined
      ? {}
      : { instanceId: `${options.instanceId}.${consumerName}` }),
    sessionTimeoutMs: settings.sessionTimeoutMs,
    rebalanceTimeoutMs: settings.rebalanceTimeoutMs,
    heartbeatIntervalMs: settings.heartbeatIntervalMs,
    fetchBytesMax: settings.fetchBytesMax,
    partitionBytesMax: settings.partitionBytesMax,
    fetchWaitMs: settings.fetchWaitMs,
    metadataMaxAgeMs: settings.metadataMaxAgeMs,
  });
  const session = (kind: SessionKind): Promise<Session> =>
    openSession({
      url: options.postgresUrl,
      // Only batches carry the owner's name: they are what a successor may have to end.
      applicationName: kind === 'batch' ? owner : `marquee-${processor.name}`,
      statementTimeoutMs: settings.statementTimeoutMs,
      // An outbox waits for Kafka inside its transaction, and holds nothing that others wait for.
      idleInTransactionTimeoutMs:
        kind === 'outbox' ? OUTBOX_IDLE_MS : settings.idleInTransactionTimeoutMs,
      ...(kind === 'take-over' ? { lockTimeoutMs: settings.takeOverLockTimeoutMs } : {}),
      ...(shadow === undefined ? {} : { searchPath: `${shadow.schema}, public` }),
    });
  return createRunner({
    processor,
    consumerName,
    owner,
    consumer: shadow === undefined ? consumer : shadow.bound(consumer),
    openSession: session,
    decoder: createSchemaLoader(codec.reader(processor.source.topic)),
    publish,
    settings,
    metrics,
    log: options.log,
    failpoint: options.failpoint,
    resources: options,
    ...(shadow === undefined
      ? {}
      : { silent: true, firstOffset: (partition: number) => shadow.firstOffset(partition) }),
  });
}
