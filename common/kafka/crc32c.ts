/** CRC-32C (Castagnoli), which Kafka's record batches carry; node:zlib has only CRC-32. */
const POLYNOMIAL = 0x82f63b78;

// Eight tables behind each other, so that eight bytes are taken at a time ("slicing"); four with plain bytes
// take twice as long, sixteen are a fifth faster for twice the tables.
const SLICES = 8;
const TABLE = new Int32Array(SLICES * 256);

for (let byte = 0; byte < 256; byte += 1) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  TABLE[byte] = crc;
}
for (let at = 256; at < TABLE.length; at += 1) {
  const last = TABLE[at - 256] as number;
  TABLE[at] = (last >>> 8) ^ (TABLE[last & 0xff] as number);
}

/** The checksum of bytes[start, end), as a signed 32-bit number. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = -1;
  let at = start;
  for (; at + SLICES <= end; at += SLICES) {
    const a = crc ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    crc =
      (TABLE[0x700 + (a & 0xff)] as number) ^
      (TABLE[0x600 + ((a >>> 8) & 0xff)] as number) ^
      (TABLE[0x500 + ((a >>> 16) & 0xff)] as number) ^
      (TABLE[0x400 + (a >>> 24)] as number) ^
      (TABLE[0x300 + (b & 0xff)] as number) ^
      (TABLE[0x200 + ((b >>> 8) & 0xff)] as number) ^
      (TABLE[0x100 + ((b >>> 16) & 0xff)] as number) ^
      (TABLE[b >>> 24] as number);
  }
  for (; at < end; at += 1) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number);
  }
  return ~crc;
}
