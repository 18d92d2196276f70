import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../../../common/kafka/bytes.ts';
import type { KafkaRecord } from '../../../../common/kafka/record.ts';
import {
  decodeRecords,
  scanBatches,
  visibleBatches,
} from '../../../../common/kafka/record-batch-decoder.ts';

interface Sent {
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [string, Buffer])[];
}

interface BatchSpec {
  readonly baseOffset: number;
  readonly lastOffsetDelta?: number;
  readonly attributes?: number;
  readonly producerId?: number;
  readonly baseTimestamp?: number;
  readonly maxTimestamp?: number;
  readonly records: readonly Partial<Sent>[];
}

const LOG_APPEND_TIME = 0x8;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function nullable(writer: ByteWriter, bytes: Buffer | null): void {
  writer.uvarint(zigzag(bytes === null ? -1 : bytes.length));
  if (bytes !== null) writer.raw(bytes);
}

/** Written from the specification, apart from the code under test. */
function encodeBatch(spec: BatchSpec): Buffer {
  const body = new ByteWriter();
  for (const [i, record] of spec.records.entries()) {
    const one = new ByteWriter().int8(0).uvarint(zigzag(record.timestampDelta ?? 0));
    one.uvarint(zigzag(record.offsetDelta ?? i));
    nullable(one, record.key ?? null);
    nullable(one, record.value ?? null);
    const headers = record.headers ?? [];
    one.uvarint(zigzag(headers.length));
    for (const [name, value] of headers) {
      nullable(one, Buffer.from(name));
      nullable(one, value);
    }
    const bytes = one.finish();
    body.uvarint(zigzag(bytes.length)).raw(bytes);
  }
  const after = new ByteWriter()
    .int32(0)
    .int8(2)
    .int32(0)
    .int16(spec.attributes ?? 0)
    .int32(spec.lastOffsetDelta ?? Math.max(0, spec.records.length - 1))
    .int64(spec.baseTimestamp ?? 0)
    .int64(spec.maxTimestamp ?? 0)
    .int64(spec.producerId ?? -1)
    .int16(0)
    .int32(0)
    .int32(spec.records.length)
    .raw(body.finish())
    .finish();
  return new ByteWriter().int64(spec.baseOffset).int32(after.length).raw(after).finish();
}

function marker(baseOffset: number, producerId: number, type: 'abort' | 'commit'): BatchSpec {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1]);
  const attributes = TRANSACTIONAL | CONTROL;
  return { baseOffset, producerId, attributes, records: [{ key, value: Buffer.alloc(6) }] };
}

function decodeAll(bytes: Buffer, from = 0): KafkaRecord[] {
  const out: KafkaRecord[] = [];
  for (const batch of scanBatches(bytes)) decodeRecords(batch, batch.body, from, out);
  return out;
}

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const sent = fc.record({
  timestampDelta: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.array(fc.tuple(fc.string(), bytes), { maxLength: 4 }),
});

