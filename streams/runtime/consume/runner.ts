import type {
  ConsumerHandlers,
  FetchedBatch,
  KafkaConsumer,
  TopicPartition,
} from '../../../connectors/kafka/port.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { MarqueeError } from '../../../common/error.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import { createDeadLetterOutbox } from '../commit/dead-letters.ts';
import { createOutboxRelay } from '../outbox/outbox-relay.ts';
import type { OutboxRelay } from '../outbox/outbox-relay.ts';
import type { Outbox, Publish } from '../declared.ts';
import type { Failpoint } from '../failpoints.ts';
import { every, settledWithin } from '../../../common/timers.ts';
import { enqueue } from './partition-task.ts';
import type { PartitionTask } from './partition-task.ts';
import { createTaskManager } from './task-manager.ts';
import { createLagMeter } from './lag-meter.ts';
import { createBatchWorker } from './batch-worker.ts';
import type { BatchWorker, BatchWorkerContext } from './batch-worker.ts';
import type { Log } from '../../../common/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { createBatchMetrics } from '../observe/batch-metrics.ts';
import { createBatchDecoder } from '../commit/decode-batch.ts';
import type { RunnerStatus } from '../observe/status.ts';
import type { SchemaLoader } from './schema-loader.ts';
import type { ProcessorKey } from '../commit/offsets.ts';
import type { Processor, Resources } from '../processor.ts';
import type { RuntimeSettings } from '../settings.ts';
import { createRetryStatus } from '../observe/retry-status.ts';
import type { RetryStatus } from '../observe/retry-status.ts';
import { createWatchdog } from '../observe/watchdog.ts';

export type SessionKind = 'batch' | 'take-over' | 'outbox' | 'other';

export interface RunnerOptions<E> {
  readonly processor: Processor<E>;
  /** The name in stream_offsets and ledger; differs from the processor's in a replay. */
  readonly consumerName: string;
  readonly owner: string;
  readonly consumer: KafkaConsumer;
  openSession(kind: SessionKind): Promise<Session>;
  readonly decoder: SchemaLoader<E>;
  readonly publish: Publish;
  readonly settings: RuntimeSettings;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly failpoint: Failpoint;
  readonly resources: Resources;
  readonly firstOffset?: (partition: number) => number | undefined;
  /** A replay publishes nothing, since the live run has: its outbox is emptied unread. */
  readonly silent?: boolean;
}

export interface Runner {
  /** Works until `stop`; rejects on a fault that no retry mends. */
  run(): Promise<void>;
  stop(): Promise<void>;
  status(): RunnerStatus;
}

/** Below this share of the bound paused partitions are read on. */
const RESUME_SHARE = 0.5;
const WATCH_INTERVAL_MS = 1_000;
/** How soon outbox rows go out that a process left behind when it was killed or stopped. */
const OUTBOX_INTERVAL_MS = 5_000;

