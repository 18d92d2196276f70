import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import { MarqueeError } from '../../schemas/error.ts';
import { bytesColumn, numberColumn } from './columns.ts';
import type { EventColumns } from './columns.ts';
import { createIdSet } from './id-set.ts';
import { decodeFile } from './parquet.ts';

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

/** Where a row's record stood, and when it was received and happened (epoch ms). */
export interface RowPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly receivedAt: number;
  readonly occurredAt: number;
}

export interface Portion {
  readonly path: string;
  readonly events: EventColumns;
  /** Rows that are wanted, each event once. */
  readonly rows: readonly number[];
  topicOf(row: number): string;
  placeOf(row: number): Omit<RowPlace, 'topic'>;
}

export interface ReadCounts {
  /** Rows read, and those that were resends of another. */
  rows: number;
  resends: number;
}

/** Ids of one pass over a date: 32 bytes each in memory, at most twice that. */
const PASS_IDS_MAX = 4_000_000;
/** Objects on their way while one is worked on. */
const AHEAD_MAX = 16;
const AHEAD_BYTES_MAX = 48 * 1024 * 1024;

/**
 * Reads the files date by date, and gives each wanted event once: of resends the first that comes.
 * Within a date the files must be ordered by what they were cut from, so that this is the record
 * with the lowest offset. A date of very many events is read in passes, so memory stays bounded.
 * Throws MarqueeError MARQUEE_ARCHIVE_MISMATCH where an object is not the one that was recorded.
 */
export async function* readDates(
  store: ObjectStore,
  files: readonly ListedFile[],
  wanted: (place: RowPlace) => boolean,
  counts: ReadCounts,
  passIdsMax = PASS_IDS_MAX,
): AsyncGenerator<Portion> {
  let ids = createIdSet();
  for await (const { read, body } of fetchAhead(store, readsOf(files, passIdsMax))) {
    const { file, pass, passes, first } = read;
    if (first) ids = createIdSet();
    if (pass === 0) counts.rows += file.rows;
    const { events, topics } = decodeFile(body);
    const topicOf = (row: number) => (file.topic === '*' ? (topics[row] ?? '') : file.topic);
    const placeOf = placesOf(events);
    const id = bytesColumn(events, 'event_id').bytes;
    const rows: number[] = [];
    for (let row = 0; row < events.rows; row++) {
      if ((id[row * 16 + 15] as number) % passes !== pass) continue;
      if (!wanted({ topic: topicOf(row), ...placeOf(row) })) continue;
      if (ids.add(id, row * 16)) rows.push(row);
      else counts.resends++;
    }
    yield { path: file.path, events, rows, topicOf, placeOf };
  }
}

interface Read {
  readonly file: ListedFile;
  readonly pass: number;
  readonly passes: number;
  /** The first of its pass. */
  readonly first: boolean;
}

function* readsOf(files: readonly ListedFile[], passIdsMax: number): Generator<Read> {
  for (const ofDate of Map.groupBy(files, ({ date }) => date).values()) {
    const total = ofDate.reduce((sum, { rows }) => sum + rows, 0);
    const passes = Math.max(1, Math.ceil(total / passIdsMax));
    for (let pass = 0; pass < passes; pass++)
      for (const [n, file] of ofDate.entries()) yield { file, pass, passes, first: n === 0 };
  }
}

async function* fetchAhead(
  store: ObjectStore,
  reads: Iterable<Read>,
): AsyncGenerator<{ read: Read; body: Buffer }> {
  const coming = reads[Symbol.iterator]();
  const ahead: { read: Read; body: Promise<Buffer> }[] = [];
  let bytes = 0;
  for (;;) {
    while (ahead.length === 0 || (ahead.length < AHEAD_MAX && bytes < AHEAD_BYTES_MAX)) {
      const next = coming.next();
      if (next.done === true) break;
      const body = fetchFile(store, next.value.file);
      body.catch(() => undefined); // awaited below, or nobody's when the reader has left
      ahead.push({ read: next.value, body });
      bytes += next.value.file.bytes;
    }
    const first = ahead.shift();
    if (first === undefined) return;
    yield { read: first.read, body: await first.body };
    bytes -= first.read.file.bytes;
  }
}

async function fetchFile(store: ObjectStore, file: ListedFile): Promise<Buffer> {
  const body = await store.get(file.path);
  const found = createHash('sha256').update(body).digest();
  if (found.equals(file.sha256)) return body;
  throw new MarqueeError(
    'MARQUEE_ARCHIVE_MISMATCH',
    `${file.path}: the store gave ${String(body.length)} bytes with SHA-256 ${found.toString('hex')}, ` +
      `recorded are ${String(file.bytes)} with ${file.sha256.toString('hex')}. \`marquee audit\` names ` +
      'all such objects; restore the bucket.',
  );
}

function placesOf(events: EventColumns): (row: number) => Omit<RowPlace, 'topic'> {
  const partition = numberColumn(events, 'kafka_partition').values;
  const offset = numberColumn(events, 'kafka_offset').values;
  const received = numberColumn(events, 'received_at').values;
  const occurred = numberColumn(events, 'occurred_at').values;
  return (row) => ({
    partition: partition[row] as number,
    offset: offset[row] as number,
    receivedAt: received[row] as number,
    occurredAt: occurred[row] as number,
  });
}