describe('records', () => {
  test('come out as they went in', () => {
    const base = fc.integer({ min: 0, max: 2 ** 50 });
    fc.assert(
      fc.property(fc.array(sent, { minLength: 1, maxLength: 20 }), base, base, (records, o, t) => {
        const batch = encodeBatch({ baseOffset: o, baseTimestamp: t, records });
        const out = decodeAll(batch);
        expect(out.map(({ offset }) => offset)).toEqual(records.map((_, i) => o + i));
        for (const [i, record] of records.entries()) {
          const { key, value, timestamp, headers } = out[i] as KafkaRecord;
          expect(key).toEqual(record.key);
          expect(value).toEqual(record.value);
          expect(timestamp).toBe(t + record.timestampDelta);
          expect(new Map(Object.entries(headers))).toEqual(new Map(record.headers));
        }
      }),
    );
  });

  test('of a topic that keeps the append time have the batch as their time', () => {
    const attributes = LOG_APPEND_TIME;
    const records = [{ timestampDelta: 5 }, { timestampDelta: 9 }];
    const batch = encodeBatch({ baseOffset: 0, attributes, maxTimestamp: 777, records });
    expect(decodeAll(batch).map(({ timestamp }) => timestamp)).toEqual([777, 777]);
  });

  test('below the offset asked for are left out', () => {
    const batch = encodeBatch({ baseOffset: 10, records: [{}, {}, {}, {}] });
    expect(decodeAll(batch, 12).map(({ offset }) => offset)).toEqual([12, 13]);
  });

  test('keep the last of a repeated header, and one called __proto__', () => {
    const headers = [
      ['a', Buffer.from('1')],
      ['a', Buffer.from('2')],
      ['__proto__', Buffer.from('3')],
    ] as const;
    const [record] = decodeAll(encodeBatch({ baseOffset: 0, records: [{ headers }] }));
    expect(Object.entries(record?.headers ?? {})).toEqual([
      ['a', Buffer.from('2')],
      ['__proto__', Buffer.from('3')],
    ]);
  });

  test('that end early are an error, never fewer records', () => {
    const whole = encodeBatch({ baseOffset: 0, records: [{ value: Buffer.from('abc') }] });
    const [batch] = scanBatches(whole);
    if (batch === undefined) throw new Error('no batch');
    for (let length = 0; length < batch.body.length; length += 1) {
      const cut = batch.body.subarray(0, length);
      expect(() => {
        decodeRecords(batch, cut, 0, []);
      }).toThrow(RangeError);
    }
  });
});

describe('batches', () => {
  test('cut short at the end of a fetch are left for the next one', () => {
    const first = encodeBatch({ baseOffset: 0, records: [{}, {}] });
    const second = encodeBatch({ baseOffset: 2, records: [{ value: Buffer.alloc(100) }] });
    const both = Buffer.concat([first, second]);
    for (let length = first.length; length < both.length; length += 1) {
      expect(scanBatches(both.subarray(0, length))).toHaveLength(1);
    }
    expect(scanBatches(both)).toHaveLength(2);
  });

  test('cover the offsets that compaction emptied', () => {
    const [batch] = scanBatches(encodeBatch({ baseOffset: 5, lastOffsetDelta: 9, records: [] }));
    expect(batch?.lastOffset).toBe(14);
  });

  test('of an older format are an error that says so', () => {
    const batch = encodeBatch({ baseOffset: 0, records: [{}] });
    batch.writeInt8(1, 16);
    expect(() => scanBatches(batch)).toThrow('format 1');
  });
});

describe('read_committed', () => {
  const visible = (
    specs: readonly BatchSpec[],
    aborted: readonly { producerId: number; firstOffset: number }[],
  ): number[] => {
    const all = scanBatches(Buffer.concat(specs.map(encodeBatch)));
    return visibleBatches(all, aborted).map(({ baseOffset }) => baseOffset);
  };
  const of = (baseOffset: number, producerId: number, key?: Buffer): BatchSpec => ({
    baseOffset,
    producerId,
    attributes: TRANSACTIONAL,
    records: [{ key: key ?? null }],
  });

  test('hides what was aborted, and nothing of the next transaction', () => {
    const specs = [of(0, 7), marker(1, 7, 'abort'), of(2, 7), marker(3, 7, 'commit')];
    expect(visible(specs, [{ producerId: 7, firstOffset: 0 }])).toEqual([2]);
  });

  test('hides two interleaved ones that began before the fetch', () => {
    const specs = [of(11, 2), of(12, 1), marker(13, 1, 'abort'), of(14, 2), marker(15, 2, 'abort')];
    const aborted = [
      { producerId: 1, firstOffset: 3 },
      { producerId: 2, firstOffset: 4 },
    ];
    expect(visible(specs, aborted)).toEqual([]);
  });

  test('takes no record for a marker because of its key', () => {
    const specs = [of(0, 7, Buffer.alloc(4)), of(1, 7), marker(2, 7, 'abort')];
    expect(visible(specs, [{ producerId: 7, firstOffset: 0 }])).toEqual([]);
  });

  test('shows the plain records of a producer whose transaction was aborted', () => {
    const plain = { ...of(1, 7), attributes: 0 };
    const specs = [of(0, 7), plain, marker(2, 7, 'abort')];
    expect(visible(specs, [{ producerId: 7, firstOffset: 0 }])).toEqual([1]);
  });
});
