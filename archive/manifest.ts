import type { Session } from '../connectors/postgres/session.ts';
import { hashToDecimal } from '../common/hash.ts';
import type { Checksums } from './format/checksums.ts';

/** An object in the store that was read back and found to be what it should be. */
export interface VerifiedFile {
  readonly path: string;
  readonly date: string;
  readonly bytes: number;
  readonly sha256: Buffer;
  readonly checksums: Checksums;
  readonly firstId: string;
  readonly lastId: string;
}

/** Offsets [from, to) of a topic's partition, or places of a history, that files are cut from. */
export interface SourceRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** Lists files in the manifest; an object that is not listed does not exist. */
export async function insertFiles(
  session: Session,
  files: readonly VerifiedFile[],
  source: SourceRange,
): Promise<void> {
  if (files.length === 0) return;
  await session.execute(
    `INSERT INTO archive_files (path, topic, partition, from_offset, to_offset, date, rows, id_sum,
        content_sum, bytes, sha256, first_event_id, last_event_id)
     SELECT path, $2, $3, $4, $5, date, rows, id_sum, content_sum, bytes, sha256, first_id, last_id
       FROM unnest($1::text[], $6::date[], $7::bigint[], $8::numeric[], $9::numeric[],
                   $10::bigint[], $11::bytea[], $12::uuid[], $13::uuid[])
         AS f(path, date, rows, id_sum, content_sum, bytes, sha256, first_id, last_id)`,
    [
      files.map((f) => f.path),
      source.topic,
      source.partition,
      source.from,
      source.to,
      files.map((f) => f.date),
      files.map((f) => f.checksums.rows),
      files.map((f) => hashToDecimal(f.checksums.id)),
      files.map((f) => hashToDecimal(f.checksums.content)),
      files.map((f) => f.bytes),
      files.map((f) => f.sha256),
      files.map((f) => f.firstId),
      files.map((f) => f.lastId),
    ],
  );
}
