import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRangeCutter } from '../../../../archive/ingest/range-cutter.ts';
import type { RangeLimits } from '../../../../archive/ingest/range-cutter.ts';
import type { KafkaRecord } from '../../../../common/kafka/record.ts';

const record = (offset: number, bytes = 36): KafkaRecord => ({
  offset,
  timestamp: 0,
  key: null,
  value: bytes === 0 ? null : Buffer.alloc(bytes),
  headers: {},
});

/** Offsets at which ranges end when records come in batches of these sizes. */
function cutsOf(
  records: readonly KafkaRecord[],
  limits: RangeLimits,
  batches: readonly number[],
): number[] {
  const cutter = createRangeCutter(limits);
  const cuts: number[] = [];
  for (let at = 0, n = 0; at < records.length; n++) {
    const batch = records.slice(at, at + (batches[n % batches.length] as number));
    at += batch.length;
    for (let end = cutter.cut(batch, 0); end !== null; end = cutter.cut(batch, end))
      cuts.push((batch[end - 1] as KafkaRecord).offset);
  }
  return cuts;
}

describe('a range ends', () => {
  const records = Array.from({ length: 10 }, (_, offset) => record(offset));

  test('with the record that makes its number full', () => {
    expect(cutsOf(records, { rowsMax: 3, bytesMax: 1e9 }, [10])).toEqual([2, 5, 8]);
  });

  test('with the record that makes its bytes full, each counted with 64 beside its value', () => {
    expect(cutsOf(records, { rowsMax: 1e9, bytesMax: 400 }, [10])).toEqual([3, 7]);
    const empty = records.map(({ offset }) => record(offset, 0));
    expect(cutsOf(empty, { rowsMax: 1e9, bytesMax: 128 }, [10])).toEqual([1, 3, 5, 7, 9]);
  });
});

test('ranges are cut alike however the records come in batches', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(300), { maxLength: 200 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 3_000 }),
      (sizes, batches, rowsMax, bytesMax) => {
        const records = sizes.map((bytes, offset) => record(offset, bytes));
        const limits = { rowsMax, bytesMax };
        expect(cutsOf(records, limits, batches)).toEqual(cutsOf(records, limits, [1]));
      },
    ),
  );
});
