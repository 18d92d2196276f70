import type {
  ConsumerHandlers,
  FetchedBatch,
  KafkaConsumer,
  TopicPartition,
} from '../../connectors/kafka/port.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import { MarqueeError } from '../../schemas/error.ts';
import { takePartition } from './assignment.ts';
import { createDeadLetterDrain } from './dead-letters.ts';
import { createDrainer } from './drain.ts';
import type { Failpoint } from './failpoints.ts';
import { clearQueue, enqueue } from './held.ts';
import type { Halt, Held } from './held.ts';
import { createLane } from './lane.ts';
import type { Lane } from './lane.ts';
import type { Log } from './log.ts';
import { createAppLabel } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import type { Portion } from './batch.ts';
import type { Decoder, Prepared } from './prepare.ts';
import { createPreparer } from './prepare.ts';
import type { OutboxDrain, Processor, Publish } from './processor.ts';
import type { RuntimeSettings } from './settings.ts';

export interface SchemaLoader<E> extends Decoder<E> {
  /** Loads the schemas that these values name and that are not known yet; throws when it cannot. */
  load(values: readonly (Buffer | null)[]): Promise<void>;
}

export interface RunnerOptions<E> {
  readonly processor: Processor<E>;
  /** The name in stream_offsets and ledger; differs from the processor's in a replay. */
  readonly standingName: string;
  readonly owner: string;
  readonly consumer: KafkaConsumer;
  openSession(kind: 'batch' | 'take-over' | 'other'): Promise<Session>;
  readonly decoder: SchemaLoader<E>;
  readonly publish: Publish;
  readonly settings: RuntimeSettings;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly failpoint: Failpoint;
  readonly firstOffset?: (partition: number) => number | undefined;
  /** A replay keeps no dead letters and publishes nothing: the live run has. */
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

/** A fault is logged when it is new and then at most this often. */
const TROUBLE_LOG_MS = 10_000;
/** Below this share of its bound a paused partition is read on. */
const RESUME_SHARE = 0.5;

/** Runs one processor over the partitions that its group gives this process. */
export function createRunner<E>(options: RunnerOptions<E>): Runner {
  const { processor, consumer, settings, metrics, log, failpoint } = options;
  const { topic } = processor.source;
  const name = processor.name;
  const compacted = TOPICS[topic].cleanup.includes('compact');
  const key = { processor: options.standingName, topic };
  const appLabel = createAppLabel();
  const held = new Map<number, Held>();
  /** Take-overs under way, each with the way to abandon it. */
  const taking = new Map<number, AbortController>();
  const drainTimers = new Set<NodeJS.Timeout>();
  let trouble: { code: string; text: string; since: number; logged: number } | null = null;
  let lastProgress = Date.now();
  let assigned = false;
  let stopped = false;
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);

  function setTrouble(error: MarqueeError | null): void {
    const now = Date.now();
    if (error === null) {
      if (trouble !== null)
        log.info({ event: 'trouble_over', processor: name, code: trouble.code, ms: now - trouble.since });
      trouble = null;
      lastProgress = now;
      return;
    }
    metrics.retries.inc({ processor: name, code: error.code });
    const isNew = trouble?.code !== error.code;
    if (trouble === null || isNew)
      trouble = { code: error.code, text: error.message, since: trouble?.since ?? now, logged: 0 };
    if (now - trouble.logged >= TROUBLE_LOG_MS) {
      trouble.logged = now;
      log.warn({ event: 'retrying', processor: name, code: error.code, reason: error.message });
    }
  }

  const drains = new Map<string, OutboxDrain>();
  if (options.silent !== true) {
    drains.set('dead-letters', createDeadLetterDrain(options.standingName));
    if (processor.outbox !== undefined) drains.set('outbox', processor.outbox);
  }
  const drainer = createDrainer({
    openSession: () => options.openSession('other'),
    publish: async (to, messages) => {
      failpoint('before_publish');
      await options.publish(to, messages);
    },
    drains,
    published: (outbox, count) => metrics.published.inc({ processor: name, outbox }, count),
    fault: setTrouble,
    retryFirstMs: settings.retryFirstMs,
    retryMaxMs: settings.retryMaxMs,
  });

