import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { withAdmin } from '../../connectors/kafka/admin.ts';
import type { KafkaRecord } from '../../connectors/kafka/port.ts';
import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import { openSession } from '../../connectors/postgres/session.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { createCodec } from '../../connectors/registry/codec.ts';
import { MarqueeError } from '../../schemas/error.ts';
import type { Failpoint } from '../runtime/failpoints.ts';
import type { Log } from '../runtime/log.ts';
import { identityOf, takeOver } from '../runtime/offsets.ts';
import type { Position } from '../runtime/offsets.ts';
import { createPreparer } from '../runtime/prepare.ts';
import { readRecords } from '../runtime/read-records.ts';
import type { SchemaLoader } from '../runtime/runner.ts';
import { createSchemaLoader } from '../runtime/schema-loader.ts';
import type { RuntimeSettings } from '../runtime/settings.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import { dropArchivedHours } from './drop.ts';
import type { DropReport } from './drop.ts';
import { finishRun, lockArchive, recordRange } from './manifest.ts';
import type { ArchivePlan, PlannedRange } from './manifest.ts';
import { withPatience } from './patience.ts';
import { KEY, TOPIC, checkRetention, planOf } from './plan.ts';
import { archived } from './processor.ts';
import { createRangeBuilder, storeRange } from './range.ts';
import type { ArchiveSettings } from './settings.ts';

export interface ArchiveContext {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** Of marquee_writer. */
  readonly postgresUrl: string;
  readonly store: ObjectStore;
  readonly settings: ArchiveSettings;
  readonly runtime: RuntimeSettings;
  readonly log: Log;
  readonly failpoint: Failpoint;
  readonly signal?: AbortSignal;
  onProgress?(progress: ArchiveProgress): void;
}

export interface ArchiveProgress {
  readonly doneOffsets: number;
  readonly dueOffsets: number;
  readonly rows: number;
}

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

async function copy(
  session: Session,
  context: ArchiveContext,
  plan: ArchivePlan,
  done: { rows: number; files: number; bytes: number },
): Promise<void> {
  const { settings } = context;
  const due = plan.ranges.reduce((sum, r) => sum + r.to - r.from, 0);
  let passed = 0;
  const owner = `archive/${hostname().slice(0, 20)}/${String(process.pid)}/${randomBytes(3).toString('hex')}`;
  const codec = createCodec({ url: context.registryUrl });
  const decoder = createSchemaLoader<UserActionRecord>(codec.reader(TOPIC));
  const work: PartitionWork[] = [];
  for (const range of plan.ranges) {
    const position = await takeOver(session, KEY, range.partition, owner, range.from);
    passed += Math.max(0, position.next - range.from);
    if (position.next < range.to)
      work.push({ range, position, from: position.last?.offset ?? position.next });
  }
  if (work.length === 0) return;
  await assertInLog(context.brokers, work);
  const copier = createCopier(session, context, plan, decoder, (rows, files, bytes, offsets) => {
    done.rows += rows;
    done.files += files;
    done.bytes += bytes;
    passed += offsets;
    context.onProgress?.({ doneOffsets: passed, dueOffsets: due, rows: done.rows });
  });
  const ranges = new Map(work.map((w) => [w.range.partition, { from: w.from, to: w.range.to }]));
  const turns = new Map(work.map((w) => [w.range.partition, Promise.withResolvers<undefined>()]));
  turns.get(work[0]?.range.partition ?? -1)?.resolve(undefined);
  const partitions = work.map((w) => w.range.partition);
  // One partition at a time is in memory; the others wait with what one fetch brought.
  await readRecords({
    brokers: context.brokers,
    topic: TOPIC,
    ranges,
    ...(context.signal === undefined ? {} : { signal: context.signal }),
    async onRecords(partition, records, last) {
      await turns.get(partition)?.promise;
      const at = work.find((w) => w.range.partition === partition);
      if (at === undefined) return;
      await copier.take(at, records, settings);
      if (!last) return;
      await copier.end(at);
      turns.get(partitions[partitions.indexOf(partition) + 1] ?? -1)?.resolve(undefined);
    },
  });
  if (context.signal?.aborted === true)
    throw new MarqueeError('MARQUEE_ARCHIVE_STOPPED', 'stopped; a rerun finishes the plan');
}

interface PartitionWork {
  readonly range: PlannedRange;
  position: Position;
  /** Where reading starts: at the last record archived, to know the log again. */
  readonly from: number;
}

