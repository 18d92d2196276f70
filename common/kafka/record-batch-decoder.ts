import { ByteReader, readInt64 } from './bytes.ts';
import { ATTRIBUTES, HEADER, HEADER_BYTES, LENGTH_END, MAGIC } from './record-batch-header.ts';
import type { KafkaRecord } from './record.ts';

/**
 * A record batch of Kafka's, its records still encoded. Keys and values decoded from it are views
 * into its bytes, not copies.
 */
export interface RecordBatch {
  readonly baseOffset: number;
  /** The last offset that the batch covers, also when compaction took that record away. */
  readonly lastOffset: number;
  readonly codec: number;
  readonly logAppendTime: boolean;
  readonly transactional: boolean;
  readonly control: boolean;
  readonly producerId: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly count: number;
  /** The records, still compressed by `codec`. */
  readonly body: Buffer;
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

const NO_HEADERS: Readonly<Record<string, Buffer>> = Object.freeze({});

/** The complete batches at the head of `bytes`; a fetch may cut its last batch short. */
export function scanBatches(bytes: Buffer): RecordBatch[] {
  const batches: RecordBatch[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const end = at + LENGTH_END + bytes.readInt32BE(at + HEADER.length);
    if (end > bytes.length) break;
    const magic = bytes.readInt8(at + HEADER.magic);
    if (magic !== MAGIC) throw new RangeError(`record batch of format ${magic}, not ${MAGIC}`);
    const attributes = bytes.readInt16BE(at + HEADER.attributes);
    const baseOffset = readInt64(bytes, at + HEADER.baseOffset);
    batches.push({
      baseOffset,
      lastOffset: baseOffset + bytes.readInt32BE(at + HEADER.lastOffsetDelta),
      codec: attributes & ATTRIBUTES.codec,
      logAppendTime: (attributes & ATTRIBUTES.logAppendTime) !== 0,
      transactional: (attributes & ATTRIBUTES.transactional) !== 0,
      control: (attributes & ATTRIBUTES.control) !== 0,
      baseTimestamp: readInt64(bytes, at + HEADER.baseTimestamp),
      maxTimestamp: readInt64(bytes, at + HEADER.maxTimestamp),
      producerId: readInt64(bytes, at + HEADER.producerId),
      count: bytes.readInt32BE(at + HEADER.recordCount),
      body: bytes.subarray(at + HEADER_BYTES, end),
    });
    at = end;
  }
  return batches;
}

/**
 * Takes out control batches and the batches of aborted transactions: read_committed,
 * as the Java client does it (CompletedFetch.nextFetchedRecord). `aborted` is the broker's list for
 * this fetch: it starts at the transaction's first offset, an abort marker ends it.
 */
export function visibleBatches(
  batches: readonly RecordBatch[],
  aborted: readonly AbortedTransaction[],
): RecordBatch[] {
  const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const open = new Set<number>();
  let started = 0;
  return batches.filter((batch) => {
    for (let next = waiting[started]; next !== undefined; next = waiting[started]) {
      if (next.firstOffset > batch.lastOffset) break;
      open.add(next.producerId);
      started += 1;
    }
    if (batch.control) {
      if (isAbortMarker(batch)) open.delete(batch.producerId);
      return false;
    }
    return !(batch.transactional && open.has(batch.producerId));
  });
}

/** A control record's key is int16 version, int16 type; type 0 is an abort. */
function isAbortMarker(batch: RecordBatch): boolean {
  if (batch.count < 1) return false;
  const reader = new ByteReader(batch.body);
  reader.varint();
  reader.int8();
  reader.varlong();
  reader.varint();
  const keyLength = reader.varint();
  return keyLength >= 4 && reader.bytes(keyLength).readInt16BE(2) === 0;
}

/** A record in the bytes of its batch: key and value are views made when asked for. */
class EncodedRecord implements KafkaRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly headers: Readonly<Record<string, Buffer>>;
  readonly #bytes: Buffer;
  readonly #keyAt: number;
  readonly #keyLength: number;
  readonly #valueAt: number;
  readonly #valueLength: number;
  #value: Buffer | null = null;

  constructor(
    offset: number,
    timestamp: number,
    headers: Readonly<Record<string, Buffer>>,
    bytes: Buffer,
    key: Span,
    value: Span,
  ) {
    this.offset = offset;
    this.timestamp = timestamp;
    this.headers = headers;
    this.#bytes = bytes;
    this.#keyAt = key.at;
    this.#keyLength = key.length;
    this.#valueAt = value.at;
    this.#valueLength = value.length;
  }

  get key(): Buffer | null {
    return this.#view(this.#keyAt, this.#keyLength);
  }
  get value(): Buffer | null {
    return (this.#value ??= this.#view(this.#valueAt, this.#valueLength));
  }

  #view(at: number, length: number): Buffer | null {
    return length < 0 ? null : this.#bytes.subarray(at, at + length);
  }
}

/** Length -1 is null. */
interface Span {
  at: number;
  length: number;
}

function skipBytes(reader: ByteReader, into: Span): void {
  into.length = reader.varint();
  into.at = reader.pos;
  reader.pos += Math.max(0, into.length);
}

/** Appends to `out` the batch's records at or above `from`. `body` is decompressed. */
export function decodeRecords(
  batch: RecordBatch,
  body: Buffer,
  from: number,
  out: KafkaRecord[],
): void {
  const reader = new ByteReader(body);
  const key: Span = { at: 0, length: -1 };
  const value: Span = { at: 0, length: -1 };
  for (let i = 0; i < batch.count; i += 1) {
    const length = reader.varint();
    const end = reader.pos + length;
    if (length < 0 || end > body.length) throw new RangeError('Kafka record ends early');
    reader.pos += 1;
    const timestampDelta = reader.varlong();
    const offset = batch.baseOffset + reader.varint();
    if (offset >= from) {
      skipBytes(reader, key);
      skipBytes(reader, value);
      if (reader.pos > end) throw new RangeError('Kafka record ends early');
      const headers = decodeHeaders(reader);
      const timestamp = batch.logAppendTime
        ? batch.maxTimestamp
        : batch.baseTimestamp + timestampDelta;
      out.push(new EncodedRecord(offset, timestamp, headers, body, key, value));
    }
    reader.pos = end;
  }
}

function nullableBytes(reader: ByteReader): Buffer | null {
  const length = reader.varint();
  return length < 0 ? null : reader.bytes(length);
}

function decodeHeaders(reader: ByteReader): Readonly<Record<string, Buffer>> {
  const count = reader.varint();
  if (count === 0) return NO_HEADERS;
  const headers: Record<string, Buffer> = {};
  for (let i = 0; i < count; i += 1) {
    const name = reader.bytes(reader.varint()).toString('utf8');
    const value = nullableBytes(reader) ?? Buffer.alloc(0);
    if (name === '__proto__') defineOwn(headers, name, value);
    else headers[name] = value;
  }
  return headers;
}

/** A header may be called `__proto__`; plain assignment would set the prototype instead. */
export function defineOwn(target: Record<string, Buffer>, name: string, value: Buffer): void {
  Object.defineProperty(target, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
