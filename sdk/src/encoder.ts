import type avro from 'avsc';
import { MarqueeError } from '../../common/error.ts';
import { murmur2 } from '../../common/partitioner.ts';
import { WIRE_HEADER_BYTES, writeWireHeader } from '../../schemas/wire.ts';
import { steadyNow } from '../../common/steady-clock.ts';
import type { BufferedRecord } from './buffered-record.ts';
import { tailBytes, writeHeaders } from '../../common/kafka/record-batch-encoder.ts';
import type { Header } from '../../common/kafka/record-batch-encoder.ts';
import { varintBytes, writeVarint } from '../../common/kafka/varint.ts';
import type { DeliveryReport } from './delivery.ts';

/** Encodes records into slabs of memory that neighbours share. */
export interface Encoder {
  /** An Avro value with wire header. Throws MARQUEE_ENCODE_FAILED when it does not fit the type. */
  value(target: EncodeTarget, key: string, value: unknown, report: DeliveryReport): BufferedRecord;
  /** Bytes as they are. */
  bytes(
    topic: string,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly Header[],
    report: DeliveryReport,
  ): BufferedRecord;
}

export interface EncodeTarget {
  readonly topic: string;
  readonly type: avro.Type;
  /** Null while it is not known. */
  readonly schemaId: number | null;
}

const SLAB_BYTES = 64 * 1024;
/** Room for the value's length, which is known only once the value stands behind it. */
const LENGTH_ROOM = 5;

export function createEncoder(): Encoder {
  let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  let used = 0;

  function reserve(bytes: number): void {
    if (used + bytes <= slab.length) return;
    slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes));
    used = 0;
  }

  /** Writes the value at `at`; takes a new slab, as large as it must be, when it does not fit. */
  function writeValue(target: EncodeTarget, value: unknown, headBytes: number): number {
    try {
      const end = target.type.encode(value, slab, used + headBytes + WIRE_HEADER_BYTES);
      if (end >= 0 && end < slab.length) return end;
      reserve(Math.max(SLAB_BYTES, headBytes + WIRE_HEADER_BYTES + slab.length - used - end) + 1);
      return target.type.encode(value, slab, used + headBytes + WIRE_HEADER_BYTES);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new MarqueeError('MARQUEE_ENCODE_FAILED', `${target.topic}: ${why}`, { cause });
    }
  }

  return {
    value(target, key, value, report) {
      const keyBytes = Buffer.byteLength(key);
      const keyHead = varintBytes(keyBytes);
      const headBytes = LENGTH_ROOM + keyHead + keyBytes + LENGTH_ROOM;
      reserve(headBytes + WIRE_HEADER_BYTES);
      const end = writeValue(target, value, headBytes);
      // Backwards from the value, so that nothing has to be moved.
      const valueAt = used + headBytes;
      const valueBytes = end - valueAt;
      const keyAt = valueAt - varintBytes(valueBytes) - keyBytes;
      const start = keyAt - keyHead;
      writeVarint(slab, start, keyBytes);
      slab.write(key, keyAt);
      writeVarint(slab, keyAt + keyBytes, valueBytes);
      writeWireHeader(slab, valueAt, target.schemaId ?? -1);
      slab[end] = 0;
      used = end + 1;
      return {
        topic: target.topic,
        hash: murmur2(slab.subarray(keyAt, keyAt + keyBytes)),
        bytes: slab,
        start,
        end: end + 1,
        patchAt: target.schemaId === null ? valueAt + 1 : -1,
        queuedAt: steadyNow(),
        report,
      };
    },
    bytes(topic, key, value, headers, report) {
      reserve(tailBytes(key?.length ?? -1, value?.length ?? -1, headers));
      const start = used;
      for (const part of [key, value]) {
        used = writeVarint(slab, used, part?.length ?? -1);
        if (part !== null) {
          slab.set(part, used);
          used += part.length;
        }
      }
      used = writeHeaders(slab, used, headers);
      // Without a key any partition will do.
      const hash = key === null ? Math.floor(Math.random() * 2 ** 31) : murmur2(key);
      const queuedAt = steadyNow();
      return { topic, hash, bytes: slab, start, end: used, patchAt: -1, queuedAt, report };
    },
  };
}
