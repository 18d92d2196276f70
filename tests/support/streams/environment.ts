import kafkajs from 'kafkajs';
import '../../../common/kafka/kafkajs-timer-patch.ts';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig, type Config } from '../../../cli/config/config.ts';
import { withAdmin } from '../../../connectors/kafka/admin.ts';
import type { Progress } from '../../../cli/terminal/progress.ts';
import { openSession, type Session } from '../../../connectors/postgres/session.ts';
import { applyTopics } from '../../../connectors/kafka/topics.ts';
import { createCodec, type Codec } from '../../../connectors/registry/codec.ts';
import { pushSchemas } from '../../../connectors/registry/subjects.ts';
import { TOPICS, type TopicName } from '../../../schemas/generated/topics.ts';
import { migrate } from '../../../sql/migrate.ts';
import { partitionOf } from '../../../common/partitioner.ts';
import type { Log } from '../../../common/log.ts';
import { createStreamProcess, type StreamProcess } from '../../../streams/runtime/process.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import type { RuntimeSettings } from '../../../streams/runtime/settings.ts';
import { startStack, type TestStack } from '../stack.ts';
import { MINUTE_MS } from '../../../common/time.ts';

export interface SentRecord {
  readonly key: string | null;
  readonly value: Buffer | null;
  /** Epoch ms; for topics whose time is the producer's. */
  readonly timestamp?: number;
  readonly partition?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Servers of a test file's own, with a producer, sessions and processors in this process. */
export interface Environment {
  readonly config: Config;
  readonly stack: TestStack;
  readonly codec: Codec;
  /** As marquee_writer. */
  readonly db: Session;
  /** As the server's superuser. */
  readonly admin: Session;
  readonly settings: RuntimeSettings;
  send(topic: TopicName, records: readonly SentRecord[]): Promise<void>;
  /** In one transaction, whose end leaves a marker in the log. */
  sendTransaction(topic: TopicName, records: readonly SentRecord[]): Promise<void>;
  /** Runs processors in this process until `stop`, which throws what ended them before. */
  run(processors: readonly Processor[]): Promise<Running>;
  /**
   * Resolves when these processors stand at the log's end; their processes may have stopped since. Throws
   * after `withinMs` (a minute).
   */
  caughtUp(processors: readonly Processor[], withinMs?: number): Promise<void>;
  /** Events of error and fatal level that processes logged. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

export interface Running {
  readonly process: StreamProcess;
  stop(): Promise<void>;
}

export const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

const FAST = {
  sessionTimeoutMs: 6_000,
  heartbeatIntervalMs: 300,
  rebalanceTimeoutMs: 6_000,
  lagIntervalMs: 500,
  kafkaCommitIntervalMs: 500,
};

/** `times: 'CreateTime'` makes the topics take the producer's, so that records may be days old. */
export async function startEnvironment(
  options: { times?: 'CreateTime'; objectStore?: true; redis?: true; progress?: Progress } = {},
): Promise<Environment> {
  const stack = await startStack({
    ...(options.progress === undefined ? {} : { progress: options.progress }),
    services: [
      'kafka',
      'registry',
      'postgres',
      ...(options.objectStore === true ? (['object-store'] as const) : []),
      ...(options.redis === true ? (['valkey'] as const) : []),
    ],
  });
  try {
    const config = loadConfig({ home: stack.home }, {});
    await applyTopics({
      brokers: config.kafka.brokers,
      topics: Object.values(TOPICS).map((topic) =>
        options.times === undefined
          ? topic
          : { ...topic, timestampType: options.times, retentionMs: -1 },
      ),
    });
    await pushSchemas({ url: config.registry.url });
    await migrate({ url: config.postgres.migratorUrl });
    return await openEnvironment(config, stack);
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function openEnvironment(config: Config, stack: TestStack): Promise<Environment> {
  const kafka = new kafkajs.Kafka({
    brokers: [...config.kafka.brokers],
    clientId: 'test',
    logCreator: () => () => undefined,
  });
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const messageOf = (topic: TopicName) => (r: SentRecord) => ({
    key: r.key,
    value: r.value,
    partition: r.partition ?? (r.key === null ? 0 : partitionOf(r.key, TOPICS[topic].partitions)),
    ...(r.timestamp === undefined ? {} : { timestamp: String(r.timestamp) }),
    ...(r.headers === undefined ? {} : { headers: { ...r.headers } }),
  });
  const db = await openSession({ url: config.postgres.writerUrl, applicationName: 'test' });
  const admin = await openSession({ url: stack.adminUrl, applicationName: 'test-admin' });
  const settings: RuntimeSettings = { ...config.runtime.settings, ...FAST };
  const errors: string[] = [];
  const log: Log = {
    ...quiet,
    error: (fields) => {
      errors.push(`${fields.event}: ${String(fields['reason'])}`);
    },
  };

  return {
    config,
    stack,
    admin,
    codec: createCodec({ url: config.registry.url }),
    db,
    settings,
    errors,
    async send(topic, records) {
      for (let at = 0; at < records.length; at += 1_000)
        await producer.send({
          topic,
          acks: -1,
          compression: kafkajs.CompressionTypes.GZIP,
          messages: records.slice(at, at + 1_000).map(messageOf(topic)),
        });
    },
    async sendTransaction(topic, records) {
      const transactional = kafka.producer({
        transactionalId: 'test',
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await transactional.connect();
      const transaction = await transactional.transaction();
      await transaction.send({ topic, messages: records.map(messageOf(topic)) });
      await transaction.commit();
      await transactional.disconnect();
    },
    async run(processors) {
      const streams = await createStreamProcess({
        processors,
        brokers: config.kafka.brokers,
        kafkaClient: 'kafkajs',
        registryUrl: config.registry.url,
        postgresUrl: config.postgres.writerUrl,
        redisUrl: config.redis.url,
        surfacesFile: config.serving.surfacesFile,
        stateFolder: join(config.home, 'serving', 'streams'),
        settings,
        log,
        failpoint: () => undefined,
      });
      let failure = null as Error | null;
      const running = streams.run().catch((error: unknown) => {
        failure = error as Error;
      });
      return {
        process: streams,
        async stop() {
          await streams.stop();
          await running;
          if (failure !== null) throw failure;
        },
      };
    },
    async caughtUp(processors, withinMs = MINUTE_MS) {
      const topics = new Set(processors.map((p) => p.source.topic));
      const ends = new Map<string, number>();
      await withAdmin({ brokers: config.kafka.brokers }, async (admin) => {
        for (const topic of topics)
          for (const { partition, high } of await admin.fetchTopicOffsets(topic))
            ends.set(`${topic}/${partition}`, Number(high));
      });
      const names = processors.map((p) => p.name);
      const wanted = processors.reduce((n, p) => n + TOPICS[p.source.topic].partitions, 0);
      const until = Date.now() + withinMs;
      for (;;) {
        const rows = await db.query<{ processor: string; at: string; next: number }>(
          `SELECT processor, topic || '/' || partition AS at, next_offset AS next
           FROM stream_offsets WHERE processor = ANY($1)`,
          [names],
        );
        const behind = rows.filter((r) => r.next < (ends.get(r.at) ?? 0));
        if (rows.length === wanted && behind.length === 0) return;
        if (Date.now() > until)
          throw new Error(`not caught up: ${rows.length}/${wanted} ${JSON.stringify(behind)}`);
        await delay(50);
      }
    },
    async close() {
      await producer.disconnect();
      await db.close();
      await admin.close();
      await stack.stop();
    },
  };
}
