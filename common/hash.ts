/**
 * MurmurHash3 x86 128-bit (Austin Appleby, public domain; reference: MurmurHash3.cpp in smhasher),
 * seed 0, and sums of such hashes modulo 2^128. Not cryptographic: the ledger guards against loss,
 * doubling and hand-made changes, not against forgers.
 */
const C1 = 0x239b961b;
const C2 = 0xab0e9789 | 0;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93 | 0;
const TWO_32 = 4_294_967_296;

/** Four 32-bit lanes, least significant first. */
export type Hash128 = Uint32Array;

export function createHash128(): Hash128 {
  return new Uint32Array(4);
}

function rotl(x: number, r: number): number {
  return (x << r) | (x >>> (32 - r));
}

function fmix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Hashes bytes[start, end) into `out`. */
export function murmur128(out: Hash128, bytes: Uint8Array, start: number, end: number): void {
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  let at = start;
  for (; at + 16 <= end; at += 16) {
    h1 ^= Math.imul(rotl(Math.imul(word(bytes, at), C1), 15), C2);
    h1 = (Math.imul((rotl(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotl(Math.imul(word(bytes, at + 4), C2), 16), C3);
    h2 = (Math.imul((rotl(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotl(Math.imul(word(bytes, at + 8), C3), 17), C4);
    h3 = (Math.imul((rotl(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotl(Math.imul(word(bytes, at + 12), C4), 18), C1);
    h4 = (Math.imul((rotl(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  const tail = end - at;
  if (tail > 12) h4 ^= Math.imul(rotl(Math.imul(tailWord(bytes, at + 12, end), C4), 18), C1);
  if (tail > 8) h3 ^= Math.imul(rotl(Math.imul(tailWord(bytes, at + 8, end), C3), 17), C4);
  if (tail > 4) h2 ^= Math.imul(rotl(Math.imul(tailWord(bytes, at + 4, end), C2), 16), C3);
  if (tail > 0) h1 ^= Math.imul(rotl(Math.imul(tailWord(bytes, at, end), C1), 15), C2);

  finish(out, h1, h2, h3, h4, end - start);
}

/**
 * The same of `length` bytes that begin at words[at], which is quicker to read. Bytes of the last
 * word beyond the length must be 0. Words are little-endian, as typed arrays are where Node runs.
 */
export function murmur128Words(out: Hash128, words: Int32Array, at: number, length: number): void {
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  const end = at + 4 * (length >> 4);
  for (; at < end; at += 4) {
    h1 ^= Math.imul(rotl(Math.imul(words[at] as number, C1), 15), C2);
    h1 = (Math.imul((rotl(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotl(Math.imul(words[at + 1] as number, C2), 16), C3);
    h2 = (Math.imul((rotl(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotl(Math.imul(words[at + 2] as number, C3), 17), C4);
    h3 = (Math.imul((rotl(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotl(Math.imul(words[at + 3] as number, C4), 18), C1);
    h4 = (Math.imul((rotl(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  const tail = length & 15;
  if (tail > 12) h4 ^= Math.imul(rotl(Math.imul(words[at + 3] as number, C4), 18), C1);
  if (tail > 8) h3 ^= Math.imul(rotl(Math.imul(words[at + 2] as number, C3), 17), C4);
  if (tail > 4) h2 ^= Math.imul(rotl(Math.imul(words[at + 1] as number, C2), 16), C3);
  if (tail > 0) h1 ^= Math.imul(rotl(Math.imul(words[at] as number, C1), 15), C2);
  finish(out, h1, h2, h3, h4, length);
}

function finish(
  out: Hash128,
  h1: number,
  h2: number,
  h3: number,
  h4: number,
  length: number,
): void {
  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = fmix(h1);
  h2 = fmix(h2);
  h3 = fmix(h3);
  h4 = fmix(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  out[0] = h1;
  out[1] = h2 + h1;
  out[2] = h3 + h1;
  out[3] = h4 + h1;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** The bytes of a word that lie before `end`. */
function tailWord(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let i = Math.min(at + 4, end) - 1; i >= at; i--) value = (value << 8) | (bytes[i] as number);
  return value;
}

/** sum += hash, modulo 2^128. */
export function addHash(sum: Hash128, hash: Hash128): void {
  let carry = 0;
  for (let i = 0; i < 4; i++) {
    const lane = (sum[i] as number) + (hash[i] as number) + carry;
    sum[i] = lane;
    carry = lane >= TWO_32 ? 1 : 0;
  }
}

/** sum -= hash, modulo 2^128. */
export function subtractHash(sum: Hash128, hash: Hash128): void {
  let borrow = 0;
  for (let i = 0; i < 4; i++) {
    const lane = (sum[i] ?? 0) - (hash[i] ?? 0) - borrow;
    sum[i] = lane;
    borrow = lane < 0 ? 1 : 0;
  }
}

/** The sum as an unsigned decimal, for numeric(39,0). */
export function hashToDecimal(sum: Hash128): string {
  let value = 0n;
  for (let i = 3; i >= 0; i--) value = (value << 32n) | BigInt(sum[i] ?? 0);
  return value.toString();
}

/** The other way round. */
export function hashOfDecimal(decimal: string): Hash128 {
  const sum = createHash128();
  let value = BigInt(decimal);
  for (let i = 0; i < 4; i++, value >>= 32n) sum[i] = Number(value & 0xffff_ffffn);
  return sum;
}

/** 16 bytes, least significant lane first. */
export function hashToBytes(hash: Hash128): Buffer {
  const bytes = Buffer.alloc(16);
  for (let i = 0; i < 4; i++) bytes.writeUInt32LE(hash[i] ?? 0, i * 4);
  return bytes;
}
