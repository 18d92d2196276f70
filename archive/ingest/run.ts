import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { withAdmin } from '../../connectors/kafka/admin.ts';
import type { KafkaRecord } from '../../common/kafka/record.ts';
import { openSession } from '../../connectors/postgres/session.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { createCodec } from '../../connectors/registry/codec.ts';
import { MarqueeError } from '../../common/error.ts';
import { identityOf, raiseEpoch } from '../../streams/runtime/commit/offsets.ts';
import type { Position } from '../../streams/runtime/commit/offsets.ts';
import { createBatchDecoder } from '../../streams/runtime/commit/decode-batch.ts';
import { readRecords } from '../../connectors/kafka/read-records.ts';
import { createSchemaLoader } from '../../streams/runtime/consume/schema-loader.ts';
import type { SchemaLoader } from '../../streams/runtime/consume/schema-loader.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import type { ArchiveContext } from '../context.ts';
import { dropArchivedHours } from '../maintenance/drop-hours.ts';
import type { DropReport } from '../maintenance/drop-hours.ts';
import type { FileWriter } from '../format/file-writer.ts';
import { createWriterThread } from '../format/writer-thread.ts';
import { finishRun, lockArchive, recordRange } from '../manifest.ts';
import type { ArchivePlan, PlannedRange, VerifiedFile } from '../manifest.ts';
import { withPatience } from '../context.ts';
import { KEY, TOPIC, checkRetention, planOf } from './plan.ts';
import { archived } from '../archived-topic.ts';
import { createRangeBuilder, storeRange } from './range.ts';
import type { RangeBuilder } from './range.ts';
import type { ArchiveSettings } from '../settings.ts';

export interface ArchiveReport {
  readonly run: number;
  /** Epoch ms: what was received before is in the archive. */
  readonly until: number;
  /** A plan of an earlier run was finished. */
  readonly resumed: boolean;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  readonly drop: DropReport;
  readonly seconds: number;
}

/**
 * One run of the archive: plan, copy, verify, record, and then drop from the hot table what it no
 * longer has to hold. A fault that may pass is retried; the plan stays, whoever finishes it.
 * `until` is in epoch ms; without it everything that left the window is copied. Throws MarqueeError
 * MARQUEE_ARCHIVE_BUSY, MARQUEE_ARCHIVE_RETENTION, MARQUEE_ARCHIVE_MISMATCH,
 * MARQUEE_OFFSET_OUTSIDE_LOG, MARQUEE_TOPIC_REPLACED.
 */
export async function runArchive(
  context: ArchiveContext,
  until: number | null,
): Promise<ArchiveReport> {
  const started = performance.now();
  const done = { rows: 0, files: 0, bytes: 0 };
  const { plan, drop } = await withPatience(context, () => pass(context, until, done));
  const { run, resumed, until: reached } = plan;
  const seconds = (performance.now() - started) / 1000;
  return { run, until: reached, resumed, ...done, drop, seconds };
}

async function pass(
  context: ArchiveContext,
  until: number | null,
  done: { rows: number; files: number; bytes: number },
): Promise<{ plan: ArchivePlan; drop: DropReport }> {
  const session = await openSession({
    url: context.postgresUrl,
    applicationName: 'marquee-archive',
    statementTimeoutMs: context.runtime.statementTimeoutMs,
  });
  try {
    await lockArchive(session);
    await checkRetention(context);
    const plan = await planOf(session, context, until);
    await copy(session, context, plan, done);
    await finishRun(session, plan.run);
    context.failpoint('archive_before_drop');
    return { plan, drop: await dropArchivedHours(session, context) };
  } finally {
    await session.close();
  }
}

/**
 * V8 counts buffers as heap: one of 10 MB is marked anew for every 16 MB of them that pass by. In
 * larger steps copying takes a tenth less CPU, in as much memory. 0 is V8's own rule.
 */
const HEAP_GROWING_PERCENT = 400;