async function assertInLog(
  brokers: readonly string[],
  work: readonly PartitionWork[],
): Promise<void> {
  const bounds = await withAdmin({ brokers }, (admin) => admin.fetchTopicOffsets(TOPIC));
  for (const { range, position } of work) {
    const log = bounds.find(({ partition }) => partition === range.partition);
    const [low, high] = [Number(log?.low ?? 0), Number(log?.high ?? 0)];
    if (position.next < low || range.to > high)
      throw new MarqueeError(
        'MARQUEE_OFFSET_OUTSIDE_LOG',
        `archive on ${TOPIC}/${String(range.partition)}: [${String(position.next)}, ${String(range.to)}) ` +
          `is to be copied, but the log holds [${String(low)}, ${String(high)}). Records were removed ` +
          'before they were archived, or the topic was made again. See `marquee offsets`.',
      );
  }
}

/** Cuts records into ranges by their number and bytes alone, so a rerun cuts them alike. */
function createCopier(
  session: Session,
  context: ArchiveContext,
  plan: ArchivePlan,
  decoder: SchemaLoader<UserActionRecord>,
  recorded: (rows: number, files: number, bytes: number, offsets: number) => void,
) {
  const { settings, runtime, store, failpoint } = context;
  const limits = { ...runtime, lateHorizonMs: Infinity };
  const preparer = createPreparer(archived, decoder, limits);
  let builder = createRangeBuilder();
  let records = 0;
  let bytes = 0;
  let last: KafkaRecord | null = null;
  /** One past what is in the builder. */
  let next = -1;

  function feed(partition: number, from: number, portion: readonly KafkaRecord[]): void {
    for (let i = 0; i < portion.length; i += archived.batchRowsMax) {
      const some = portion.slice(i, i + archived.batchRowsMax);
      const end = (some.at(-1) as KafkaRecord).offset + 1;
      builder.add(preparer.prepare([{ partition, from, next: end, records: some }]));
      from = end;
    }
  }

  async function flush(at: PartitionWork, to: number): Promise<void> {
    const { partition } = at.range;
    const { position } = at;
    const ledger = builder.ledger();
    const lastRun = ledger.at(-1);
    if (lastRun !== undefined) lastRun.to = to;
    const place = { topic: TOPIC, partition, from: position.next, to };
    const files = await storeRange(builder, place, {
      store,
      prefix: settings.prefix,
      failpoint,
    });
    failpoint('archive_verified');
    const identity = last === null ? null : { offset: last.offset, identity: identityOf(last) };
    const written = await recordRange(session, {
      key: KEY,
      run: plan.run,
      step: {
        partition,
        epoch: position.epoch,
        from: position.next,
        after: to,
        last: identity,
        asOf: last?.timestamp ?? null,
      },
      ledger,
      openRow: position.openLedgerRow,
      files,
    });
    if (written === null)
      throw new MarqueeError(
        'MARQUEE_ARCHIVE_BUSY',
        `another run has moved the archive of ${TOPIC}/${String(partition)} from ${String(position.next)}`,
        { retriable: true },
      );
    failpoint('archive_recorded');
    recorded(
      builder.rows,
      files.length,
      files.reduce((sum, f) => sum + f.bytes, 0),
      to - position.next,
    );
    at.position = {
      ...position,
      next: to,
      last: identity ?? position.last,
      openLedgerRow: written.openRow ?? position.openLedgerRow,
    };
    builder = createRangeBuilder();
    records = 0;
    bytes = 0;
    last = null;
    next = -1;
  }

  return {
    async take(
      at: PartitionWork,
      fetched: readonly KafkaRecord[],
      { rowsMax, bytesMax }: ArchiveSettings,
    ): Promise<void> {
      const { partition } = at.range;
      const fresh = verify(at, fetched);
      await decoder.load(fresh);
      let begin = 0;
      for (let i = 0; i < fresh.length; i++) {
        const record = fresh[i] as KafkaRecord;
        records++;
        bytes += (record.value?.length ?? 0) + 64;
        last = record;
        if (records < rowsMax && bytes < bytesMax) continue;
        feed(partition, next < 0 ? at.position.next : next, fresh.slice(begin, i + 1));
        await flush(at, record.offset + 1);
        begin = i + 1;
      }
      const rest = fresh.slice(begin);
      if (rest.length === 0) return;
      feed(partition, next < 0 ? at.position.next : next, rest);
      next = (rest.at(-1) as KafkaRecord).offset + 1;
    },
    /** All of the partition's plan was read: markers at its end are covered too. */
    async end(at: PartitionWork): Promise<void> {
      // Markers alone have no hour to be accounted in: they go with the records after them.
      if (records > 0) await flush(at, at.range.to);
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
      `archive on ${TOPIC}/${String(at.range.partition)}: the record at offset ${String(last.offset)} is ` +
        'not the one that was archived. The topic was deleted and made again. See `marquee offsets`.',
    );
  return records.filter((record) => record.offset >= next);
}
