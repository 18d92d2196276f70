/**
 * Byte offset of each field in a record batch's header, format 2
 * (https://kafka.apache.org/documentation/#recordbatch).
 */
export const HEADER = {
  baseOffset: 0,
  /** Counts the bytes behind itself. */
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  /** CRC-32C of all that follows it. */
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const;

export const HEADER_BYTES = 61;
/** Bytes before those that `length` counts. */
export const LENGTH_END = 12;

/** The only format that brokers write since Kafka 0.11. */
export const MAGIC = 2;

/** Bits of `attributes`; the codec is a number in the lowest three. */
export const ATTRIBUTES = {
  codec: 0x7,
  logAppendTime: 0x8,
  transactional: 0x10,
  control: 0x20,
} as const;

export const CODEC = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