async function copy(
  session: Session,
  context: ArchiveContext,
  plan: ArchivePlan,
  done: { rows: number; files: number; bytes: number },
): Promise<void> {
  const { settings } = context;
  const due = plan.ranges.reduce((sum, r) => sum + r.to - r.from, 0);
  let passed = 0;
  const owner = `archive/${hostname().slice(0, 20)}/${process.pid}/${randomBytes(3).toString('hex')}`;
  const codec = createCodec({ url: context.registryUrl });
  const decoder = createSchemaLoader<UserActionRecord>(codec.reader(TOPIC));
  const work: PartitionWork[] = [];
  for (const range of plan.ranges) {
    const position = await raiseEpoch(session, KEY, range.partition, owner, range.from);
    passed += Math.max(0, position.next - range.from);
    if (position.next < range.to) work.push({ range, position });
  }
  if (work.length === 0) return;
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const maker = createWriterThread();
  const copier = createCopier(session, context, plan, decoder, maker, (files, rows, offsets) => {
    done.rows += rows;
    done.files += files.length;
    done.bytes += files.reduce((sum, f) => sum + f.bytes, 0);
    passed += offsets;
    context.onProgress?.({ doneOffsets: passed, dueOffsets: due, rows: done.rows });
  });
  const turns = new Map(work.map((w) => [w.range.partition, Promise.withResolvers<undefined>()]));
  turns.get(work[0]?.range.partition ?? -1)?.resolve(undefined);
  const partitions = work.map((w) => w.range.partition);
  try {
    const ranges = await rangesInLog(context.brokers, work);
    // One partition at a time is in memory; the others wait with what one fetch brought.
    await readRecords({
      brokers: context.brokers,
      topic: TOPIC,
      ranges,
      ...(context.signal === undefined ? {} : { signal: context.signal }),
      turn: (partition) => turns.get(partition)?.promise ?? Promise.resolve(),
      async onRecords(partition, records, last) {
        const at = work.find((w) => w.range.partition === partition);
        if (at === undefined) return;
        await copier.take(at, records, settings);
        if (!last) return;
        await copier.end(at);
        turns.get(partitions[partitions.indexOf(partition) + 1] ?? -1)?.resolve(undefined);
      },
    });
  } finally {
    // Also after a failure: nobody else may use the session while a range is being recorded.
    await copier.settled().finally(() => {
      setFlagsFromString('--heap-growing-percent=0');
      return maker.close();
    });
  }
  if (context.signal?.aborted === true) throw stopped();
}

function stopped(): MarqueeError {
  return new MarqueeError('MARQUEE_ARCHIVE_STOPPED', 'stopped; a rerun finishes the plan');
}

interface PartitionWork {
  readonly range: PlannedRange;
  position: Position;
}

/**
 * What is to be read: from the last record archived on, to know the log again; where retention has
 * removed that one, from the next.
 */
async function rangesInLog(
  brokers: readonly string[],
  work: readonly PartitionWork[],
): Promise<ReadonlyMap<number, { readonly from: number; readonly to: number }>> {
  const ranges = new Map<number, { readonly from: number; readonly to: number }>();
  const bounds = await withAdmin({ brokers }, (admin) => admin.fetchTopicOffsets(TOPIC));
  for (const { range, position } of work) {
    const log = bounds.find(({ partition }) => partition === range.partition);
    const [low, high] = [Number(log?.low ?? 0), Number(log?.high ?? 0)];
    if (position.next < low || range.to > high)
      throw new MarqueeError(
        'MARQUEE_OFFSET_OUTSIDE_LOG',
        `archive on ${TOPIC}/${range.partition}: [${position.next}, ${range.to}) ` +
          `is to be copied, but the log holds [${low}, ${high}). Records were removed ` +
          'before they were archived, or the topic was made again. See `marquee offsets`.',
      );
    const last = position.last?.offset ?? -1;
    ranges.set(range.partition, { from: last >= low ? last : position.next, to: range.to });
  }
  return ranges;
}

/**
 * While some are on their way to the store or back, the thread works on another; and reading doesn't
 * wait for its first file, which takes it three times as long as the others.
 */
const STORING_MAX = 4;

/**
 * Cuts records into ranges by their number and bytes alone, so a rerun cuts them alike. While ranges
 * are stored, verified and recorded the next one is filled; never more than five are in memory.
 */
