import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../../common/kafka/crc32c.ts';
import { decodeProduce, encodeProduce } from '../../../../common/kafka/produce-request.ts';
import {
  encodeRecords,
  sealBatch,
  tailBytes,
  writeHeaders,
} from '../../../../common/kafka/record-batch-encoder.ts';
import type { Header, RecordTail } from '../../../../common/kafka/record-batch-encoder.ts';
import { varintBytes, writeVarint } from '../../../../common/kafka/varint.ts';

// kafkajs's own encoders and decoders are what these are held against.
const load = createRequire(import.meta.url);
const Decoder = load('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => {
  readVarInt(): number;
};
const decodeBatch = load('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: unknown,
) => Promise<DecodedBatch>;
const kafkajsCrc = load('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number;
const kafkajsProduce = load('kafkajs/src/protocol/requests/produce/v7/request') as (
  request: object,
) => { encode(): Promise<{ buffer: Buffer }> };

interface DecodedBatch {
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly lastOffsetDelta: number;
  readonly firstTimestamp: string;
  readonly maxTimestamp: string;
  readonly records: readonly {
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: Readonly<Record<string, Buffer>>;
    readonly offset: string;
    readonly timestamp: string;
  }[];
}

interface Given {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
  readonly queuedAt: number;
}

function tailOf({ key, value, headers, queuedAt }: Given): RecordTail {
  const bytes = Buffer.alloc(tailBytes(key?.length ?? -1, value?.length ?? -1, headers));
  let at = 0;
  for (const part of [key, value]) {
    at = writeVarint(bytes, at, part?.length ?? -1);
    if (part !== null) {
      bytes.set(part, at);
      at += part.length;
    }
  }
  expect(writeHeaders(bytes, at, headers)).toBe(bytes.length);
  return { bytes, start: 0, end: bytes.length, queuedAt };
}

const part = fc.option(fc.uint8Array({ maxLength: 300 }));
// kafkajs takes a header named like a method of every object for a repeated one.
const name = fc.string({ unit: 'grapheme' }).map((text) => `h-${text}`);
const header = fc.tuple(name, fc.uint8Array());
const given = fc.record({
  key: part,
  value: part,
  headers: fc.uniqueArray(header, { maxLength: 3, selector: ([name]) => name }),
  queuedAt: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_900_000 }),
});

const IDENTITY = { producerId: 123_456_789_012n, producerEpoch: 7, sequence: 2 ** 31 - 5 };

describe('a sealed batch', () => {
  it('is read by kafkajs as it was written, gzipped or not', async () => {
    const list = fc.array(given, { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(list, fc.boolean(), async (records, gzipped) => {
        const raw = encodeRecords(records.map(tailOf));
        const firstAt = records[0]?.queuedAt ?? 0;
        const count = records.length;
        const options = { ...IDENTITY, count, gzipped, firstAt, lastAt: firstAt + 5 };
        const batch = sealBatch(gzipped ? gzipSync(raw) : raw, options);
        const found = await decodeBatch(new Decoder(batch));
        expect(found).toMatchObject({
          producerId: '123456789012',
          producerEpoch: 7,
          firstSequence: 2 ** 31 - 5,
          lastOffsetDelta: count - 1,
          firstTimestamp: String(firstAt),
          maxTimestamp: String(firstAt + 5),
        });
        expect(batch.readInt32BE(17)).toBe(kafkajsCrc(batch.subarray(21)) | 0);
        expect(
          found.records.map((r) => ({
            key: r.key,
            value: r.value,
            headers: Object.fromEntries(
              Object.entries(r.headers).map(([name, value]) => [name, Buffer.from(value)]),
            ),
            offset: Number(r.offset),
            queuedAt: Number(r.timestamp),
          })),
        ).toEqual(
          records.map((r, offset) => ({
            key: r.key && Buffer.from(r.key),
            value: r.value && Buffer.from(r.value),
            headers: Object.fromEntries(r.headers.map(([n, v]) => [n, Buffer.from(v)])),
            offset,
            queuedAt: r.queuedAt,
          })),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe('crc32c', () => {
  it('is the standard one', () => {
    const check = Buffer.from('123456789');
    expect(crc32c(check, 0, check.length) >>> 0).toBe(0xe3069283);
  });

  it('agrees with kafkajs on any part of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), (bytes, skip) => {
        const buffer = Buffer.from(bytes);
        const start = Math.min(skip, buffer.length);
        const expected = kafkajsCrc(buffer.subarray(start)) | 0;
        expect(crc32c(buffer, start, buffer.length)).toBe(expected);
      }),
    );
  });
});

describe('varints', () => {
  it('are read by kafkajs, and as long as was said', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const bytes = Buffer.alloc(8);
        const end = writeVarint(bytes, 0, value);
        expect(end).toBe(varintBytes(value));
        expect(new Decoder(bytes).readVarInt()).toBe(value);
      }),
    );
  });
});

describe('a Produce request', () => {
  it('has the bytes that kafkajs would send', async () => {
    const records = [{ key: Buffer.from('k'), value: Buffer.from('v'), headers: [], queuedAt: 5 }];
    const kafkajsMessages = records.map(({ key, value }) => ({ key, value, timestamp: 5 }));
    const theirs = await kafkajsProduce({
      acks: -1,
      timeout: 30_000,
      transactionalId: null,
      producerId: '9',
      producerEpoch: 1,
      compression: 0,
      topicData: [
        {
          topic: 'tøpic',
          partitions: [{ partition: 3, firstSequence: 4, messages: kafkajsMessages }],
        },
      ],
    }).encode();
    const batch = sealBatch(encodeRecords(records.map(tailOf)), {
      producerId: 9n,
      producerEpoch: 1,
      sequence: 4,
      count: 1,
      gzipped: false,
      firstAt: 5,
      lastAt: 5,
    });
    const ours = encodeProduce([{ topic: 'tøpic', partition: 3, batch }], 30_000);
    // kafkajs says leader epoch 0 where none is known; outside of the checksum, and not looked at.
    const at = ours.indexOf(batch) + 12;
    ours.writeInt32BE(0, at);
    expect(ours.toString('hex')).toBe(theirs.buffer.toString('hex'));
  });

  it('is answered by partition', () => {
    const answer = Buffer.alloc(4 + 2 + 1 + 4 + 2 * 30 + 4);
    answer.writeInt32BE(1, 0);
    answer.writeInt16BE(1, 4);
    answer.write('t', 6);
    answer.writeInt32BE(2, 7);
    answer.writeInt32BE(5, 11);
    answer.writeBigInt64BE(77n, 17);
    answer.writeInt32BE(6, 41);
    answer.writeInt16BE(10, 45);
    answer.writeBigInt64BE(-1n, 47);
    expect(decodeProduce(answer)).toEqual([
      { topic: 't', partition: 5, errorCode: 0, baseOffset: 77 },
      { topic: 't', partition: 6, errorCode: 10, baseOffset: -1 },
    ]);
  });
});
