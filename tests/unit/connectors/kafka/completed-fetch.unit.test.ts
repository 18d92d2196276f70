import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { FetchedPartition } from '../../../../common/kafka/consumer-requests.ts';
import {
  encodeRecords,
  sealBatch,
  tailBytes,
  writeHeaders,
} from '../../../../common/kafka/record-batch-encoder.ts';
import { ATTRIBUTES, CODEC, HEADER } from '../../../../common/kafka/record-batch-header.ts';
import { writeVarint } from '../../../../common/kafka/varint.ts';
import { completedFetch, isDrained, nextOf } from '../../../../connectors/kafka/completed-fetch.ts';
import type { CompletedFetch } from '../../../../connectors/kafka/completed-fetch.ts';

/** A batch of `count` records without keys, at `baseOffset`; bytes of no record compress. */
function batchOf(
  baseOffset: number,
  count: number,
  { valueBytes = 1, gzipped = false, attributes = 0 } = {},
): Buffer {
  const value = Buffer.alloc(valueBytes, 'v');
  const bytes = Buffer.alloc(tailBytes(-1, value.length, []));
  let end = writeVarint(bytes, 0, -1);
  end = writeVarint(bytes, end, value.length);
  end += value.copy(bytes, end);
  end = writeHeaders(bytes, end, []);
  const records = encodeRecords(
    Array.from({ length: count }, () => ({ bytes, start: 0, end, queuedAt: 0 })),
  );
  const batch = sealBatch(gzipped ? gzipSync(records) : records, {
    count,
    gzipped,
    firstAt: 0,
    lastAt: 0,
    producerId: -1n,
    producerEpoch: -1,
    sequence: -1,
  });
  batch.writeBigInt64BE(BigInt(baseOffset), HEADER.baseOffset);
  const before = batch.readInt16BE(HEADER.attributes);
  batch.writeInt16BE(before | attributes, HEADER.attributes);
  return batch;
}

function fetchOf(position: number, ...batches: Buffer[]) {
  const answer: FetchedPartition = {
    topicId: '0'.repeat(32),
    partition: 3,
    errorCode: 0,
    highWatermark: 1_000,
    aborted: [],
    records: Buffer.concat(batches),
  };
  const place = { topic: 'topic', partition: 3, position };
  const fetch = completedFetch(place, answer);
  const next = async (at = position) => {
    const batch = await nextOf(fetch as CompletedFetch, { ...place, position: at });
    return { ...batch, offsets: batch.records().map(({ offset }) => offset) };
  };
  return { fetch: fetch as CompletedFetch, next };
}

describe('a fetch', () => {
  it('that brought no whole batch is none', () => {
    expect(fetchOf(0).fetch).toBeUndefined();
    expect(fetchOf(0, batchOf(0, 2).subarray(0, 65)).fetch).toBeUndefined();
  });

  it('is delivered whole while it is small', async () => {
    const { fetch, next } = fetchOf(0, batchOf(0, 2), batchOf(2, 3));
    const batch = await next();
    expect(batch).toMatchObject({ topic: 'topic', partition: 3, from: 0, next: 5, count: 5 });
    expect(batch.offsets).toEqual([0, 1, 2, 3, 4]);
    expect(batch.logEnd).toBe(1_000);
    expect(isDrained(fetch)).toBe(true);
  });

  it('is delivered piece by piece while it is large, each from where the last one ended', async () => {
    const large = { valueBytes: 30_000 };
    const { fetch, next } = fetchOf(0, batchOf(0, 1, large), batchOf(1, 1, large), batchOf(2, 1));
    expect(await next()).toMatchObject({ from: 0, next: 2, count: 2 });
    expect(isDrained(fetch)).toBe(false);
    expect(await next(2)).toMatchObject({ from: 2, next: 3, offsets: [2] });
    expect(isDrained(fetch)).toBe(true);
  });

  it('is measured by the bytes that it takes once decompressed', async () => {
    const { next } = fetchOf(0, batchOf(0, 10, { valueBytes: 10_000, gzipped: true }));
    const { bytes, count } = await next();
    expect(count).toBe(10);
    expect(bytes).toBeGreaterThan(100_000);
  });

  it('passes markers without a record', async () => {
    const marker = batchOf(2, 1, { attributes: ATTRIBUTES.control });
    const { next } = fetchOf(0, batchOf(0, 2), marker);
    expect(await next()).toMatchObject({ from: 0, next: 3, count: 2, offsets: [0, 1] });
    const alone = fetchOf(2, marker);
    expect(await alone.next()).toMatchObject({ from: 2, next: 3, count: 0, offsets: [] });
  });

  it('that begins before the position leaves out what stands before it', async () => {
    const { next } = fetchOf(3, batchOf(0, 5));
    expect(await next()).toMatchObject({ from: 3, next: 5, count: 2, offsets: [3, 4] });
  });
});

describe('what can not be read', () => {
  it('is named by its place: a format that nobody writes any more', () => {
    const old = batchOf(0, 1);
    old.writeInt8(1, HEADER.magic);
    expect(() => fetchOf(7, old)).toThrow(/topic, partition 3, offset 7/);
  });

  it('names the codec where that is the reason', async () => {
    const { next } = fetchOf(0, batchOf(0, 1, { attributes: CODEC.lz4 }));
    await expect(next()).rejects.toMatchObject({
      code: 'MARQUEE_KAFKA_UNREADABLE',
      message: expect.stringContaining('lz4') as string,
    });
  });

  it('is found when the records are asked for, where only they are broken', async () => {
    const broken = batchOf(0, 1);
    broken.writeInt8(0x7e, broken.length - 6);
    broken.writeInt32BE(9, HEADER.recordCount);
    const { fetch } = fetchOf(0, broken);
    const batch = await nextOf(fetch, { topic: 'topic', partition: 3, position: 0 });
    expect(() => batch.records()).toThrow(/offset 0/);
  });
});
