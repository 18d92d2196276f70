/** Maps of Arrow as jsonb prints them. */
import type { Data } from 'apache-arrow';

function textLength({ valueOffsets }: Data, row: number): number {
  const offsets = valueOffsets as Int32Array;
  return (offsets[row + 1] as number) - (offsets[row] as number);
}

export function entryRange({ valueOffsets }: Data, row: number): [start: number, end: number] {
  const offsets = valueOffsets as Int32Array;
  return [offsets[row] as number, offsets[row + 1] as number];
}

export function entryTexts(data: Data): { keys: Data; values: Data } {
  const [keys, values] = data.children[0]?.children ?? [];
  if (keys === undefined || values === undefined) throw new Error('a map without entries');
  return { keys, values };
}

/**
 * Length of the map as JSON, where that has its texts as they are and its keys in order; else 0.
 */
export function plainMapLength(data: Data, row: number): number {
  const [start, end] = entryRange(data, row);
  if (start === end) return 2;
  const { keys, values } = entryTexts(data);
  let length = 2 + 2 * (end - start - 1);
  for (let entry = start; entry < end; entry++) {
    if (!isPlain(keys, entry) || !isPlain(values, entry)) return 0;
    if (entry > start && !isKeyAfter(keys, entry)) return 0;
    length += textLength(keys, entry) + textLength(values, entry) + 6;
  }
  return length;
}

function isPlain({ valueOffsets, values }: Data, entry: number): boolean {
  const offsets = valueOffsets as Int32Array;
  const bytes = values as Uint8Array;
  const end = offsets[entry + 1] as number;
  for (let at = offsets[entry] as number; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte < 0x20 || byte === 0x22 || byte === 0x5c) return false;
  }
  return true;
}

/**
 * True when a key comes after the one before it in the order of jsonb: by length, then bytewise.
 */
function isKeyAfter(keys: Data, entry: number): boolean {
  const d = textLength(keys, entry) - textLength(keys, entry - 1);
  if (d !== 0) return d > 0;
  const offsets = keys.valueOffsets as Int32Array;
  const bytes = keys.values as Uint8Array;
  const [a, b] = [offsets[entry - 1] as number, offsets[entry] as number];
  for (let i = 0; i < textLength(keys, entry); i++) {
    const diff = (bytes[b + i] as number) - (bytes[a + i] as number);
    if (diff !== 0) return diff > 0;
  }
  return false;
}
