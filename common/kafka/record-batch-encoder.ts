import { crc32c } from './crc32c.ts';
import { CODEC, HEADER, HEADER_BYTES, LENGTH_END, MAGIC } from './record-batch-header.ts';
import { varintBytes, writeVarint } from './varint.ts';

/**
 * Kafka's record batch, format 2 (KIP-98). kafkajs has an encoder of its own, but it copies its
 * list of messages once a message and makes a dozen buffers for each: several times the cost of all
 * else that emitting an event takes.
 */

/** A record from its key on: key, value and headers with their lengths, as they are in a batch. */
export interface RecordTail {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Epoch milliseconds. */
  readonly queuedAt: number;
}

export interface BatchIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly sequence: number;
}

export type Header = readonly [name: string, value: Uint8Array];

/** Bytes that a tail takes; the headers' own bytes included. */
export function tailBytes(
  keyBytes: number,
  valueBytes: number,
  headers: readonly Header[],
): number {
  let bytes = varintBytes(headers.length);
  bytes += keyBytes < 0 ? 1 : varintBytes(keyBytes) + keyBytes;
  bytes += valueBytes < 0 ? 1 : varintBytes(valueBytes) + valueBytes;
  for (const [name, value] of headers) {
    const nameBytes = Buffer.byteLength(name);
    bytes += varintBytes(nameBytes) + nameBytes + varintBytes(value.length) + value.length;
  }
  return bytes;
}

/** Writes the headers' part of a tail and returns the place behind it. */
export function writeHeaders(into: Buffer, start: number, headers: readonly Header[]): number {
  let at = writeVarint(into, start, headers.length);
  for (const [name, value] of headers) {
    at = writeVarint(into, at, Buffer.byteLength(name));
    at += into.write(name, at);
    at = writeVarint(into, at, value.length);
    into.set(value, at);
    at += value.length;
  }
  return at;
}

/** The records of a batch, behind its header and before compression. */
export function encodeRecords(tails: readonly RecordTail[]): Buffer {
  const firstAt = tails[0]?.queuedAt ?? 0;
  let bytes = 0;
  // Attributes, and at most five bytes each for length, time and offset.
  for (const { start, end } of tails) bytes += end - start + 16;
  const into = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (let index = 0; index < tails.length; index += 1) {
    const { bytes: tail, start, end, queuedAt } = tails[index] as RecordTail;
    const delta = queuedAt - firstAt;
    const length = 1 + varintBytes(delta) + varintBytes(index) + end - start;
    at = writeVarint(into, at, length);
    into[at] = 0;
    at = writeVarint(into, at + 1, delta);
    at = writeVarint(into, at, index);
    tail.copy(into, at, start, end);
    at += end - start;
  }
  return into.subarray(0, at);
}

/** Puts header and checksum around the records. */
export function sealBatch(
  records: Buffer,
  options: BatchIdentity & {
    readonly count: number;
    readonly gzipped: boolean;
    readonly firstAt: number;
    readonly lastAt: number;
  },
): Buffer {
  const batch = Buffer.allocUnsafe(HEADER_BYTES + records.length);
  batch.writeBigInt64BE(0n, HEADER.baseOffset);
  batch.writeInt32BE(batch.length - LENGTH_END, HEADER.length);
  batch.writeInt32BE(-1, HEADER.leaderEpoch);
  batch.writeInt8(MAGIC, HEADER.magic);
  batch.writeInt16BE(options.gzipped ? CODEC.gzip : CODEC.none, HEADER.attributes);
  batch.writeInt32BE(options.count - 1, HEADER.lastOffsetDelta);
  batch.writeBigInt64BE(BigInt(options.firstAt), HEADER.baseTimestamp);
  batch.writeBigInt64BE(BigInt(options.lastAt), HEADER.maxTimestamp);
  batch.writeBigInt64BE(options.producerId, HEADER.producerId);
  batch.writeInt16BE(options.producerEpoch, HEADER.producerEpoch);
  batch.writeInt32BE(options.sequence, HEADER.baseSequence);
  batch.writeInt32BE(options.count, HEADER.recordCount);
  records.copy(batch, HEADER_BYTES);
  batch.writeInt32BE(crc32c(batch, HEADER.attributes, batch.length), HEADER.crc);
  return batch;
}
