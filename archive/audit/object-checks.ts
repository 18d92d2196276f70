import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { hashToDecimal } from '../../common/hash.ts';
import { mapConcurrent } from '../../common/map-concurrent.ts';
import { checksumsOf } from '../format/checksums.ts';
import { decodeFile } from '../format/decode.ts';
import type { AuditFinding, AuditedHours } from './report.ts';

/** Objects that are read at once: history has thousands of small ones. */
const CONCURRENT_READS = 4;
const CONCURRENT_SMALL_READS = 16;
const SMALL_BYTES = 1024 * 1024;

interface ListedFile extends Record<string, unknown> {
  path: string;
  rows: number;
  bytes: number;
  sha256: Buffer;
  id_sum: string;
  content_sum: string;
}

/**
 * Reads the listed objects of these hours, adds what is wrong with them, and returns their number.
 */
export async function checkObjects(
  session: Session,
  store: ObjectStore,
  { from, to }: AuditedHours,
  findings: AuditFinding[],
  onProgress?: (what: string) => void,
): Promise<number> {
  const files = await session.query<ListedFile>(
    `SELECT path, rows, bytes, sha256, id_sum::text, content_sum::text FROM archive_files
      WHERE replaced_at IS NULL
        AND ($1::bigint IS NULL OR date >= (to_timestamp($1 / 1000.0) - interval '1 day')::date)
        AND ($2::bigint IS NULL OR date <= to_timestamp($2 / 1000.0)::date) ORDER BY path`,
    [from, to],
  );
  let done = 0;
  const check = async (file: ListedFile): Promise<void> => {
    const detail = await faultOf(store, file);
    if (detail !== null) findings.push({ check: 'objects', place: file.path, detail });
    done++;
    onProgress?.(`${done} of ${files.length} objects read`);
  };
  const [small, large] = [
    files.filter(({ bytes }) => bytes <= SMALL_BYTES),
    files.filter(({ bytes }) => bytes > SMALL_BYTES),
  ];
  await mapConcurrent(small, CONCURRENT_SMALL_READS, check);
  await mapConcurrent(large, CONCURRENT_READS, check);
  return files.length;
}

async function faultOf(store: ObjectStore, file: ListedFile): Promise<string | null> {
  let body: Buffer;
  try {
    body = await store.get(file.path);
  } catch (error) {
    if (error instanceof MarqueeError && error.code === 'MARQUEE_OBJECT_MISSING')
      return 'the object is gone';
    throw error;
  }
  return differenceOf(file, body);
}

/** Names what is in an object that is not the recorded one; null when it is. */
function differenceOf(file: ListedFile, body: Buffer): string | null {
  if (createHash('sha256').update(body).digest().equals(file.sha256)) return null;
  if (body.length !== file.bytes) return `${body.length} bytes, ${file.bytes} were recorded`;
  try {
    const found = checksumsOf(decodeFile(body).events);
    if (found.rows !== file.rows) return `${found.rows} rows, ${file.rows} were recorded`;
    if (hashToDecimal(found.id) !== file.id_sum) return 'other events than were recorded';
    if (hashToDecimal(found.content) !== file.content_sum)
      return 'the recorded events with other contents';
    return 'the recorded events in other bytes: SHA-256 differs';
  } catch {
    return 'no readable Parquet file: SHA-256 differs';
  }
}
