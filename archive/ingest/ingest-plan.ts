import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { withAdmin } from '../../connectors/kafka/admin.ts';
import { readRecords } from '../../connectors/kafka/read-records.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { createCodec } from '../../connectors/registry/codec.ts';
import { MarqueeError } from '../../common/error.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import { createBatchDecoder } from '../../streams/runtime/commit/decode-batch.ts';
import { raiseEpoch } from '../../streams/runtime/commit/offsets.ts';
import type { Position } from '../../streams/runtime/commit/offsets.ts';
import { createSchemaLoader } from '../../streams/runtime/consume/schema-loader.ts';
import { ARCHIVED_TOPIC, ARCHIVE_KEY, archiveConsumer } from '../consumer.ts';
import type { ArchiveContext } from '../context.ts';
import { createWriterThread } from '../format/writer-thread.ts';
import { createPartitionIngest } from './partition-ingest.ts';
import type { FilledRange } from './partition-ingest.ts';
import { createRangeRecorder } from './range-recorder.ts';
import type { RunPlan, PlannedRange } from './run-log.ts';

/** Sums of what was recorded, over the tries of one run. */
export interface IngestTotals {
  rows: number;
  files: number;
  bytes: number;
}

/**
 * V8 counts buffers as heap: one of 10 MB is marked anew for every 16 MB of them that pass by. In
 * larger steps ingesting takes a tenth less CPU, in as much memory. 0 is V8's own rule.
 */
const HEAP_GROWING_PERCENT = 400;

/** Archives what is left of the plan; what was recorded stays, whatever ends it. */
export async function ingestPlan(
  session: Session,
  context: ArchiveContext,
  plan: RunPlan,
  totals: IngestTotals,
): Promise<void> {
  const positions = await takePartitions(session, plan);
  const nextOf = ({ partition, from }: PlannedRange) => positions.get(partition)?.next ?? from;
  const dueOffsets = plan.ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  let doneOffsets = plan.ranges.reduce((sum, r) => sum + Math.max(0, nextOf(r) - r.from), 0);
  const planned = plan.ranges.filter((range) => nextOf(range) < range.to);
  if (planned.length === 0) return;

  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const writer = createWriterThread();
  const recorder = createRangeRecorder({
    session,
    context,
    run: plan.run,
    positions,
    writer,
    onRecorded({ content, from, to }, files) {
      totals.rows += content.rows;
      totals.files += files.length;
      totals.bytes += files.reduce((sum, f) => sum + f.bytes, 0);
      doneOffsets += to - from;
      context.onProgress?.({ doneOffsets, dueOffsets, rows: totals.rows });
    },
  });
  try {
    await readPartitions(context, planned, positions, recorder.add);
  } finally {
    // Also after a failure: nobody else may use the session while a range is being recorded.
    await recorder.close().finally(() => {
      setFlagsFromString('--heap-growing-percent=0');
      return writer.close();
    });
  }
  if (context.signal?.aborted === true)
    throw new MarqueeError('MARQUEE_ARCHIVE_STOPPED', 'stopped; a rerun finishes the plan');
}

/** Raises the epoch of all partitions of the plan: no earlier run can record any more. */
async function takePartitions(
  session: Session,
  { ranges }: RunPlan,
): Promise<Map<number, Position>> {
  const host = hostname().slice(0, 20);
  const owner = `archive/${host}/${process.pid}/${randomBytes(3).toString('hex')}`;
  const positions = new Map<number, Position>();
  for (const { partition, from } of ranges)
    positions.set(partition, await raiseEpoch(session, ARCHIVE_KEY, partition, owner, from));
  return positions;
}

/**
 * Reads the planned offsets, one partition after the other. One is in memory at a time; the others
 * wait with what one fetch brought.
 */
async function readPartitions(
  context: ArchiveContext,
  planned: readonly PlannedRange[],
  positions: ReadonlyMap<number, Position>,
  onRange: (range: FilledRange) => Promise<void>,
): Promise<void> {
  const { brokers, runtime, settings, signal } = context;
  const codec = createCodec({ url: context.registryUrl });
  const schemas = createSchemaLoader<UserActionRecord>(codec.reader(ARCHIVED_TOPIC));
  const limits = { ...runtime, lateHorizonMs: Infinity };
  const decoder = createBatchDecoder(archiveConsumer, schemas, limits);
  const bounds = await withAdmin({ brokers }, (admin) => admin.fetchTopicOffsets(ARCHIVED_TOPIC));
  const partitions = planned.map((range, n) => {
    const { partition } = range;
    const position = positions.get(partition);
    if (position === undefined) throw new Error(`no position of partition ${partition}`);
    const log = bounds.find((b) => b.partition === partition);
    return {
      partition,
      offsets: offsetsToRead(range, position, Number(log?.low ?? 0), Number(log?.high ?? 0)),
      turn: Promise.withResolvers<undefined>(),
      next: planned[n + 1]?.partition,
      ingest: createPartitionIngest({
        planned: range,
        position,
        limits: settings,
        schemas,
        decoder,
        onRange,
      }),
    };
  });
  const byPartition = new Map(partitions.map((p) => [p.partition, p]));
  partitions[0]?.turn.resolve(undefined);
  await readRecords({
    brokers,
    topic: ARCHIVED_TOPIC,
    ranges: new Map(partitions.map(({ partition, offsets }) => [partition, offsets])),
    ...(signal === undefined ? {} : { signal }),
    turn: (partition) => byPartition.get(partition)?.turn.promise ?? Promise.resolve(),
    async onRecords(partition, records, last) {
      const at = byPartition.get(partition);
      if (at === undefined) return;
      await at.ingest.take(records);
      if (!last) return;
      await at.ingest.end();
      byPartition.get(at.next ?? -1)?.turn.resolve(undefined);
    },
  });
}

/**
 * Offsets to be read of a log [low, high): from the last record archived on, to know the log again;
 * where retention has removed that one, from the next. Throws MARQUEE_OFFSET_OUTSIDE_LOG.
 */
export function offsetsToRead(
  { partition, to }: PlannedRange,
  { next, last }: Pick<Position, 'next' | 'last'>,
  low: number,
  high: number,
): { readonly from: number; readonly to: number } {
  if (next < low || to > high)
    throw new MarqueeError(
      'MARQUEE_OFFSET_OUTSIDE_LOG',
      `archive on ${ARCHIVED_TOPIC}/${partition}: [${next}, ${to}) is to be archived, but the ` +
        `log holds [${low}, ${high}). Records were removed before they were archived, or the ` +
        'topic was made again. See `marquee offsets`.',
    );
  return { from: last !== null && last.offset >= low ? last.offset : next, to };
}
