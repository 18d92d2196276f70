import type {
  ConsumerHandlers,
  FetchedBatch,
  KafkaConsumer,
  KafkaRecord,
  TopicPartition,
} from '../../../connectors/kafka/port.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { MarqueeError } from '../../../common/error.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import { createDeadLetterDrain } from '../commit/dead-letters.ts';
import { createDrainer } from '../outbox/outbox-relay.ts';
import type { Drainer } from '../outbox/outbox-relay.ts';
import type { Failpoint } from '../failpoints.ts';
import { atMost, every } from '../../../common/timers.ts';
import { enqueue } from './partition-task.ts';
import type { Held } from './partition-task.ts';
import { createHoldings } from './task-manager.ts';
import { createLagMeter } from './lag-meter.ts';
import { createLane } from './batch-worker.ts';
import type { Lane, LaneContext } from './batch-worker.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { createObserver } from '../observe/batch-metrics.ts';
import { createPreparer } from '../commit/decode-batch.ts';
import type { Decoder } from '../commit/decode-batch.ts';
import type { ProcessorKey } from '../commit/offsets.ts';
import type { OutboxDrain, Processor, Publish } from '../processor.ts';
import type { RuntimeSettings } from '../settings.ts';
import { createTrouble } from '../observe/retry-status.ts';
import type { Trouble } from '../observe/retry-status.ts';
import { createWatchdog } from '../observe/watchdog.ts';

export interface SchemaLoader<E> extends Decoder<E> {
  /** Loads the schemas that these records name and that are not known yet; throws when it cannot. */
  load(records: readonly KafkaRecord[]): Promise<void>;
}

export type SessionKind = 'batch' | 'take-over' | 'outbox' | 'other';

export interface RunnerOptions<E> {
  readonly processor: Processor<E>;
  /** The name in stream_offsets and ledger; differs from the processor's in a replay. */
  readonly standingName: string;
  readonly owner: string;
  readonly consumer: KafkaConsumer;
  openSession(kind: SessionKind): Promise<Session>;
  readonly decoder: SchemaLoader<E>;
  readonly publish: Publish;
  readonly settings: RuntimeSettings;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly failpoint: Failpoint;
  readonly firstOffset?: (partition: number) => number | undefined;
  /** A replay publishes nothing, since the live run has: its outbox is emptied unread. */
  readonly silent?: boolean;
}

