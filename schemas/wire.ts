/**
 * Confluent's wire format: byte 0, the schema's registry id as int32 big-endian, the Avro body.
 */
export const WIRE_HEADER_BYTES = 5;

/** An avsc Type as far as wire.ts needs one. */
export interface BinaryEncoder {
  /** Writes the value at `at`; returns the end, or minus the missing bytes when it did not fit. */
  encode(value: unknown, into: Buffer, at: number): number;
}

export function writeWireHeader(into: Buffer, at: number, schemaId: number): void {
  into[at] = 0;
  into.writeInt32BE(schemaId, at + 1);
}

/** The schema id in the header, or null when the value does not begin with one. */
export function readWireHeader(value: Uint8Array): number | null {
  if (value.length < WIRE_HEADER_BYTES || value[0] !== 0) return null;
  return (
    ((value[1] as number) << 24) |
    ((value[2] as number) << 16) |
    ((value[3] as number) << 8) |
    (value[4] as number)
  );
}

/** Encodes with header. Throws what the type throws when the value does not fit the schema. */
export function encodeWire(schemaId: number, type: BinaryEncoder, value: unknown): Buffer {
  let buffer = Buffer.allocUnsafe(512);
  let end = type.encode(value, buffer, WIRE_HEADER_BYTES);
  if (end < 0) {
    buffer = Buffer.allocUnsafe(buffer.length - end);
    end = type.encode(value, buffer, WIRE_HEADER_BYTES);
  }
  writeWireHeader(buffer, 0, schemaId);
  return buffer.subarray(0, end);
}
