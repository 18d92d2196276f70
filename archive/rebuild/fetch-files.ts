import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import { MarqueeError } from '../../common/error.ts';
import { decodeFile, decodeGroups } from '../format/decode.ts';
import type { DecodedRows } from '../format/decode.ts';

/** A file of the manifest. */
export interface ListedFile extends Record<string, unknown> {
  readonly path: string;
  /** `*` when its rows are of several. */
  readonly topic: string;
  readonly date: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: Buffer;
}

/** An object that was fetched: as a whole, or as a local file of this path. */
type Fetched = Buffer | string;

/**
 * Larger objects, which merges make, go through a local file, of which a row group is in memory.
 */
const WHOLE_BYTES_MAX = 24 * 1024 * 1024;
/** Objects on their way while one is worked on. */
const AHEAD_MAX = 16;
const AHEAD_BYTES_MAX = 2 * WHOLE_BYTES_MAX;

/**
 * Fetches objects ahead of who reads them, in their order, and gives their rows: of a large one a
 * row group at a time. Throws MarqueeError MARQUEE_ARCHIVE_MISMATCH where an object is not the one
 * that was recorded.
 */
export async function* fetchAhead<R extends { readonly file: ListedFile }>(
  store: ObjectStore,
  reads: Iterable<R>,
  wholeBytesMax = WHOLE_BYTES_MAX,
): AsyncGenerator<{ readonly read: R } & DecodedRows> {
  const folder = await mkdtemp(join(tmpdir(), 'marquee-rebuild-'));
  const coming = reads[Symbol.iterator]();
  const ahead: { read: R; fetched: Promise<Fetched> }[] = [];
  let bytes = 0;
  let number = 0;
  try {
    for (;;) {
      while (ahead.length === 0 || (ahead.length < AHEAD_MAX && bytes < AHEAD_BYTES_MAX)) {
        const next = coming.next();
        if (next.done === true) break;
        const { file } = next.value;
        const local = join(folder, `${number++}.parquet`);
        const fetched =
          file.bytes <= wholeBytesMax ? whole(store, file) : asFile(store, file, local);
        fetched.catch(() => undefined); // awaited below, or nobody's when the reader has left
        ahead.push({ read: next.value, fetched });
        bytes += file.bytes;
      }
      const [first] = ahead;
      if (first === undefined) return;
      const fetched = await first.fetched;
      for await (const decoded of decode(fetched)) yield { read: first.read, ...decoded };
      if (typeof fetched === 'string') await rm(fetched);
      ahead.shift();
      bytes -= first.read.file.bytes;
    }
  } finally {
    await Promise.allSettled(ahead.map(({ fetched }) => fetched));
    await rm(folder, { recursive: true, force: true });
  }
}

async function whole(store: ObjectStore, file: ListedFile): Promise<Buffer> {
  const body = await store.get(file.path);
  assertRecorded(file, createHash('sha256').update(body).digest());
  return body;
}

async function asFile(store: ObjectStore, file: ListedFile, local: string): Promise<string> {
  await store.getFile(file.path, local);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(local)) hash.update(chunk as Buffer);
  assertRecorded(file, hash.digest());
  return local;
}

function assertRecorded(file: ListedFile, found: Buffer): void {
  if (found.equals(file.sha256)) return;
  throw new MarqueeError(
    'MARQUEE_ARCHIVE_MISMATCH',
    `${file.path}: the store gives an object with SHA-256 ${found.toString('hex')}, recorded is ` +
      `${file.sha256.toString('hex')}. \`marquee audit\` names all such objects; restore the ` +
      'bucket.',
  );
}

async function* decode(fetched: Fetched): AsyncGenerator<DecodedRows> {
  if (typeof fetched === 'string') yield* decodeGroups(fetched);
  else yield decodeFile(fetched);
}
