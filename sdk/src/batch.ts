import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { encodeRecords } from '../../common/kafka/record-batch-encoder.ts';
import type { BufferedRecord } from './buffered-record.ts';

/** Records of one partition that are sent, acknowledged or refused as one. */
export interface Batch {
  readonly records: readonly BufferedRecord[];
  /** The records in Kafka's format, behind the header. */
  readonly body: Buffer;
  readonly gzipped: boolean;
  /** -1 until it is first sent; kept over resends, so that the broker knows them. */
  sequence: number;
}

const compress = promisify(gzip);
/** The fastest level: events are much alike, and more effort gains little. */
const GZIP_LEVEL = 1;
/** Below this a batch is about as small as it is. */
const GZIP_FROM_BYTES = 600;

/** Encodes and compresses, up to `gzipBytesMax` of records; the schema id is written into records that came before it was known. */
export async function encodeBatch(
  records: readonly BufferedRecord[],
  schemaId: number,
  gzipBytesMax = Infinity,
): Promise<Batch> {
  for (const { bytes, patchAt } of records) {
    if (patchAt >= 0) bytes.writeInt32BE(schemaId, patchAt);
  }
  const body = encodeRecords(records);
  if (body.length < GZIP_FROM_BYTES || body.length > gzipBytesMax)
    return { records, body, gzipped: false, sequence: -1 };
  const packed = await compress(body, { level: GZIP_LEVEL });
  return { records, body: packed, gzipped: true, sequence: -1 };
}