  const lanes: Lane[] = Array.from({ length: processor.lanes }, () => {
    const preparer = createPreparer(processor, options.decoder, settings);
    return createLane<E>({
      key,
      store: processor.createStore(),
      failpoint,
      keepsDeadLetters: options.silent !== true,
      openSession: () => options.openSession('batch'),
      prepare: preparer.prepare,
      condemn: preparer.condemn,
      loadSchemas: (portions) =>
        options.decoder.load(portions.flatMap((p) => p.records.map((r) => r.value))),
      batchRowsMax: processor.batchRowsMax,
      batchBytesMax: processor.batchBytesMax,
      retryFirstMs: settings.retryFirstMs,
      retryMaxMs: settings.retryMaxMs,
      committed: onCommitted,
      fenced: (h) => {
        log.warn({ event: 'fenced', processor: name, partition: h.partition, epoch: h.epoch });
        drop(h);
      },
      rewind: (h, next) => {
        log.warn({ event: 'rewound', processor: name, partition: h.partition, next });
        drop(h);
        void take(h.partition);
      },
      trouble: setTrouble,
    });
  });
  const laneOf = (partition: number): Lane => lanes[partition % lanes.length] as Lane;

  function onCommitted(portions: readonly Portion[], prepared: Prepared<E>, seconds: number): void {
    lastProgress = Date.now();
    let rows = 0;
    for (const { held: h, records } of portions) {
      rows += records.length;
      h.asOf = records.at(-1)?.timestamp ?? h.asOf;
      if (h.paused && h.queuedBytes < partitionShare() * RESUME_SHARE) {
        h.paused = false;
        if (h.state === 'live') consumer.resume({ topic, partition: h.partition });
      }
    }
    metrics.batchRows.observe({ processor: name }, rows);
    metrics.batchSeconds.observe({ processor: name }, seconds);
    for (const run of prepared.runs)
      for (const [outcome, account] of Object.entries(run.accounts))
        if (outcome !== 'dead' && account.count > 0)
          metrics.events.inc({ processor: name, outcome, reason: '' }, account.count);
    for (const { fault } of prepared.dead)
      metrics.events.inc({ processor: name, outcome: 'dead', reason: fault.reason });
    for (const [app, count] of prepared.lateByApp)
      metrics.lateEvents.inc({ processor: name, app: appLabel(app) }, count);
    for (const [app, count] of prepared.futureByApp)
      metrics.futureEvents.inc({ processor: name, app: appLabel(app) }, count);
    if (prepared.dead.length > 0 || processor.outbox !== undefined) drainer.wake();
  }

  const partitionShare = () => settings.queueBytesMax / Math.max(1, held.size);

  function drop(h: Held): void {
    h.state = 'gone';
    clearQueue(h);
    laneOf(h.partition).partitions.delete(h.partition);
    if (held.get(h.partition) === h) held.delete(h.partition);
  }

  function halt(partition: number, why: Halt): void {
    metrics.halted.set({ processor: name, partition, code: why.code }, 1);
    log.error({ event: 'partition_halted', processor: name, partition, code: why.code, reason: why.message });
    const h = held.get(partition);
    if (h === undefined) {
      haltedUnheld.set(partition, why);
      return;
    }
    h.state = 'halted';
    clearQueue(h);
    consumer.pause({ topic, partition });
  }
  const haltedUnheld = new Map<number, Halt>();

