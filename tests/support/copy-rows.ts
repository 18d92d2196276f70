/** Reads binary COPY rows back: for tests that say what a plan writes. */
export type ColumnKind =
  'uuid' | 'text' | 'int4' | 'int8' | 'float8' | 'timestamptz' | 'jsonb' | 'bool' | 'array';

const HEADER_BYTES = 19;
const PG_EPOCH_MS = 946_684_800_000;

export function readCopyRows(
  body: Buffer,
  columns: readonly (readonly [string, ColumnKind])[],
): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = [];
  let at = HEADER_BYTES;
  for (let fields = body.readInt16BE(at); fields >= 0; fields = body.readInt16BE(at)) {
    at += 2;
    if (fields !== columns.length)
      throw new Error(`row ${String(rows.length)} has ${String(fields)} fields`);
    const row: Record<string, unknown> = {};
    for (const [name, kind] of columns) {
      const length = body.readInt32BE(at);
      at += 4;
      row[name] = length < 0 ? null : readField(body.subarray(at, at + length), kind);
      at += Math.max(0, length);
    }
    rows.push(row);
  }
  return rows;
}

function readField(bytes: Buffer, kind: ColumnKind): unknown {
  switch (kind) {
    case 'uuid':
      return bytes.toString('hex');
    case 'text':
      return bytes.toString();
    case 'int4':
      return bytes.readInt32BE();
    case 'int8':
      return Number(bytes.readBigInt64BE());
    case 'float8':
      return bytes.readDoubleBE();
    case 'bool':
      return bytes[0] === 1;
    case 'timestamptz':
      return new Date(Number(bytes.readBigInt64BE()) / 1000 + PG_EPOCH_MS).toISOString();
    case 'jsonb':
      return JSON.parse(bytes.subarray(1).toString()) as unknown;
    case 'array':
      return readArray(bytes);
  }
}

function readArray(bytes: Buffer): unknown[] {
  if (bytes.readInt32BE(0) === 0) return [];
  const kinds: Record<number, ColumnKind> = { 20: 'int8', 25: 'text', 701: 'float8' };
  const kind = kinds[bytes.readInt32BE(8)] as ColumnKind;
  const values: unknown[] = [];
  for (let at = 20; at < bytes.length;) {
    const length = bytes.readInt32BE(at);
    values.push(readField(bytes.subarray(at + 4, at + 4 + length), kind));
    at += 4 + length;
  }
  return values;
}
