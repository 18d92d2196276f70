import type { Data } from 'apache-arrow';
import { jsonbOfMap } from '../../connectors/postgres/jsonb.ts';
import { formatUuid } from '../../schemas/uuid.ts';
import { addHash, createHash128, murmur128 } from '../runtime/hash.ts';
import { CONTENT_COLUMNS } from './columns.ts';
import { HEX_AT, entriesOf, nibble, readBatches } from './parquet.ts';
import type { ArrowBatch } from './parquet.ts';
import { createSums } from './sums.ts';
import type { Sums } from './sums.ts';

/** What a file holds, told from its bytes alone. */
export interface FileContents {
  readonly sums: Sums;
  readonly firstId: string;
  readonly lastId: string;
  /** Bounds of occurred_at, in epoch milliseconds. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** 2000-01-01T00:00:00Z in epoch milliseconds, where Postgres starts to count. */
const PG_EPOCH_MS = 946_684_800_000;
const TWO_32 = 4_294_967_296;

/**
 * Decodes a file and writes each row's content once more as the processors write it: the ledger's
 * hash of a row is that of its binary COPY fields. Straight from Arrow's buffers, since every row
 * that is archived comes this way.
 */
export function inspectFile(file: Buffer): FileContents {
  const sums = createSums();
  const hash = createHash128();
  const out = new RowBytes();
  const first = Buffer.alloc(16, 0xff);
  const last = Buffer.alloc(16);
  let firstMs = Infinity;
  let lastMs = -Infinity;
  for (const batch of readBatches(file)) {
    const writers = CONTENT_COLUMNS.map(([name, kind]) => createWriter(kind, batch, name, out));
    const times = batch.column('occurred_at');
    const msAt = times === null ? () => NaN : longsOf(times);
    for (let i = 0; i < batch.rows; i++) {
      out.at = 0;
      for (const write of writers) write(i);
      murmur128(hash, out.bytes, 0, out.at);
      addHash(sums.content, hash);
      // The id is the first field, behind its length.
      murmur128(hash, out.bytes, 4, 20);
      addHash(sums.id, hash);
      if (compareAt4(out.bytes, first) < 0) out.bytes.copy(first, 0, 4, 20);
      if (compareAt4(out.bytes, last) > 0) out.bytes.copy(last, 0, 4, 20);
      const ms = msAt(i);
      if (ms < firstMs) firstMs = ms;
      if (ms > lastMs) lastMs = ms;
    }
    sums.rows += batch.rows;
  }
  return { sums, firstId: formatUuid(first), lastId: formatUuid(last), firstMs, lastMs };
}

function compareAt4(bytes: Uint8Array, id: Uint8Array): number {
  for (let i = 0; i < 16; i++) {
    const d = (bytes[i + 4] as number) - (id[i] as number);
    if (d !== 0) return d;
  }
  return 0;
}

/** The bytes of one row: fields with their lengths. */
class RowBytes {
  bytes = Buffer.allocUnsafe(1 << 14);
  at = 0;

  room(needed: number): void {
    if (this.at + needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + needed));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  int32(value: number): void {
    const { bytes, at } = this;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.at = at + 4;
  }

  int64(value: number): void {
    const high = Math.floor(value / TWO_32);
    this.int32(high | 0);
    this.int32((value - high * TWO_32) | 0);
  }

  copy(from: Uint8Array, start: number, length: number): void {
    const { bytes, at } = this;
    for (let i = 0; i < length; i++) bytes[at + i] = from[start + i] as number;
    this.at = at + length;
  }
}

type Write = (row: number) => void;

/** Writes the column's field of a row: its length and its binary form, or the length -1. */
function createWriter(kind: string, batch: ArrowBatch, name: string, out: RowBytes): Write {
  const data = batch.column(name);
  const absent = (): void => {
    out.room(4);
    out.int32(-1);
  };
  if (data === null) return absent;
  const write = writers[kind as keyof typeof writers](data, out);
  if (data.nullCount === 0) return write;
  const { nullBitmap, offset } = data;
  return (row) => {
    const at = offset + row;
    if ((((nullBitmap[at >> 3] as number) >> (at & 7)) & 1) === 1) write(row);
    else absent();
  };
}

const writers = {
  uuid(data: Data, out: RowBytes): Write {
    const offsets = data.valueOffsets as Int32Array;
    const text = data.values as Uint8Array;
    return (row) => {
      out.room(20);
      out.int32(16);
      const from = offsets[row] as number;
      const { bytes, at } = out;
      for (let k = 0; k < 16; k++) {
        const char = from + (HEX_AT[k] as number);
        bytes[at + k] = (nibble(text[char] as number) << 4) | nibble(text[char + 1] as number);
      }
      out.at = at + 16;
    };
  },
  text(data: Data, out: RowBytes): Write {
    const offsets = data.valueOffsets as Int32Array;
    const text = data.values as Uint8Array;
    return (row) => {
      const from = offsets[row] as number;
      const length = (offsets[row + 1] as number) - from;
      out.room(4 + length);
      out.int32(length);
      out.copy(text, from, length);
    };
  },
  time(data: Data, out: RowBytes): Write {
    const msAt = longsOf(data);
    return (row) => {
      out.room(12);
      out.int32(8);
      out.int64((msAt(row) - PG_EPOCH_MS) * 1000);
    };
  },
  int64(data: Data, out: RowBytes): Write {
    const longAt = longsOf(data);
    return (row) => {
      out.room(12);
      out.int32(8);
      out.int64(longAt(row));
    };
  },
  int32(data: Data, out: RowBytes): Write {
    const values = data.values as Int32Array;
    return (row) => {
      out.room(8);
      out.int32(4);
      out.int32(values[row] as number);
    };
  },
  float64(data: Data, out: RowBytes): Write {
    const values = data.values as Float64Array;
    return (row) => {
      out.room(12);
      out.int32(8);
      out.bytes.writeDoubleBE(values[row] as number, out.at);
      out.at += 8;
    };
  },
  map(data: Data, out: RowBytes): Write {
    const offsets = data.valueOffsets as Int32Array;
    return (row) => {
      const from = offsets[row] as number;
      const to = offsets[row + 1] as number;
      const json = from === to ? '{}' : jsonbOfMap(entriesOf(data, from, to));
      out.room(5 + json.length * 3);
      const lengthAt = out.at;
      out.at += 4;
      out.bytes[out.at++] = 1;
      out.at += out.bytes.write(json, out.at, 'utf8');
      const end = out.at;
      out.at = lengthAt;
      out.int32(end - lengthAt - 4);
      out.at = end;
    };
  },
};

/** Reads 64-bit integers as numbers; exact below 2^53, as everywhere here. */
function longsOf(data: Data): (row: number) => number {
  const { buffer, byteOffset, length } = data.values as BigInt64Array;
  const halves = new Int32Array(buffer, byteOffset, length * 2);
  return (row) => (halves[2 * row + 1] as number) * TWO_32 + ((halves[2 * row] as number) >>> 0);
}
