import { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import { addHash, createHash128, murmur128 } from '../../common/hash.ts';
import { userActions } from '../../streams/topics/user-actions.ts';
import { ROW_COLUMNS } from '../format/columns.ts';
import { createDateRouter } from '../ingest/range-builder.ts';
import type { RangeContent } from '../ingest/range-builder.ts';
import { createChecksums } from '../format/checksums.ts';

/** An action of a history, or a line of it that could not be used. */
export interface HistoryItem {
  /** Counts from 0, and up. A place may be empty (a blank line): then nothing comes for it. */
  readonly place: number;
  /** Memory that it is reckoned at. */
  readonly bytes: number;
  /** Checked by the rules of user-actions.v1; null for a line that could not be used. */
  readonly event: UserActionRecord | null;
}

/** Actions from outside Kafka, in the same order and with the same ids whenever they are read. */
export interface History {
  /** Name of the file or folder, for people. */
  readonly name: string;
  /** SHA-256 (hex) of all that decides which actions there are. */
  readonly sha256: string;
  /**
   * Called once before it is read: does what must be done before its actions are there. What
   * happened after `plannedAtMs` (epoch ms) is no history, and is left out.
   */
  begin(plannedAtMs: number): Promise<void>;
  /** The items at `from` and after, in batches. May be asked for again after a fault. */
  items(from: number): AsyncIterable<readonly HistoryItem[]>;
}

export const HISTORY_PARTITION = 0;

/** The pseudo-topic under which the archive keeps a history. */
export function historyTopic(sha256: string): string {
  return `backfill:${sha256.slice(0, 16)}`;
}

/** A range of a history on its way into files. */
export interface HistoryRange extends RangeContent {
  /** Places taken, with those that could not be used, and what they are reckoned at. */
  readonly places: number;
  readonly bytes: number;
  readonly dead: number;
  add(item: HistoryItem): void;
}

/**
 * Rows as the processors write them, so a content hash means the same wherever it is taken. Each
 * event was received when it happened, so none is too late.
 */
export function createHistoryRange(): HistoryRange {
  const dates = createDateRouter();
  const expected = createChecksums();
  const writer = new CopyWriter();
  const hash = createHash128();
  let places = 0;
  let bytes = 0;
  let dead = 0;

  function addRow(event: UserActionRecord, place: number): void {
    writer.reset();
    const row = writer.position;
    writer.row(ROW_COLUMNS.length);
    const content = writer.position;
    userActions.writeContent(writer, event);
    murmur128(hash, writer.bytes, content, writer.position);
    addHash(expected.content, hash);
    murmur128(hash, event.event_id, 0, event.event_id.length);
    addHash(expected.id, hash);
    expected.rows++;
    writer.timestamptz(event.occurred_at);
    writer.int4(HISTORY_PARTITION);
    writer.int8(place);
    dates.add(writer.bytes, row);
  }

  return {
    get places() {
      return places;
    },
    get bytes() {
      return bytes;
    },
    get dead() {
      return dead;
    },
    add(item) {
      places++;
      bytes += item.bytes;
      if (item.event === null) dead++;
      else addRow(item.event, item.place);
    },
    dates: () => dates.byDay,
    expected: () => expected,
  };
}
