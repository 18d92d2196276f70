export interface CopyRow {
  readonly bytes: Buffer;
  /** Places of the row's field count and of its end. */
  readonly at: number;
  readonly end: number;
}

/** A COPY body begins with a signature, flags and an extension length. */
export const COPY_HEADER_BYTES = 19;

/**
 * Rows of a binary COPY stream, one at a time; a row's bytes are valid until the next is asked for.
 */
export async function* copyRows(chunks: AsyncIterable<Buffer>): AsyncGenerator<CopyRow> {
  let bytes: Buffer = Buffer.alloc(0);
  let at = 0;
  let begun = false;
  for await (const chunk of chunks) {
    bytes = at === bytes.length ? chunk : Buffer.concat([bytes.subarray(at), chunk]);
    at = 0;
    if (!begun) {
      if (bytes.length < COPY_HEADER_BYTES) continue;
      at = COPY_HEADER_BYTES;
      begun = true;
    }
    for (;;) {
      const end = endOfRow(bytes, at);
      if (end < 0) break;
      if (end === at) return; // the trailer
      yield { bytes, at, end };
      at = end;
    }
  }
}

/** The end of the row at `at`; -1 when not all of it is here; `at` itself for the trailer. */
function endOfRow(bytes: Buffer, at: number): number {
  if (at + 2 > bytes.length) return -1;
  const fields = bytes.readInt16BE(at);
  if (fields < 0) return at;
  let pos = at + 2;
  for (let i = 0; i < fields; i++) {
    if (pos + 4 > bytes.length) return -1;
    pos += 4 + Math.max(0, bytes.readInt32BE(pos));
  }
  return pos <= bytes.length ? pos : -1;
}
