import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createItemModel } from '../ranking/item-model.ts';
import type { LoadedModel } from './load-model.ts';
import type { ModelSettings } from './model-settings.ts';

const FORMAT = 'marquee-model-1';
const SHA256_BYTES = 32;

type Numbers = Float64Array | Float32Array | Uint32Array;
const KINDS = { Float64Array, Float32Array, Uint32Array };

interface Header {
  readonly format: string;
  readonly version: string;
  readonly generation: number;
  readonly dimensions: number;
  readonly settings: ModelSettings;
  readonly arrays: readonly { readonly kind: keyof typeof KINDS; readonly length: number }[];
}

/**
 * Writes a model into one file: length of the header, header, arrays each at a multiple of 8 bytes, and the
 * SHA-256 of all that. The file is whole or as it was before.
 */
export async function writeModelFile(path: string, model: LoadedModel): Promise<void> {
  const { items, settings, generation } = model;
  const arrays: Numbers[] = [
    items.movieIds,
    items.popularity,
    items.neighbours.starts,
    items.neighbours.places,
    items.neighbours.weights,
    items.next.starts,
    items.next.places,
    items.next.weights,
    items.vectors?.values ?? new Float32Array(0),
  ];
  const header: Header = {
    format: FORMAT,
    version: items.version,
    generation,
    dimensions: items.vectors?.dimensions ?? 0,
    settings,
    arrays: arrays.map((array) => ({
      kind: array.constructor.name as keyof typeof KINDS,
      length: array.length,
    })),
  };
  const parts: Uint8Array[] = [lengthAndHeader(header)];
  for (const array of arrays) {
    parts.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    parts.push(new Uint8Array(padding(array.byteLength)));
  }
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, Buffer.concat([...parts, hash.digest()]), { mode: 0o600 });
  await rename(temporary, path);
}

function lengthAndHeader(header: Header): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, Buffer.alloc(padding(text.length))]);
}

function padding(bytes: number): number {
  return (8 - (bytes % 8)) % 8;
}

/** Null where there is no such file, or none that is whole and of this format. */
export async function readModelFile(path: string): Promise<LoadedModel | null> {
  let file: Buffer;
  try {
    file = await readFile(path);
  } catch {
    return null;
  }
  const body = file.subarray(0, -SHA256_BYTES);
  const hash = createHash('sha256').update(body).digest();
  if (file.length < SHA256_BYTES + 8 || !hash.equals(file.subarray(-SHA256_BYTES))) return null;
  const headerLength = body.readUInt32LE(0);
  const header = JSON.parse(body.toString('utf8', 8, 8 + headerLength)) as Header;
  if (header.format !== FORMAT) return null;
  let at = 8 + headerLength + padding(headerLength);
  const take = (index: number): Numbers => {
    const { kind, length } = header.arrays[index] ?? { kind: 'Uint32Array', length: 0 };
    const bytes = length * KINDS[kind].BYTES_PER_ELEMENT;
    // Copied: a view needs an offset that is a multiple of its size in the buffer behind.
    const own = new Uint8Array(body.subarray(at, at + bytes));
    at += bytes + padding(bytes);
    return new KINDS[kind](own.buffer);
  };
  const movieIds = take(0) as Float64Array;
  const popularity = take(1) as Float32Array;
  const rows = (first: number) => ({
    starts: take(first) as Uint32Array,
    places: take(first + 1) as Uint32Array,
    weights: take(first + 2) as Float32Array,
  });
  const { version, generation, dimensions, settings } = header;
  const neighbours = rows(2);
  const next = rows(5);
  const values = take(8) as Float32Array;
  const vectors = dimensions === 0 ? null : { dimensions, values };
  const blend = settings.blend;
  const items = createItemModel({
    version,
    movieIds,
    popularity,
    neighbours,
    next,
    vectors,
    blend,
  });
  return { items, settings, generation };
}
