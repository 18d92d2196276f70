/**
 * Kafka's signed 32-bit varints: zigzag, seven bits a byte, low bits first. Written in place and
 * measured before, for the records of a batch; for requests there is ByteWriter.
 */
export function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x20_0000) return 3;
  return zigzag < 0x1000_0000 ? 4 : 5;
}

/** Writes the value and returns the place behind it. */
export function writeVarint(into: Uint8Array, start: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  let at = start;
  while (zigzag >= 0x80) {
    into[at] = (zigzag & 0x7f) | 0x80;
    at += 1;
    zigzag >>>= 7;
  }
  into[at] = zigzag;
  return at + 1;
}
