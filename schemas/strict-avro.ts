import avro from 'avsc';
import { readUtf8 } from '../common/utf8.ts';

/**
 * avsc as it is would replace invalid UTF-8 by U+FFFD, read longs beyond 2^52 a little wrong
 * (zigzag doubles them) and refuse those beyond 2^53 (which the validators answer for, by field),
 * lose a map's key `__proto__`, and count through an array or a map whose length is a lie: a few
 * bad bytes could hold a consumer for hours. The four types below do better; all else is avsc's.
 */

/**
 * The part of avsc's Tap (a cursor over a buffer) that reading needs; avsc's types leave it out.
 */
interface Tap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
  writeLong(value: number): void;
}

interface Readable {
  _read(tap: Tap): unknown;
  _skip(tap: Tap): void;
}

type TypeConstructor = new (schema?: unknown, options?: unknown) => avro.Type;
const bases = avro.types as unknown as Readonly<Record<string, TypeConstructor>>;
const StringBase = bases['StringType'] as TypeConstructor;
const LongBase = bases['LongType'] as TypeConstructor;
const MapBase = bases['MapType'] as TypeConstructor;
const ArrayBase = bases['ArrayType'] as TypeConstructor;

function readText(tap: Tap): string {
  const length = tap.readLong();
  const start = tap.pos;
  const end = start + length;
  if (length < 0 || end > tap.buf.length) throw new RangeError('truncated: a string ends beyond');
  tap.pos = end;
  return readUtf8(tap.buf, start, end);
}

/** The number of items in the next block; 0 ends the list. Each item takes a byte at least. */
function readBlock(tap: Tap): number {
  let count = tap.readLong();
  if (count < 0) {
    count = -count;
    tap.readLong();
  }
  if (count > tap.buf.length - tap.pos) throw new RangeError('truncated: a list ends beyond');
  return count;
}

class StrictString extends StringBase {
  _read(tap: Tap): string {
    return readText(tap);
  }
}

class StrictLong extends LongBase {
  _check(value: unknown, _flags: unknown, hook?: (value: unknown, type: unknown) => void): boolean {
    const fits = Number.isSafeInteger(value);
    if (!fits) hook?.(value, this);
    return fits;
  }

  _read(tap: Tap): number {
    return readSafeLong(tap);
  }

  _write(tap: Tap, value: unknown): void {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
      throw new TypeError(`invalid "long": ${JSON.stringify(value)}`);
    }
    if (value >= -0x4000_0000 && value < 0x4000_0000) tap.writeLong(value);
    else writeWideLong(tap, value);
  }
}

/** Zigzag doubles a number, so it is taken apart first: 28 bits, sign included, and the rest. */
function writeWideLong(tap: Tap, value: number): void {
  const sign = value < 0 ? 1 : 0;
  const magnitude = value < 0 ? -(value + 1) : value;
  let low = (magnitude % 2 ** 27) * 2 + sign;
  let high = Math.floor(magnitude / 2 ** 27);
  for (let group = 0; group < 4; group += 1) {
    // Beyond the end nothing is kept, and the encoder tries again with more room.
    tap.buf[tap.pos] = (low & 0x7f) | (group < 3 || high > 0 ? 0x80 : 0);
    tap.pos += 1;
    low >>>= 7;
  }
  while (high > 0) {
    const next = Math.floor(high / 128);
    tap.buf[tap.pos] = (high % 128) | (next > 0 ? 0x80 : 0);
    tap.pos += 1;
    high = next;
  }
}

function readSafeLong(tap: Tap): number {
  let low = 0;
  let high = 0;
  let factor = 1;
  for (let shift = 0; ; shift += 7) {
    const byte = tap.buf[tap.pos] as number;
    tap.pos += 1;
    if (shift < 28) low |= (byte & 0x7f) << shift;
    else {
      high += (byte & 0x7f) * factor;
      factor *= 128;
    }
    if (!(byte >= 0x80)) break;
  }
  const magnitude = high * 2 ** 27 + (low >>> 1);
  return (low & 1) === 0 ? magnitude : -magnitude - 1;
}

class StrictMap extends MapBase implements Readable {
  declare readonly valuesType: Readable;

  _read(tap: Tap): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (let count = readBlock(tap); count > 0; count = readBlock(tap)) {
      for (; count > 0; count -= 1) setEntry(map, readText(tap), this.valuesType._read(tap));
    }
    return map;
  }

  _skip(tap: Tap): void {
    for (let count = readBlock(tap); count > 0; count = readBlock(tap)) {
      for (; count > 0; count -= 1) {
        readText(tap);
        this.valuesType._skip(tap);
      }
    }
  }
}

class StrictArray extends ArrayBase implements Readable {
  declare readonly itemsType: Readable;

  _read(tap: Tap): unknown[] {
    const items: unknown[] = [];
    for (let count = readBlock(tap); count > 0; count = readBlock(tap)) {
      for (; count > 0; count -= 1) items.push(this.itemsType._read(tap));
    }
    return items;
  }

  _skip(tap: Tap): void {
    for (let count = readBlock(tap); count > 0; count = readBlock(tap)) {
      for (; count > 0; count -= 1) this.itemsType._skip(tap);
    }
  }
}

/** Sets an own property, also for the one name that plain assignment would not. */
export function setEntry<V>(map: Record<string, V>, key: string, value: V): void {
  if (key === '__proto__') {
    const own = { value, enumerable: true, writable: true, configurable: true };
    Object.defineProperty(map, key, own);
  } else {
    map[key] = value;
  }
}

/** For avsc's `typeHook`. */
export function avroTypeHook(schema: unknown, options: unknown): avro.Type | undefined {
  const type =
    typeof schema === 'object' && schema !== null && 'type' in schema ? schema.type : schema;
  switch (type) {
    case 'string':
      return new StrictString();
    case 'long':
      return new StrictLong();
    case 'map':
      return new StrictMap(schema, options);
    case 'array':
      return new StrictArray(schema, options);
    default:
      return undefined;
  }
}

/** Parses a schema's JSON text into an avsc type that reads strictly. Throws what avsc throws. */
export function parseAvro(text: string): avro.Type {
  return avro.Type.forSchema(JSON.parse(text) as avro.Schema, { typeHook: avroTypeHook });
}