  async function take(partition: number): Promise<void> {
    const abandon = new AbortController();
    taking.get(partition)?.abort();
    taking.set(partition, abandon);
    // Our own batch of an earlier assignment would only be fenced; let it end first.
    await laneOf(partition).settled(new Set([partition]));
    try {
      const taken = await takePartition(
        {
          key,
          consumer,
          owner: options.owner,
          openSession: () => options.openSession('take-over'),
          ...(options.firstOffset === undefined ? {} : { firstOffset: options.firstOffset }),
          retryFirstMs: settings.retryFirstMs,
          retryMaxMs: settings.retryMaxMs,
          trouble: setTrouble,
        },
        partition,
        abandon.signal,
      );
      if (taken === null || abandon.signal.aborted || stopped) return;
      if ('code' in taken) return halt(partition, taken);
      held.set(partition, taken.held);
      laneOf(partition).partitions.set(partition, taken.held);
      consumer.start({ topic, partition }, taken.start);
      log.info({ event: 'partition_taken', processor: name, partition, epoch: taken.held.epoch, next: taken.held.position });
    } catch (error) {
      fail(error as Error);
    } finally {
      if (taking.get(partition) === abandon) taking.delete(partition);
    }
  }

  const handlers: ConsumerHandlers = {
    async assigned(partitions) {
      metrics.rebalances.inc({ processor: name, kind: 'assigned' });
      assigned = true;
      lastProgress = Date.now();
      await Promise.all(partitions.map((p) => take(p.partition)));
    },
    async revoked(partitions) {
      failpoint('revoking');
      metrics.rebalances.inc({ processor: name, kind: 'revoked' });
      await giveUp(partitions);
    },
    batch(batch: FetchedBatch) {
      const h = held.get(batch.partition);
      if (h?.state !== 'live') return;
      const why = enqueue(h, `${name} on ${topic}/${batch.partition}`, compacted, batch);
      if (why !== null) return halt(batch.partition, why);
      if (!h.paused && h.queuedBytes > partitionShare()) {
        h.paused = true;
        consumer.pause({ topic, partition: h.partition });
      }
      laneOf(batch.partition).wake();
    },
    offsetOutOfLog({ partition }, detail) {
      halt(partition, {
        code: 'MARQUEE_OFFSET_OUTSIDE_LOG',
        message: `${name} on ${topic}/${partition}: ${detail}. See \`marquee offsets\` to decide where to go on.`,
      });
    },
    fault(error) {
      log.debug({ event: 'kafka_fault', processor: name, reason: error.message });
    },
  };