function createCopier(
  session: Session,
  context: ArchiveContext,
  plan: ArchivePlan,
  decoder: SchemaLoader<UserActionRecord>,
  maker: FileWriter,
  recorded: (files: readonly VerifiedFile[], rows: number, offsets: number) => void,
) {
  const { settings, runtime, store, failpoint } = context;
  const limits = { ...runtime, lateHorizonMs: Infinity };
  const batchDecoder = createBatchDecoder(archived, decoder, limits);
  let builder = createRangeBuilder();
  let records = 0;
  let bytes = 0;
  let last: KafkaRecord | null = null;
  /** Where the range that is being filled begins, and one past what is in the builder. */
  let begin = -1;
  let next = -1;
  /** Ranges that are being stored, in their order; each is recorded after the one before. */
  const storing: Promise<void>[] = [];
  let failed: Error | null = null;
  let over = false;

  function feed(partition: number, portion: readonly KafkaRecord[]): void {
    for (let i = 0; i < portion.length; i += archived.batchRowsMax) {
      const some = portion.slice(i, i + archived.batchRowsMax);
      if ((some[0] as KafkaRecord).offset < next)
        throw new Error(`${TOPIC}/${partition}: a record came again below ${next}`);
      const end = (some.at(-1) as KafkaRecord).offset + 1;
      builder.add(batchDecoder.decode([{ partition, from: next, next: end, records: some }]));
      next = end;
    }
  }

  /** Hands the range over, once there is room for it. */
  async function flush(at: PartitionWork, to: number): Promise<void> {
    if (failed !== null) throw failed;
    if (storing.length === STORING_MAX) {
      await storing[0];
      void storing.shift();
    }
    // Reading was given up meanwhile, and the session with it.
    if (over) throw stopped();
    const range = { builder, from: begin, to, last };
    builder = createRangeBuilder();
    records = 0;
    bytes = 0;
    last = null;
    begin = to;
    next = to;
    const stored = storeAndRecord(at, range, storing.at(-1));
    // Told by the next range, or by `settled`.
    stored.catch((error: unknown) => {
      failed ??= error as Error;
    });
    storing.push(stored);
  }

  async function storeAndRecord(
    at: PartitionWork,
    range: {
      readonly builder: RangeBuilder;
      readonly from: number;
      readonly to: number;
      readonly last: KafkaRecord | null;
    },
    before: Promise<void> | undefined,
  ): Promise<void> {
    const { partition } = at.range;
    const { from, to } = range;
    const { rows } = range.builder;
    const ledger = range.builder.ledger();
    const lastRun = ledger.at(-1);
    if (lastRun !== undefined) lastRun.to = to;
    const place = { topic: TOPIC, partition, from, to };
    const files = await storeRange(range.builder, place, {
      store,
      prefix: settings.prefix,
      failpoint,
      maker,
    });
    failpoint('archive_verified');
    await before;
    const { position } = at;
    const identity =
      range.last === null ? null : { offset: range.last.offset, identity: identityOf(range.last) };
    const written = await recordRange(session, {
      key: KEY,
      run: plan.run,
      step: {
        partition,
        epoch: position.epoch,
        from,
        after: to,
        last: identity,
        asOf: range.last?.timestamp ?? null,
      },
      ledger,
      openRow: position.openLedgerRow,
      files,
    });
    if (written === null)
      throw new MarqueeError(
        'MARQUEE_ARCHIVE_BUSY',
        `another run has moved the archive of ${TOPIC}/${partition} from ${from}`,
        { retriable: true },
      );
    failpoint('archive_recorded');
    recorded(files, rows, to - from);
    at.position = {
      ...position,
      next: to,
      last: identity ?? position.last,
      openLedgerRow: written.openRow ?? position.openLedgerRow,
    };
  }

  return {
    async take(
      at: PartitionWork,
      fetched: readonly KafkaRecord[],
      { rowsMax, bytesMax }: ArchiveSettings,
    ): Promise<void> {
      const { partition } = at.range;
      if (begin < 0) begin = next = at.position.next;
      const fresh = verify(at, fetched);
      await decoder.load(fresh);
      let start = 0;
      for (let i = 0; i < fresh.length; i++) {
        const record = fresh[i] as KafkaRecord;
        records++;
        bytes += (record.value?.length ?? 0) + 64;
        last = record;
        if (records < rowsMax && bytes < bytesMax) continue;
        feed(partition, fresh.slice(start, i + 1));
        await flush(at, record.offset + 1);
        start = i + 1;
      }
      feed(partition, fresh.slice(start));
    },
    /** All of the partition's plan was read: markers at its end are covered too. */
    async end(at: PartitionWork): Promise<void> {
      // Markers alone have no hour to be accounted in: they go with the records after them.
      if (records > 0) await flush(at, at.range.to);
      begin = -1;
    },
    /** Takes no more; waits until what was handed over is recorded, or throws what kept it. */
    async settled(): Promise<void> {
      over = true;
      await Promise.allSettled(storing);
      await Promise.all(storing);
    },
  };
}

/** Drops the record that was read again, once it is found to be the one that was archived. */
function verify(at: PartitionWork, records: readonly KafkaRecord[]): readonly KafkaRecord[] {
  const [first] = records;
  const { last, next } = at.position;
  if (first === undefined || first.offset >= next) return records;
  if (last !== null && first.offset === last.offset && !identityOf(first).equals(last.identity))
    throw new MarqueeError(
      'MARQUEE_TOPIC_REPLACED',
      `archive on ${TOPIC}/${at.range.partition}: the record at offset ${last.offset} is ` +
        'not the one that was archived. The topic was deleted and made again. See `marquee offsets`.',
    );
  return records.filter((record) => record.offset >= next);
}
