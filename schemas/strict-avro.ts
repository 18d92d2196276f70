import avro from 'avsc';
import { readUtf8 } from './utf8.ts';

/**
 * avsc as it is would replace invalid UTF-8 by U+FFFD, refuse a long beyond 2^53 (which the
 * validators answer for, by field), lose a map's key `__proto__`, and count through an array or a
 * map whose length is a lie: a few bad bytes could hold a consumer for hours. The four types below
 * read those differently; all else, encoding included, is avsc's.
 */

/** The part of avsc's Tap (a cursor over a buffer) that reading needs; avsc's types leave it out. */
interface Tap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
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
  _read(tap: Tap): number {
    return tap.readLong();
  }
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
