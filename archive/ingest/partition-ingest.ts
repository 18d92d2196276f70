import type { KafkaRecord } from '../../common/kafka/record.ts';
import { MarqueeError } from '../../common/error.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import type { createBatchDecoder } from '../../streams/runtime/commit/decode-batch.ts';
import { identityOf } from '../../streams/runtime/commit/offsets.ts';
import type { Position } from '../../streams/runtime/commit/offsets.ts';
import type { SchemaLoader } from '../../streams/runtime/consume/schema-loader.ts';
import { ARCHIVED_TOPIC, archiveConsumer } from '../consumer.ts';
import { createRangeBuilder } from './range-builder.ts';
import type { RangeBuilder } from './range-builder.ts';
import { createRangeCutter } from './range-cutter.ts';
import type { RangeLimits } from './range-cutter.ts';
import type { PlannedRange } from './run-log.ts';

/** Records of the offsets [from, to), as rows. */
export interface FilledRange {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly content: RangeBuilder;
  readonly last: KafkaRecord;
}

export interface PartitionIngestOptions {
  readonly planned: PlannedRange;
  readonly position: Position;
  readonly limits: RangeLimits;
  readonly schemas: SchemaLoader<UserActionRecord>;
  readonly decoder: ReturnType<typeof createBatchDecoder<UserActionRecord>>;
  /** Takes a range over; while it waits, no records are taken. */
  onRange(range: FilledRange): Promise<void>;
}

/** Turns the planned records of one partition into ranges, which join without a gap. */
export function createPartitionIngest(options: PartitionIngestOptions) {
  const { planned, position, limits, schemas, decoder, onRange } = options;
  const { partition } = planned;
  const cutter = createRangeCutter(limits);
  let content = createRangeBuilder();
  let last: KafkaRecord | null = null;
  /** Begin of the range that is being filled, and one past what is in it. */
  let begin = position.next;
  let next = position.next;

  function add(records: readonly KafkaRecord[]): void {
    for (let i = 0; i < records.length; i += archiveConsumer.batchRowsMax) {
      const some = records.slice(i, i + archiveConsumer.batchRowsMax);
      if ((some[0] as KafkaRecord).offset < next)
        throw new Error(`${ARCHIVED_TOPIC}/${partition}: a record came again below ${next}`);
      last = some.at(-1) as KafkaRecord;
      content.add(
        decoder.decode([{ partition, from: next, next: last.offset + 1, records: some }]),
      );
      next = last.offset + 1;
    }
  }

  async function finishRange(to: number): Promise<void> {
    // Markers alone have no hour to be accounted in: they go with the records after them.
    if (last === null) return;
    const range = { partition, from: begin, to, content, last };
    content = createRangeBuilder();
    last = null;
    begin = next = to;
    await onRange(range);
  }

  return {
    async take(fetched: readonly KafkaRecord[]): Promise<void> {
      const records = recordsAfter(position, partition, fetched);
      await schemas.load(records);
      let start = 0;
      for (let end = cutter.cut(records, 0); end !== null; end = cutter.cut(records, start)) {
        add(records.slice(start, end));
        await finishRange(next);
        start = end;
      }
      add(records.slice(start));
    },
    /** All of the plan was read: markers at its end are covered too. */
    end: () => finishRange(planned.to),
  };
}

/** Leaves out the record that was read again, once it is found to be the one that was archived. */
export function recordsAfter(
  { last, next }: Pick<Position, 'last' | 'next'>,
  partition: number,
  records: readonly KafkaRecord[],
): readonly KafkaRecord[] {
  const [first] = records;
  if (first === undefined || first.offset >= next) return records;
  if (last !== null && first.offset === last.offset && !identityOf(first).equals(last.identity))
    throw new MarqueeError(
      'MARQUEE_TOPIC_REPLACED',
      `archive on ${ARCHIVED_TOPIC}/${partition}: the record at offset ${last.offset} is not the ` +
        'one that was archived. The topic was deleted and made again. See `marquee offsets`.',
    );
  return records.filter((record) => record.offset >= next);
}