export interface RunnerStatus {
  readonly processor: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly position: number;
    readonly logEnd: number;
    readonly state: Held['state'];
  }[];
  /** The fault that is being retried, if any. */
  readonly trouble: string | null;
  readonly ready: boolean;
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
  const key = { processor: options.standingName, topic };
  const compacted = TOPICS[topic].cleanup.includes('compact');
  const trouble = createTrouble(name, log, metrics);
  const kafkaTrouble = trouble.channel();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined); // awaited by `run`, which may not have begun
  const drainer = createOutboxDrainer(options, trouble);
  const observe = createObserver(name, metrics);
  let assigned = false;
  let stopped = false;

  const lanes: Lane[] = Array.from({ length: processor.lanes }, () =>
    createProcessorLane(options, key, trouble, {
      committed(portions, prepared, seconds) {
        watchdog.progress();
        for (const { held: h, records } of portions) h.asOf = records.at(-1)?.timestamp ?? h.asOf;
        readOn();
        observe(portions, prepared, seconds);
        if (prepared.dead.length > 0 || processor.outbox !== undefined) drainer.wake();
      },
      fenced(h) {
        log.warn({ event: 'fenced', processor: name, partition: h.partition, epoch: h.epoch });
        holdings.fenced(h);
      },
      rewind(h, next) {
        log.warn({ event: 'rewound', processor: name, partition: h.partition, next });
        holdings.rewound(h);
      },
    }),
  );
  const laneOf = (partition: number): Lane => lanes[partition % lanes.length] as Lane;

  const holdings = createHoldings({
    name,
    topic,
    consumer,
    laneOf,
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
      trouble: trouble.channel,
    },
  });
  const lagMeter = createLagMeter({
    name,
    key,
    consumer,
    metrics,
    busy: (partition) => laneOf(partition).busy(),
    openSession: () => options.openSession('other'),
  });
  const watchdog = createWatchdog({
    name,
    stallTimeoutMs: settings.stallTimeoutMs,
    due: () =>
      lanes.some((lane) => lane.busy()) ||
      holdings.live().some((h) => h.queue.length > 0 || h.logEnd > h.fetched),
    excused: () => trouble.current() !== null,
    doing: () => lanes.flatMap((lane) => lane.doing() ?? []).join('; ') || 'no batch is under way',
    fail: failure.reject,
  });

  /** One bound for all partitions; those with nothing queued are read on, so that none starves. */
  function pauseWhenFull(h: Held): void {
    if (h.paused || holdings.queuedBytes() <= settings.queueBytesMax) return;
    h.paused = true;
    consumer.pause({ topic, partition: h.partition });
  }
  function readOn(): void {
    if (holdings.queuedBytes() >= settings.queueBytesMax * RESUME_SHARE) return;
    for (const h of holdings.live()) {
      if (!h.paused) continue;
      h.paused = false;
      consumer.resume({ topic, partition: h.partition });
    }
  }

  /** Tells Kafka where the tables stand, for its lag tools; a failure is no matter. */
  async function report(of: readonly Held[]): Promise<void> {
    const due = of.filter((h) => h.position > h.reported && h.state !== 'halted');
    if (due.length === 0) return;
    failpoint('before_kafka_commit');
    try {
      await consumer.commit(due.map((h) => ({ topic, partition: h.partition, next: h.position })));
      for (const h of due) h.reported = h.position;
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
    const live = holdings.live();
    await lagMeter.measure(live);
    if (live.length > 0) kafkaTrouble(null); // Kafka answered
  }

  const handlers: ConsumerHandlers = {
    async assigned(partitions) {
      metrics.rebalances.inc({ processor: name, kind: 'assigned' });
      assigned = true;
      kafkaTrouble(null);
      watchdog.progress();
      await Promise.all(partitions.map((p) => holdings.take(p.partition)));
    },
    async revoked(partitions: readonly TopicPartition[]) {
      failpoint('revoking');
      metrics.rebalances.inc({ processor: name, kind: 'revoked' });
      const numbers = new Set(partitions.map((p) => p.partition));
      const released = holdings.release(numbers);
      // Nothing more is taken from the queues; the batches under way end first, within a bound.
      const ended = Promise.all(lanes.map((lane) => lane.settled(numbers)));
      await atMost(settings.drainTimeoutMs, ended);
      await report(released);
      log.info({ event: 'partitions_given_up', processor: name, partitions: [...numbers] });
    },
    batch(batch: FetchedBatch) {
      kafkaTrouble(null);
      const h = holdings.get(batch.partition);
      if (h?.state !== 'live') return;
      const why = enqueue(h, `${name} on ${topic}/${batch.partition}`, compacted, batch);
      if (why !== null) {
        holdings.halt(batch.partition, why);
        return;
      }
      pauseWhenFull(h);
      laneOf(batch.partition).wake();
    },
    offsetOutOfLog({ partition }, detail) {
      holdings.halt(partition, {
        code: 'MARQUEE_OFFSET_OUTSIDE_LOG',
        message: `${name} on ${topic}/${partition}: ${detail}. See \`marquee offsets\` to decide where to go on.`,
      });
    },
    fault(error) {
      const { message } = error;
      kafkaTrouble(
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
        every(settings.kafkaCommitIntervalMs, () => report(holdings.all()), quietly('report')),
        every(WATCH_INTERVAL_MS, look, quietly('watch')),
        every(OUTBOX_INTERVAL_MS, drainer.wake, quietly('outbox')),
      ];
      const laneRuns = lanes.map((lane) => lane.run());
      working = Promise.allSettled(laneRuns);
      drainer.run().catch(failure.reject);
      try {
        await Promise.race([consumer.run(handlers), failure.promise, Promise.all(laneRuns)]);
      } finally {
        for (const end of endings) end();
        await lagMeter.close();
      }
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      holdings.close();
      // The consumer calls `revoked` for what is held: the batches under way end first.
      await consumer.stop();
      for (const lane of lanes) lane.stop();
      await working;
      await drainer.stop(settings.drainTimeoutMs);
    },
    status: () => ({
      processor: name,
      partitions: holdings.all().map((h) => ({
        partition: h.partition,
        position: h.position,
        logEnd: h.logEnd,
        state: h.state,
      })),
      trouble: trouble.current(),
      ready: assigned && trouble.current() === null && holdings.settled(),
    }),
  };
}

function createOutboxDrainer<E>(options: RunnerOptions<E>, trouble: Trouble): Drainer {
  const { processor, settings, metrics, failpoint } = options;
  const drains = new Map<string, OutboxDrain>();
  if (options.silent !== true)
    drains.set('dead-letters', createDeadLetterDrain(options.standingName));
  if (processor.outbox !== undefined) drains.set('outbox', processor.outbox);
  return createDrainer({
    openSession: () => options.openSession('outbox'),
    publish: async (to, messages) => {
      if (options.silent === true) return;
      failpoint('before_publish');
      await options.publish(to, messages);
    },
    drains,
    published: (outbox, count) => {
      metrics.published.inc({ processor: processor.name, outbox }, count);
    },
    trouble: trouble.channel(),
    retryFirstMs: settings.retryFirstMs,
    retryMaxMs: settings.retryMaxMs,
  });
}

function createProcessorLane<E>(
  options: RunnerOptions<E>,
  key: ProcessorKey,
  trouble: Trouble,
  events: Pick<LaneContext<E>, 'committed' | 'fenced' | 'rewind'>,
): Lane {
  const { processor, settings } = options;
  const preparer = createPreparer(processor, options.decoder, settings);
  return createLane<E>({
    key,
    store: processor.createStore(),
    failpoint: options.failpoint,
    openSession: () => options.openSession('batch'),
    prepare: preparer.prepare,
    condemn: preparer.condemn,
    loadSchemas: async (portions) => {
      for (const { records } of portions) await options.decoder.load(records);
    },
    batchRowsMax: processor.batchRowsMax,
    batchBytesMax: processor.batchBytesMax,
    retryFirstMs: settings.retryFirstMs,
    retryMaxMs: settings.retryMaxMs,
    trouble: trouble.channel(),
    ...events,
  });
}
