/** CRC-32C (Castagnoli), which Kafka's record batches carry; node:zlib has only CRC-32. */
const POLYNOMIAL = 0x82f63b78;

// Four tables, so that four bytes are taken at a time ("slicing").
const TABLES = Array.from({ length: 4 }, () => new Int32Array(256));
const [T0, T1, T2, T3] = TABLES as [Int32Array, Int32Array, Int32Array, Int32Array];

for (let byte = 0; byte < 256; byte += 1) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  T0[byte] = crc;
}
for (let byte = 0; byte < 256; byte += 1) {
  for (let slice = 1; slice < 4; slice += 1) {
    const last = (TABLES[slice - 1] as Int32Array)[byte] as number;
    (TABLES[slice] as Int32Array)[byte] = (last >>> 8) ^ (T0[last & 0xff] as number);
  }
}

/** The checksum of bytes[start, end), as a signed 32-bit number. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (T3[crc & 0xff] as number) ^
      (T2[(crc >>> 8) & 0xff] as number) ^
      (T1[(crc >>> 16) & 0xff] as number) ^
      (T0[crc >>> 24] as number);
  }
  for (; at < end; at += 1) {
    crc = (crc >>> 8) ^ (T0[(crc ^ (bytes[at] as number)) & 0xff] as number);
  }
  return ~crc;
}