  /** Stops taking from the queues, lets the batch under way end (within a bound), lets go. */
  async function giveUp(partitions: readonly TopicPartition[]): Promise<void> {
    const numbers = new Set(partitions.map((p) => p.partition));
    const mine: Held[] = [];
    for (const partition of numbers) {
      taking.get(partition)?.abort();
      haltedUnheld.delete(partition);
      const h = held.get(partition);
      if (h !== undefined) mine.push(h);
    }
    for (const h of mine) drop(h);
    const ended = Promise.all(lanes.map((lane) => lane.settled(numbers)));
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, settings.drainTimeoutMs);
      drainTimers.add(timer);
    });
    await Promise.race([ended, bound]);
    if (timer !== undefined) {
      clearTimeout(timer);
      drainTimers.delete(timer);
    }
    await report(mine);
    log.info({ event: 'partitions_given_up', processor: name, partitions: [...numbers] });
  }

  /** Tells Kafka where the tables stand, for its lag tools; a failure is no matter. */
  async function report(of: Iterable<Held>): Promise<void> {
    const due = [...of].filter((h) => h.position > h.reported && h.state !== 'halted');
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

  let asOfSession: Session | null = null;
  /** Measures lag, and moves `as_of` of partitions at the log's end on to now. */
  async function measure(): Promise<void> {
    const live = [...held.values()].filter((h) => h.state === 'live');
    if (live.length === 0) return;
    const asked = Date.now();
    const bounds = await consumer.bounds(topic, live.map((h) => h.partition));
    const idle: Held[] = [];
    for (const h of live) {
      const log = bounds.get(h.partition);
      if (log === undefined) continue;
      h.logEnd = log.end;
      const lag = Math.max(0, log.end - h.position);
      const caughtUp = h.fetched >= log.end && h.queue.length === 0 && !laneOf(h.partition).busy();
      const labels = { processor: name, partition: h.partition };
      metrics.lagEvents.set(labels, caughtUp ? 0 : lag);
      metrics.lagSeconds.set(labels, caughtUp || h.asOf === null ? 0 : (asked - h.asOf) / 1000);
      if (caughtUp) idle.push(h);
    }
    let bytes = 0;
    for (const h of live) bytes += h.queuedBytes;
    metrics.queueBytes.set({ processor: name }, bytes);
    if (idle.length === live.length) lastProgress = asked;
    if (idle.length === 0 || options.silent === true) return;
    if (asOfSession?.usable() !== true) asOfSession = await options.openSession('other');
    await asOfSession.execute(
      `UPDATE stream_offsets o SET as_of = greatest(o.as_of, to_timestamp($3 / 1000.0))
       FROM unnest($4::int[], $5::bigint[], $6::bigint[]) AS s(partition, epoch, next_offset)
       WHERE o.processor = $1 AND o.topic = $2 AND o.partition = s.partition
         AND o.owner_epoch = s.epoch AND o.next_offset = s.next_offset`,
      [
        key.processor,
        topic,
        asked,
        idle.map((h) => h.partition),
        idle.map((h) => h.epoch),
        idle.map((h) => h.position),
      ],
    );
  }

  /** Calls again and again, one call at a time; a failure is only logged. */
  function every(ms: number, what: string, work: () => Promise<void>): () => void {
    let timer: NodeJS.Timeout | undefined;
    let over = false;
    const next = () => {
      timer = setTimeout(() => {
        work()
          .catch((error: unknown) =>
            log.debug({ event: `${what}_failed`, processor: name, reason: String(error) }),
          )
          .finally(() => {
            if (!over) next();
          });
      }, ms);
    };
    next();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }

  function watch(): Promise<void> {
    const due = [...held.values()].some(
      (h) => h.state === 'live' && (h.queue.length > 0 || h.logEnd > h.fetched),
    );
    const stalledMs = Date.now() - lastProgress;
    if (due && trouble === null && stalledMs > settings.stallTimeoutMs)
      fail(
        new MarqueeError(
          'MARQUEE_STALLED',
          `${name}: records are due and none was applied for ${Math.round(stalledMs / 1000)} s; ` +
            'the process ends so that another takes over',
        ),
      );
    return Promise.resolve();
  }

  let running: Promise<unknown> = Promise.resolve();
  return {
    async run() {
      const cancel = [
        every(settings.lagIntervalMs, 'lag', measure),
        every(settings.kafkaCommitIntervalMs, 'kafka_commit', () => report(held.values())),
        every(1_000, 'watch', watch),
      ];
      const laneRuns = lanes.map((lane) => lane.run());
      void drainer.run().catch(fail);
      running = Promise.allSettled(laneRuns);
      try {
        await Promise.race([consumer.run(handlers), failed, Promise.all(laneRuns)]);
      } finally {
        for (const stop of cancel) stop();
        await asOfSession?.close();
      }
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      for (const abandon of taking.values()) abandon.abort();
      // The consumer calls `revoked` for what is held: the batches under way end first.
      await consumer.stop();
      for (const lane of lanes) lane.stop();
      await running;
      await drainer.stop(settings.drainTimeoutMs);
    },
    status() {
      return {
        processor: name,
        partitions: [...held.values()].map((h) => ({
          partition: h.partition,
          position: h.position,
          logEnd: h.logEnd,
          state: h.state,
        })),
        trouble: trouble?.text ?? null,
        ready:
          assigned &&
          trouble === null &&
          taking.size === 0 &&
          haltedUnheld.size === 0 &&
          [...held.values()].every((h) => h.state === 'live'),
      };
    },
  };
}
