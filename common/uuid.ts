import { randomFillSync } from 'node:crypto';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const CANONICAL = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** The last millisecond that 48 bits hold. */
const MS_MAX = 2 ** 48 - 1;

// One call into the system's generator serves many ids.
const pool = new Uint8Array(8_192);
let poolUsed = pool.length;

function takeRandom(bytes: number): Uint8Array {
  if (poolUsed + bytes > pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  const at = poolUsed;
  poolUsed += bytes;
  return pool.subarray(at, at + bytes);
}

function writeTime(id: Buffer, ms: number): void {
  if (!Number.isInteger(ms) || ms < 0 || ms > MS_MAX) {
    throw new RangeError(`a UUIDv7 holds whole milliseconds from 0 to 2^48 - 1, not ${String(ms)}`);
  }
  id.writeUIntBE(ms, 0, 6);
}

/**
 * A UUIDv7 (RFC 9562) of that time: 16 bytes.
 *
 * @param ms epoch milliseconds; RangeError unless a whole number from 0 to 2^48 - 1
 * @param random at least 10 bytes to fill it with; by default from the system's generator
 */
export function uuidv7(ms: number, random: Uint8Array = takeRandom(10)): Buffer {
  const id = Buffer.allocUnsafe(16);
  writeTime(id, ms);
  id.set(random.subarray(0, 10), 6);
  id[6] = ((id[6] as number) & 0x0f) | 0x70;
  id[8] = ((id[8] as number) & 0x3f) | 0x80;
  return id;
}

/**
 * Makes ids that sort in the order they were asked for while the time stays the same: the 12 bits
 * after the time count up (RFC 9562, method 1), and are random again when the time changes or the
 * count is used up.
 */
export function createUuidv7Source(): (ms: number) => Buffer {
  let lastMs = -1;
  let count = 0;
  return (ms) => {
    const id = uuidv7(ms);
    // A new millisecond starts in the lower half, which leaves at least 2,048 ids to count.
    if (ms === lastMs && count < 0xfff) count += 1;
    else count = id.readUInt16BE(6) & 0x7ff;
    lastMs = ms;
    id.writeUInt16BE(0x7000 | count, 6);
    return id;
  };
}

/** The time in a UUIDv7, in epoch milliseconds. Says nothing of another version's id. */
export function uuidTimeMs(id: Uint8Array): number {
  const high = ((id[0] as number) << 8) | (id[1] as number);
  const low =
    ((id[2] as number) << 24) |
    ((id[3] as number) << 16) |
    ((id[4] as number) << 8) |
    (id[5] as number);
  return high * 0x1_0000_0000 + (low >>> 0);
}

/** True for 16 bytes of version 7 and the RFC's variant. */
export function isUuidv7(id: Uint8Array): boolean {
  return id.length === 16 && (id[6] as number) >> 4 === 7 && (id[8] as number) >> 6 === 2;
}

/** The canonical form: lower-case hex in 8-4-4-4-12. */
export function formatUuid(id: Uint8Array): string {
  let text = '';
  for (let at = 0; at < 16; at += 1) {
    if (at === 4 || at === 6 || at === 8 || at === 10) text += '-';
    text += HEX[id[at] as number] as string;
  }
  return text;
}

/** The 16 bytes of a UUID in canonical form, or null when the text is none. */
export function parseUuid(text: string): Buffer | null {
  return CANONICAL.test(text) ? Buffer.from(text.replaceAll('-', ''), 'hex') : null;
}
