/**
 * Packs rows for `COPY ... FROM STDIN (FORMAT binary)`.
 *
 * Layout (PostgreSQL docs, "COPY: Binary Format"): per row an int16 field count, per field an int32
 * byte length (-1 for NULL) and the bytes of the type's binary form. The signature and trailer are
 * added by `take`. Methods are called in the order of the columns; nothing checks it but Postgres.
 */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const TRAILER_BYTES = 2;
/** 2000-01-01T00:00:00Z in epoch milliseconds, where Postgres starts to count. */
const PG_EPOCH_MS = 946_684_800_000;
const TWO_32 = 4_294_967_296;
/** Below this length a loop over char codes beats the call into C++. */
const SHORT_TEXT = 24;

export class CopyWriter {
  #bytes: Buffer;
  #at = SIGNATURE.length;
  #rows = 0;

  constructor(initialBytes = 1 << 16) {
    this.#bytes = Buffer.allocUnsafe(Math.max(initialBytes, 64));
    SIGNATURE.copy(this.#bytes);
  }

  /** Rows begun since the last `reset`. */
  get rows(): number {
    return this.#rows;
  }

  /** The position after the last byte written; with `bytes`, the range of what was written. */
  get position(): number {
    return this.#at;
  }

  /** The backing buffer; valid until the next write. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  reset(): void {
    this.#at = SIGNATURE.length;
    this.#rows = 0;
  }

  /** Forgets what was written after `position`, rows included when `rows` is given. */
  truncate(position: number, rows: number): void {
    this.#at = position;
    this.#rows = rows;
  }

  row(fields: number): void {
    this.#room(2);
    this.#bytes[this.#at++] = fields >>> 8;
    this.#bytes[this.#at++] = fields;
    this.#rows++;
  }

  null(): void {
    this.#room(4);
    this.#int32(-1);
  }

  /** Raw binary form: bytea, or 16 bytes for uuid. */
  raw(value: Uint8Array | null): void {
    if (value === null) return this.null();
    this.#room(4 + value.length);
    this.#int32(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** A field's bytes out of a larger buffer: text as UTF-8, or a uuid. Length -1 is NULL. */
  slice(from: Uint8Array, start: number, length: number): void {
    if (length < 0) return this.null();
    this.#room(4 + length);
    this.#int32(length);
    const bytes = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < length; i++) bytes[at + i] = from[start + i] as number;
    this.#at = at + length;
  }

  text(value: string | null): void {
    if (value === null) return this.null();
    this.#room(4 + value.length * 3);
    const lengthAt = this.#at;
    this.#at += 4;
    this.#utf8(value);
    this.#lengthSince(lengthAt);
  }

  /** `json` must be what jsonb prints, so that a row read back is byte for byte the row written. */
  jsonb(json: string | null): void {
    if (json === null) return this.null();
    this.#room(5 + json.length * 3);
    const lengthAt = this.#at;
    this.#at += 4;
    this.#bytes[this.#at++] = 1;
    this.#utf8(json);
    this.#lengthSince(lengthAt);
  }

  /** The same from bytes: from[0, length). */
  jsonbBytes(from: Uint8Array, length: number): void {
    this.#room(5 + length);
    this.#int32(length + 1);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = 1;
    for (let i = 0; i < length; i++) bytes[at++] = from[i] as number;
    this.#at = at;
  }

  bool(value: boolean | null): void {
    if (value === null) return this.null();
    this.#room(5);
    this.#int32(1);
    this.#bytes[this.#at++] = value ? 1 : 0;
  }

  int2(value: number | null): void {
    if (value === null) return this.null();
    this.#room(6);
    this.#int32(2);
    this.#bytes.writeInt16BE(value, this.#at);
    this.#at += 2;
  }

  int4(value: number | null): void {
    if (value === null) return this.null();
    this.#room(8);
    this.#int32(4);
    this.#int32(value);
  }

  /** A safe integer. */
  int8(value: number | null): void {
    if (value === null) return this.null();
    this.#room(12);
    this.#int32(8);
    this.#int64(value);
  }

  float8(value: number | null): void {
    if (value === null) return this.null();
    this.#room(12);
    this.#int32(8);
    this.#bytes.writeDoubleBE(value, this.#at);
    this.#at += 8;
  }

  timestamptz(epochMs: number | null): void {
    if (epochMs === null) return this.null();
    this.#room(12);
    this.#int32(8);
    this.#int64((epochMs - PG_EPOCH_MS) * 1000);
  }

  /** One-dimensional array without NULLs. `oid` is the elements': 20 int8, 25 text, 701 float8. */
  array<T>(oid: number, values: readonly T[], write: (value: T) => void): void {
    this.#room(28);
    const lengthAt = this.#at;
    this.#at += 4;
    this.#int32(values.length === 0 ? 0 : 1);
    this.#int32(0);
    this.#int32(oid);
    if (values.length > 0) {
      this.#int32(values.length);
      this.#int32(1);
      for (const value of values) write(value);
    }
    this.#lengthSince(lengthAt);
  }

  /** The whole COPY body, signature and trailer included. A view: valid until the next write. */
  take(): Buffer {
    this.#room(TRAILER_BYTES);
    this.#bytes.writeInt16BE(-1, this.#at);
    return this.#bytes.subarray(0, this.#at + TRAILER_BYTES);
  }

  #int32(value: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = value >>> 24;
    bytes[at++] = value >>> 16;
    bytes[at++] = value >>> 8;
    bytes[at++] = value;
    this.#at = at;
  }

  /** Fills in the length of a field that began at `lengthAt`. */
  #lengthSince(lengthAt: number): void {
    const end = this.#at;
    this.#at = lengthAt;
    this.#int32(end - lengthAt - 4);
    this.#at = end;
  }

  #int64(value: number): void {
    const high = Math.floor(value / TWO_32);
    this.#int32(high | 0);
    this.#int32((value - high * TWO_32) | 0);
  }

  #utf8(value: string): void {
    const bytes = this.#bytes;
    if (value.length <= SHORT_TEXT) {
      const start = this.#at;
      let at = start;
      for (let i = 0; i < value.length; i++) {
        const code = value.charCodeAt(i);
        if (code >= 0x80) {
          this.#at = start + bytes.write(value, start, 'utf8');
          return;
        }
        bytes[at++] = code;
      }
      this.#at = at;
      return;
    }
    this.#at += bytes.write(value, this.#at, 'utf8');
  }

  #room(needed: number): void {
    if (this.#at + needed + TRAILER_BYTES <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(
      Math.max(this.#bytes.length * 2, this.#at + needed + TRAILER_BYTES),
    );
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}
