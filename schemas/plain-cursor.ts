import { setEntry } from './strict-avro.ts';

/**
 * A plain record is one as it nearly always is: ASCII text without U+0000 within its bounds, known
 * words, few properties in jsonb's order that JSON needn't escape. The generated plain readers take
 * such records alone and leave their text in its bytes, so that a row can be copied from bytes to
 * bytes. Whatever else there may be in the bytes makes the cursor `odd`, and goes the general way
 * (cursor.ts and the validator), which alone says what is wrong with it.
 */
export class PlainCursor {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  /** Something was not plain; what was read since means nothing. */
  odd = false;
  /** Place of the first key's length, of the map that was read last. */
  entriesAt = 0;

  begin(bytes: Buffer, at: number): void {
    this.bytes = bytes;
    this.at = at;
    this.odd = false;
  }

  /** All was plain, and the record ends where its bytes do. */
  isWhole(): boolean {
    return !this.odd && this.at === this.bytes.length;
  }

  /** Avro long: zigzag, 7 bits a byte, lowest first. Above 2^53 it is odd. */
  long(): number {
    let scale = 1;
    let n = 0;
    for (let i = 0; i < 8; i++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) break;
      n += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (n > Number.MAX_SAFE_INTEGER) break;
        return n % 2 === 0 ? n / 2 : -(n + 1) / 2;
      }
      scale *= 128;
    }
    this.odd = true;
    return 0;
  }

  double(): number {
    for (let i = 0; i < 8; i++) double.setUint8(i, this.bytes[this.at + i] ?? 0);
    this.at += 8;
    return double.getFloat64(0, true);
  }

  /** The branch of a union of null and a type: true when there is a value. */
  present(): boolean {
    const branch = this.bytes[this.at++];
    if (branch === 2) return true;
    if (branch !== 0) this.odd = true;
    return false;
  }

  /** Passes over so many bytes and returns where they begin. */
  fixed(size: number): number {
    const start = this.at;
    this.at += size;
    return start;
  }

  /** Passes over plain text and returns its length: the text ends at the cursor. */
  text(lengthMin: number, lengthMax: number): number {
    const { bytes } = this;
    const length = this.long();
    const end = this.at + length;
    if (length < lengthMin || length > lengthMax || end > bytes.length) {
      this.odd = true;
      return 0;
    }
    for (let i = this.at; i < end; i++) {
      const byte = bytes[i] as number;
      if (byte === 0 || byte >= 0x80) this.odd = true;
    }
    this.at = end;
    return length;
  }

  word<W extends string>(words: PlainWords<W>): W {
    const { bytes } = this;
    const length = this.long();
    const start = this.at;
    this.at += length;
    const found = words.bySignature.get(signatureOf(bytes, start, length));
    if (found?.bytes.length !== length) {
      this.odd = true;
      return words.first;
    }
    for (let i = 2; i < length; i++) if (bytes[start + i] !== found.bytes[i]) this.odd = true;
    return found.word;
  }

  /**
   * Passes over a map of text in one block, or none, and returns how many entries it has. Its keys
   * stand in the order that jsonb gives them, so none comes twice.
   */
  entries(keyMax: number, valueMax: number): number {
    const count = this.long();
    this.entriesAt = this.at;
    if (count === 0) return 0;
    if (count < 0 || count > PLAIN_ENTRIES_MAX) {
      this.odd = true;
      return 0;
    }
    let lastAt = 0;
    let lastLength = -1;
    for (let i = 0; i < count && !this.odd; i++) {
      const length = this.#jsonText(keyMax);
      const at = this.at - length;
      if (
        length < lastLength ||
        (length === lastLength && !isAfter(this.bytes, at, lastAt, length))
      )
        this.odd = true;
      lastAt = at;
      lastLength = length;
      this.#jsonText(valueMax);
    }
    if (this.bytes[this.at++] !== 0) this.odd = true;
    return count;
  }

  /** Passes over text that stands in JSON as it is: printable ASCII without quote and backslash. */
  #jsonText(lengthMax: number): number {
    const { bytes, at: from } = this;
    const length = this.text(0, lengthMax);
    // `plainEntries` takes the shortest form of a length for granted.
    if (this.at - length - from !== (length < 64 ? 1 : 2)) this.odd = true;
    for (let i = this.at - length; i < this.at; i++) {
      const byte = bytes[i] as number;
      if (byte < 0x20 || byte === 0x22 || byte === 0x5c || byte === 0x7f) this.odd = true;
    }
    return length;
  }
}

/** More properties than these go the general way. */
export const PLAIN_ENTRIES_MAX = 8;

const double = new DataView(new ArrayBuffer(8));

/** Words by their length and first two letters, which must tell them apart. */
export interface PlainWords<W extends string> {
  readonly bySignature: ReadonlyMap<number, { readonly word: W; readonly bytes: Buffer }>;
  readonly first: W;
}

export function createPlainWords<const W extends string>(
  words: readonly [W, ...W[]],
): PlainWords<W> {
  const bySignature = new Map<number, { word: W; bytes: Buffer }>();
  for (const word of words) {
    const bytes = Buffer.from(word);
    bySignature.set(signatureOf(bytes, 0, bytes.length), { word, bytes });
  }
  if (bySignature.size < words.length)
    throw new Error(`alike but for later letters: ${words.join(' ')}`);
  return { bySignature, first: words[0] };
}

function signatureOf(bytes: Buffer, at: number, length: number): number {
  return (length << 16) | ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function isAfter(bytes: Buffer, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) {
    const d = (bytes[a + i] as number) - (bytes[b + i] as number);
    if (d !== 0) return d > 0;
  }
  return false;
}

/** Plain text; length -1 is null. */
export function plainText(bytes: Buffer, at: number, length: number): string {
  return bytes.toString('latin1', at, at + length);
}

/**
 * Passes each key and value of a plain map, in order; `from` is the place of the first key's
 * length.
 */
export function plainEntries(
  bytes: Buffer,
  from: number,
  entries: number,
  pass: (at: number, length: number, isKey: boolean) => void,
): void {
  let at = from;
  for (let i = 0; i < 2 * entries; i++) {
    // A length of at most 1,024, zigzag: one byte or two.
    const low = bytes[at++] as number;
    const length = (low < 0x80 ? low : (low & 0x7f) | ((bytes[at++] as number) << 7)) >> 1;
    pass(at, length, i % 2 === 0);
    at += length;
  }
}

/** A plain map as an object. */
export function plainMap(
  bytes: Buffer,
  from: number,
  entries: number,
): Readonly<Record<string, string>> {
  if (entries === 0) return NO_ENTRIES;
  const map: Record<string, string> = {};
  let key = '';
  plainEntries(bytes, from, entries, (at, length, isKey) => {
    const text = plainText(bytes, at, length);
    if (isKey) key = text;
    else setEntry(map, key, text);
  });
  return map;
}

const NO_ENTRIES: Readonly<Record<string, string>> = Object.freeze({});