/** Runs one processor over the partitions that its group gives this process. */
export function createRunner<E>(options: RunnerOptions<E>): Runner {
  const { processor, consumer, settings, metrics, log, failpoint } = options;
  const { topic } = processor.source;
  const { name } = processor;
  const key = { processor: options.consumerName, topic };
  const compacted = TOPICS[topic].cleanup.includes('compact');
  const retryStatus = createRetryStatus(name, log, metrics);
  const reportKafka = retryStatus.channel();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined); // awaited by `run`, which may not have begun
  const relay = createProcessorRelay(options, retryStatus);
  const countBatch = createBatchMetrics(name, metrics);
  let assigned = false;
  let stopped = false;

  const workers: BatchWorker[] = Array.from({ length: processor.workers }, () =>
    createProcessorWorker(options, key, retryStatus, {
      committed(batches, decoded, seconds) {
        watchdog.progress();
        for (const { task, records } of batches) task.asOf = records.at(-1)?.timestamp ?? task.asOf;
        readOn();
        countBatch(batches, decoded, seconds);
        if (decoded.dead.length > 0 || processor.outbox !== undefined) relay.wake();
      },
      fenced(task) {
        log.warn({
          event: 'fenced',
          processor: name,
          partition: task.partition,
          epoch: task.epoch,
        });
        tasks.fenced(task);
      },
      rewind(task, next) {
        log.warn({ event: 'rewound', processor: name, partition: task.partition, next });
        tasks.rewound(task);
      },
    }),
  );
  const workerOf = (partition: number): BatchWorker =>
    workers[partition % workers.length] as BatchWorker;

  const tasks = createTaskManager({
    name,
    topic,
    consumer,
    workerOf,
    metrics,
    log,
    membershipMs: settings.sessionTimeoutMs,
    fail: failure.reject,
    takeOver: {
      key,
      consumer,
      owner: options.owner,
      openSession: () => options.openSession('take-over'),
      ...(options.firstOffset === undefined ? {} : { firstOffset: options.firstOffset }),
      retryFirstMs: settings.retryFirstMs,
      retryMaxMs: settings.retryMaxMs,
      retryStatus: retryStatus.channel,
    },
  });
  const lagMeter = createLagMeter({
    name,
    key,
    consumer,
    metrics,
    busy: (partition) => workerOf(partition).busy(),
    openSession: () => options.openSession('other'),
  });
  const watchdog = createWatchdog({
    name,
    stallTimeoutMs: settings.stallTimeoutMs,
    due: () =>
      workers.some((worker) => worker.busy()) ||
      tasks.live().some((task) => task.queue.length > 0 || task.logEnd > task.fetched),
    excused: () => retryStatus.current() !== null,
    doing: () =>
      workers.flatMap((worker) => worker.doing() ?? []).join('; ') || 'no batch is under way',
    fail: failure.reject,
  });

  /** One bound for all partitions; those with nothing queued are read on, so that none starves. */
  function pauseWhenFull(task: PartitionTask): void {
    if (task.paused || tasks.queuedBytes() <= settings.queueBytesMax) return;
    task.paused = true;
    consumer.pause({ topic, partition: task.partition });
  }
  function readOn(): void {
    if (tasks.queuedBytes() >= settings.queueBytesMax * RESUME_SHARE) return;
    for (const task of tasks.live()) {
      if (!task.paused) continue;
      task.paused = false;
      consumer.resume({ topic, partition: task.partition });
    }
  }

  /** Tells Kafka where the tables stand, for its lag tools; a failure is no matter. */
  async function report(of: readonly PartitionTask[]): Promise<void> {
    const due = of.filter((task) => task.position > task.reported && task.state !== 'halted');
    if (due.length === 0) return;
    failpoint('before_kafka_commit');
    try {
      await consumer.commit(
        due.map((task) => ({ topic, partition: task.partition, next: task.position })),
      );
      for (const task of due) task.reported = task.position;
    } catch (error) {
      log.debug({ event: 'kafka_commit_failed', processor: name, reason: String(error) });
    }
    failpoint('after_kafka_commit');
  }

  /** A queue also empties without a commit: its partition was given up or halted. */
  function look(): void {
    readOn();
    watchdog.look();
  }

  async function measure(): Promise<void> {
    const live = tasks.live();
    await lagMeter.measure(live);
    if (live.length > 0) reportKafka(null); // Kafka answered
  }

  const handlers: ConsumerHandlers = {
    async assigned(partitions) {
      metrics.rebalances.inc({ processor: name, kind: 'assigned' });
      assigned = true;
      reportKafka(null);
      watchdog.progress();
      await Promise.all(partitions.map((p) => tasks.takeOver(p.partition)));
    },
    async revoked(partitions: readonly TopicPartition[]) {
      failpoint('revoking');
      metrics.rebalances.inc({ processor: name, kind: 'revoked' });
      const numbers = new Set(partitions.map((p) => p.partition));
      const released = tasks.release(numbers);
      // Nothing more is taken from the queues; the batches under way end first, within a bound.
      const ended = Promise.all(workers.map((worker) => worker.settled(numbers)));
      await settledWithin(settings.drainTimeoutMs, ended);
      await report(released);
      log.info({ event: 'partitions_given_up', processor: name, partitions: [...numbers] });
    },
    batch(batch: FetchedBatch) {
      reportKafka(null);
      const task = tasks.get(batch.partition);
      if (task?.state !== 'live') return;
      const why = enqueue(task, `${name} on ${topic}/${batch.partition}`, compacted, batch);
      if (why !== null) {
        tasks.halt(batch.partition, why);
        return;
      }
      pauseWhenFull(task);
      workerOf(batch.partition).wake();
    },
    offsetOutOfLog({ partition }, detail) {
      tasks.halt(partition, {
        code: 'MARQUEE_OFFSET_OUTSIDE_LOG',
        message: `${name} on ${topic}/${partition}: ${detail}. See \`marquee offsets\` to decide where to go on.`,
      });
    },
    fault(error) {
      const { message } = error;
      reportKafka(
        error instanceof MarqueeError
          ? error
          : new MarqueeError('MARQUEE_KAFKA_CLIENT', message, { cause: error, retriable: true }),
      );
    },
  };

  let working: Promise<unknown> = Promise.resolve();
  return {
    async run() {
      const quietly = (what: string) => (error: unknown) => {
        log.debug({ event: `${what}_failed`, processor: name, reason: String(error) });
      };
      const endings = [
        every(settings.lagIntervalMs, measure, quietly('lag')),
        every(settings.kafkaCommitIntervalMs, () => report(tasks.all()), quietly('report')),
        every(WATCH_INTERVAL_MS, look, quietly('watch')),
        every(OUTBOX_INTERVAL_MS, relay.wake, quietly('outbox')),
      ];
      const workerRuns = workers.map((worker) => worker.run());
      working = Promise.allSettled(workerRuns);
      relay.run().catch(failure.reject);
      try {
        await Promise.race([consumer.run(handlers), failure.promise, Promise.all(workerRuns)]);
      } finally {
        for (const end of endings) end();
        await lagMeter.close();
      }
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      tasks.close();
      // The consumer calls `revoked` for what is held: the batches under way end first.
      await consumer.stop();
      for (const worker of workers) worker.stop();
      await working;
      await relay.stop(settings.drainTimeoutMs);
    },
    status: () => ({
      processor: name,
      partitions: tasks.all().map((task) => ({
        partition: task.partition,
        position: task.position,
        logEnd: task.logEnd,
        state: task.state,
      })),
      retrying: retryStatus.current(),
      ready: assigned && retryStatus.current() === null && tasks.settled(),
    }),
  };
}

