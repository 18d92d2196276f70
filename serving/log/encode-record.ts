import { recommendationServeKey } from '../../schemas/recommendation-serve.ts';
import { SERVE_PART_TYPE, SERVE_VERSION } from '../../schemas/serve-parts.ts';
import type { ServePart } from '../../schemas/serve-parts.ts';
import { WIRE_HEADER_BYTES, writeWireHeader } from '../../schemas/wire.ts';
import type { RecentRecords } from './recent-records.ts';
import { FRAME_BYTES_MAX, FRAME_HEAD_BYTES, sealFrame } from './frames.ts';

export const SERVES_TOPIC = 'recommendation-serves.v1';
/** What a value has where its schema's id in the registry belongs, until it is sent. */
const NO_SCHEMA_ID = 0;
/** Of UTF-8 for a character of JavaScript's strings, at most. */
const UTF8_MAX = 3;

/** Frames that wait for one write. */
export interface FrameBuffer {
  readonly bytes: Buffer;
  readonly used: number;
  readonly records: number;
  /** `list` is what encodeServedList made. Throws where a field's type is not the schema's, or the record is larger than a frame may be. */
  add(record: ServePart, list: Buffer): void;
  clear(): void;
}

const FIRST_BYTES = 64 * 1024;

/** A buffer that grows to what one tick brings, and goes back when it was much. */
export function createFrameBuffer(recent: RecentRecords): FrameBuffer {
  let bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  let used = 0;
  let records = 0;

  /** The key of the record at hand stands behind what is used, so all is copied. */
  function growTo(length: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * bytes.length, length));
    bytes.copy(grown);
    bytes = grown;
  }

  return {
    get bytes() {
      return bytes;
    },
    get used() {
      return used;
    },
    get records() {
      return records;
    },
    add(record, list) {
      const key = recommendationServeKey(record);
      const room = FRAME_HEAD_BYTES + key.length * UTF8_MAX + WIRE_HEADER_BYTES + list.length;
      if (used + room > bytes.length) growTo(used + room);
      const keyAt = used + FRAME_HEAD_BYTES;
      const keyLength = bytes.write(key, keyAt);
      const valueAt = keyAt + keyLength + WIRE_HEADER_BYTES;
      let end = SERVE_PART_TYPE.encode(record, bytes, valueAt);
      if (end < 0 || end + list.length > bytes.length) {
        growTo(bytes.length + Math.abs(end) + list.length);
        end = SERVE_PART_TYPE.encode(record, bytes, valueAt);
      }
      end += list.copy(bytes, end);
      if (end - used > FRAME_BYTES_MAX)
        throw new RangeError(`the record has ${end - used} bytes; at most ${FRAME_BYTES_MAX}`);
      writeWireHeader(bytes, keyAt + keyLength, NO_SCHEMA_ID);
      sealFrame(bytes, used, SERVE_VERSION, keyLength, end);
      recent.add(record.request_id, bytes, valueAt, end);
      used = end;
      records += 1;
    },
    clear() {
      if (bytes.length > 16 * FIRST_BYTES) bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
      used = 0;
      records = 0;
    },
  };
}
