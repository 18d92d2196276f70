import { bytesOfRecord, decodedBatch } from '../../../connectors/kafka/decoded-batch.ts';
import type { KafkaRecord } from '../../../common/kafka/record.ts';
import type { FetchedBatch, LogBounds } from '../../../connectors/kafka/port.ts';
import type { OpenLedgerRow } from '../commit/ledger.ts';
import { identityOf } from '../commit/offsets.ts';
import type { Position } from '../commit/offsets.ts';

/**
 * A partition in this process's hands: where the tables stand, and what was fetched beyond that.
 * `position` changes only after a COMMIT; nothing here is believed after an error.
 */
export interface PartitionTask {
  readonly partition: number;
  /** Raised by take-over; only batches under this epoch can be committed. */
  epoch: number;
  position: number;
  openLedgerRow: OpenLedgerRow | null;
  /** The client's position: one past what was fetched. */
  fetched: number;
  /** The record that must be found again before anything is believed. */
  verify: Position['last'];
  state: 'live' | 'halted' | 'gone';
  paused: boolean;
  readonly queue: FetchedBatch[];
  queuedRows: number;
  queuedBytes: number;
  /** Log end as last heard. */
  logEnd: number;
  /** Epoch ms of receipt processed up to. */
  asOf: number | null;
  /** Last offset that was told to Kafka. */
  reported: number;
}

/** Why a partition stopped; it is not read on until an operator decides. */
export interface Halt {
  readonly code: 'MARQUEE_OFFSET_OUTSIDE_LOG' | 'MARQUEE_TOPIC_REPLACED';
  readonly message: string;
}

export function createPartitionTask(partition: number, at: Position, start: number): PartitionTask {
  return {
    partition,
    epoch: at.epoch,
    position: at.next,
    openLedgerRow: at.openLedgerRow,
    fetched: start,
    verify: start < at.next ? at.last : null,
    state: 'live',
    paused: false,
    queue: [],
    queuedRows: 0,
    queuedBytes: 0,
    logEnd: at.next,
    asOf: null,
    reported: -1,
  };
}

/**
 * Where reading starts: at the last record that is in the tables, to see that it is still the same
 * one, else at the position. An offset that the log does not have is never replaced by another.
 */
export function startOffset(name: string, at: Position, log: LogBounds): number | Halt {
  if (at.next < log.start || at.next > log.end)
    return {
      code: 'MARQUEE_OFFSET_OUTSIDE_LOG',
      message:
        `${name}: the tables stand at offset ${at.next}, but the log holds ` +
        `[${log.start}, ${log.end}). Records were removed before they were read, or the topic was ` +
        'made again. See `marquee offsets` to decide where to go on.',
    };
  return at.last !== null && at.last.offset >= log.start ? at.last.offset : at.next;
}

/** Queues what is new in the batch. Returns a halt when the log is not the one remembered. */
export function enqueue(
  task: PartitionTask,
  name: string,
  compacted: boolean,
  batch: FetchedBatch,
): Halt | null {
  if (task.verify !== null && batch.next > task.verify.offset) {
    const first = batch.records()[0];
    const same =
      first?.offset === task.verify.offset
        ? identityOf(first).equals(task.verify.identity)
        : compacted;
    if (!same)
      return {
        code: 'MARQUEE_TOPIC_REPLACED',
        message:
          `${name}: the record at offset ${task.verify.offset} is not the one that was processed. ` +
          'The topic was deleted and made again. See `marquee offsets` to decide where to go on.',
      };
    task.verify = null;
  }
  task.logEnd = batch.logEnd;
  task.fetched = batch.next;
  if (batch.next <= task.position) return null;
  const { position } = task;
  const fresh =
    batch.from >= position
      ? batch
      : decodedBatch(
          batch,
          batch.records().filter((r) => r.offset >= position),
        );
  task.queue.push(fresh);
  task.queuedRows += fresh.count;
  task.queuedBytes += fresh.bytes;
  return null;
}

/** Takes up to the given rows and bytes (at least one record) off the queue. */
export function dequeue(
  task: PartitionTask,
  rowsMax: number,
  bytesMax: number,
): { records: KafkaRecord[]; next: number } {
  const taken: KafkaRecord[] = [];
  let next = task.position;
  let bytes = 0;
  for (let head = task.queue[0]; head !== undefined; head = task.queue[0]) {
    const records = head.records();
    let n = 0;
    if (taken.length + records.length <= rowsMax && bytes + head.bytes <= bytesMax) {
      for (const record of records) taken.push(record);
      bytes += head.bytes;
      n = records.length;
    }
    for (; n < records.length; n++) {
      if (taken.length > 0 && (taken.length >= rowsMax || bytes >= bytesMax)) break;
      const record = records[n] as KafkaRecord;
      taken.push(record);
      bytes += bytesOfRecord(record);
    }
    const rest = n < records.length ? decodedBatch(head, records.slice(n)) : null;
    task.queuedRows -= head.count - (rest?.count ?? 0);
    task.queuedBytes -= head.bytes - (rest?.bytes ?? 0);
    if (rest !== null) {
      task.queue[0] = rest;
      next = (taken.at(-1)?.offset ?? next - 1) + 1;
      break;
    }
    task.queue.shift();
    next = head.next;
    if (taken.length >= rowsMax || bytes >= bytesMax) break;
  }
  return { records: taken, next };
}

export function clearQueue(task: PartitionTask): void {
  task.queue.length = 0;
  task.queuedRows = 0;
  task.queuedBytes = 0;
}