function createProcessorRelay<E>(options: RunnerOptions<E>, retryStatus: RetryStatus): OutboxRelay {
  const { processor, settings, metrics, failpoint } = options;
  const outboxes = new Map<string, Outbox>();
  if (options.silent !== true)
    outboxes.set('dead-letters', createDeadLetterOutbox(options.consumerName));
  if (processor.outbox !== undefined) outboxes.set('outbox', processor.outbox);
  return createOutboxRelay({
    openSession: () => options.openSession('outbox'),
    publish: async (to, messages) => {
      if (options.silent === true) return;
      failpoint('before_publish');
      await options.publish(to, messages);
    },
    outboxes,
    published: (outbox, count) => {
      metrics.published.inc({ processor: processor.name, outbox }, count);
    },
    retrying: retryStatus.channel(),
    retryFirstMs: settings.retryFirstMs,
    retryMaxMs: settings.retryMaxMs,
  });
}

function createProcessorWorker<E>(
  options: RunnerOptions<E>,
  key: ProcessorKey,
  retryStatus: RetryStatus,
  events: Pick<BatchWorkerContext<E>, 'committed' | 'fenced' | 'rewind'>,
): BatchWorker {
  const { processor, settings } = options;
  const decoder = createBatchDecoder(processor, options.decoder, settings);
  return createBatchWorker<E>({
    key,
    store: processor.createStore({
      resources: { ...options.resources, registry: options.metrics.registry },
    }),
    failpoint: options.failpoint,
    openSession: () => options.openSession('batch'),
    decode: decoder.decode,
    deadLetter: decoder.deadLetter,
    loadSchemas: async (batches) => {
      for (const { records } of batches) await options.decoder.load(records);
    },
    batchRowsMax: processor.batchRowsMax,
    batchBytesMax: processor.batchBytesMax,
    retryFirstMs: settings.retryFirstMs,
    retryMaxMs: settings.retryMaxMs,
    retrying: retryStatus.channel(),
    ...events,
  });
}
