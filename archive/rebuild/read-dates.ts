import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import { isTooLate } from '../../streams/runtime/commit/decode-batch.ts';
import { bytesColumn, numberColumn } from '../format/columns.ts';
import type { EventColumns } from '../format/columns.ts';
import { createIdSet } from './id-set.ts';
import { fetchAhead } from './fetch-files.ts';
import type { ListedFile } from './fetch-files.ts';

/** A row's record: its place in the log, and when it was received and happened (epoch ms). */
export interface RowPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly receivedAt: number;
  readonly occurredAt: number;
}

export interface RowRules {
  wanted(place: RowPlace): boolean;
  readonly lateHorizonMs: number;
}

/** Rows of a file that are wanted, each event once. */
export interface RowBatch {
  readonly events: EventColumns;
  readonly rows: readonly number[];
  topicOf(row: number): string;
  placeOf(row: number): Omit<RowPlace, 'topic'>;
}

export interface ReadCounts {
  /** Rows read, those among them that count nowhere but here, and resends of another. */
  rows: number;
  tooLate: number;
  resends: number;
}

/** Ids of one pass over a date: 32 bytes each in memory, at most twice that. */
const PASS_IDS_MAX = 4_000_000;

/**
 * Reads the files date by date, and gives each wanted event once: of resends the first that comes.
 * Within a date the files must be ordered by what they were cut from, so that this is the record
 * with the lowest offset. A date of very many events is read in passes, so memory stays bounded.
 * Throws MarqueeError MARQUEE_ARCHIVE_MISMATCH where an object is not the one that was recorded.
 */
export async function* readDates(
  store: ObjectStore,
  files: readonly ListedFile[],
  { wanted, lateHorizonMs }: RowRules,
  counts: ReadCounts,
  passIdsMax = PASS_IDS_MAX,
): AsyncGenerator<RowBatch> {
  let ids = createIdSet();
  let under = '';
  for await (const { read, events, topics } of fetchAhead(store, readsOf(files, passIdsMax))) {
    const { file, pass, passes } = read;
    const over = `${file.date}/${pass}`;
    if (over !== under) ids = createIdSet();
    under = over;
    if (pass === 0) counts.rows += events.rows;
    const topicOf = topicsOf(file, topics);
    const placeOf = placesOf(events);
    const id = bytesColumn(events, 'event_id').bytes;
    const rows: number[] = [];
    for (let row = 0; row < events.rows; row++) {
      if ((id[row * 16 + 15] as number) % passes !== pass) continue;
      const place = placeOf(row);
      if (!wanted({ topic: topicOf(row), ...place })) continue;
      // Before resends are looked for: the same event may have come in time by another way.
      if (isTooLate({ lateHorizonMs }, place.occurredAt, place.receivedAt)) counts.tooLate++;
      else if (ids.add(id, row * 16)) rows.push(row);
      else counts.resends++;
    }
    yield { events, rows, topicOf, placeOf };
  }
}

interface Read {
  readonly file: ListedFile;
  readonly pass: number;
  readonly passes: number;
}

function* readsOf(files: readonly ListedFile[], passIdsMax: number): Generator<Read> {
  for (const ofDate of Map.groupBy(files, ({ date }) => date).values()) {
    const total = ofDate.reduce((sum, { rows }) => sum + rows, 0);
    const passes = Math.max(1, Math.ceil(total / passIdsMax));
    for (let pass = 0; pass < passes; pass++)
      for (const file of ofDate) yield { file, pass, passes };
  }
}

function topicsOf({ topic }: ListedFile, topics: () => readonly string[]) {
  if (topic !== '*') return () => topic;
  const byRow = topics();
  return (row: number) => byRow[row] ?? '';
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
