/**
 * Reads Kafka's wire types (https://kafka.apache.org/protocol). "Compact" types are those of the
 * flexible versions: lengths are unsigned varints holding length + 1.
 *
 * 64-bit integers are read as numbers: offsets, producer ids and milliseconds stay below 2^53.
 */
export class ByteReader {
  readonly buf: Buffer;
  pos: number;

  constructor(buf: Buffer, pos = 0) {
    this.buf = buf;
    this.pos = pos;
  }

  int8(): number {
    return this.buf.readInt8(this.pos++);
  }

  int16(): number {
    const value = this.buf.readInt16BE(this.pos);
    this.pos += 2;
    return value;
  }

  int32(): number {
    const value = this.buf.readInt32BE(this.pos);
    this.pos += 4;
    return value;
  }

  int64(): number {
    const value = readInt64(this.buf, this.pos);
    this.pos += 8;
    return value;
  }

  uvarint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  /** Zigzag varint of up to 32 bits: lengths and offset deltas inside a record batch. */
  varint(): number {
    let byte = this.byte();
    let raw = byte & 0x7f;
    let shift = 7;
    while (byte >= 0x80) {
      byte = this.byte();
      raw |= (byte & 0x7f) << shift;
      shift += 7;
    }
    return (raw >>> 1) ^ -(raw & 1);
  }

  /** Zigzag varint of up to 53 bits: timestamp deltas. */
  varlong(): number {
    const raw = this.uvarint();
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  bytes(length: number): Buffer {
    const end = this.pos + length;
    if (length < 0 || end > this.buf.length) throw new RangeError('Kafka bytes end early');
    const value = this.buf.subarray(this.pos, end);
    this.pos = end;
    return value;
  }

  string(): string {
    return this.bytes(this.int16()).toString('utf8');
  }

  compactNullableString(): string | null {
    const length = this.uvarint() - 1;
    return length < 0 ? null : this.bytes(length).toString('utf8');
  }

  compactNullableBytes(): Buffer | null {
    const length = this.uvarint() - 1;
    return length < 0 ? null : this.bytes(length);
  }

  array<T>(item: (reader: this) => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, () => item(this));
  }

  compactArray<T>(item: (reader: this) => T): T[] {
    return Array.from({ length: Math.max(0, this.uvarint() - 1) }, () => item(this));
  }

  skipTags(): void {
    for (let left = this.uvarint(); left > 0; left -= 1) {
      this.uvarint();
      this.pos += this.uvarint();
    }
  }

  private byte(): number {
    const value = this.buf[this.pos++];
    if (value === undefined) throw new RangeError('Kafka bytes end early');
    return value;
  }
}

export function readInt64(buf: Buffer, pos: number): number {
  return buf.readInt32BE(pos) * 0x1_0000_0000 + buf.readUInt32BE(pos + 4);
}

/** Appends wire types; `finish` gives the bytes. For requests, so clarity goes before speed. */
export class ByteWriter {
  private readonly parts: Buffer[] = [];

  int8(value: number): this {
    return this.raw(Buffer.of(value & 0xff));
  }

  int16(value: number): this {
    const buf = Buffer.alloc(2);
    buf.writeInt16BE(value);
    return this.raw(buf);
  }

  int32(value: number): this {
    const buf = Buffer.alloc(4);
    buf.writeInt32BE(value);
    return this.raw(buf);
  }

  int64(value: number): this {
    const buf = Buffer.alloc(8);
    buf.writeBigInt64BE(BigInt(value));
    return this.raw(buf);
  }

  uvarint(value: number): this {
    const bytes: number[] = [];
    let rest = value;
    while (rest >= 0x80) {
      bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    bytes.push(rest);
    return this.raw(Buffer.from(bytes));
  }

  string(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    return this.int16(bytes.length).raw(bytes);
  }

  compactString(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    return this.uvarint(bytes.length + 1).raw(bytes);
  }

  array<T>(items: readonly T[], write: (writer: this, item: T) => unknown): this {
    this.int32(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  compactArray<T>(items: readonly T[], write: (writer: this, item: T) => unknown): this {
    this.uvarint(items.length + 1);
    for (const item of items) write(this, item);
    return this;
  }

  noTags(): this {
    return this.uvarint(0);
  }

  raw(bytes: Buffer): this {
    this.parts.push(bytes);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.parts);
  }
}
