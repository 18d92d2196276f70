import type { KafkaRecord } from '../../../connectors/kafka/port.ts';
import { CopyWriter } from '../../../connectors/postgres/copy-writer.ts';
import { createHash128, murmur128 } from '../../../common/hash.ts';
import { addTo, createRun, hourOf, moveBetween } from './ledger.ts';
import type { LedgerRun, Outcome } from './ledger.ts';
import { isFault } from '../processor.ts';
import type { Accepted, Fault, Processor } from '../processor.ts';
import { readRedrive } from './redrive.ts';

/** How a record's bytes become an event; schemas that it needs are loaded before. */
export interface Decoder<E> {
  decode(value: Buffer): E | Fault;
}

/** Records of one partition that continue from the position held. */
export interface Slice {
  readonly partition: number;
  /** The position held: one past the last offset that is in the tables. */
  readonly from: number;
  readonly next: number;
  readonly records: readonly KafkaRecord[];
}

export interface DeadRecord {
  readonly partition: number;
  readonly record: KafkaRecord;
  readonly fault: Fault;
  readonly app: string | null;
}

/** What a batch will do, as data. */
export interface Prepared<E> {
  readonly accepted: Accepted<E>[];
  readonly rows: CopyWriter | null;
  readonly runs: LedgerRun[];
  readonly dead: DeadRecord[];
  /** Events too late or from the future, by app, for metrics. */
  readonly lateByApp: Map<string, number>;
  readonly futureByApp: Map<string, number>;
  /** Accounts the i-th accepted event as a resend. */
  markDuplicate(index: number): void;
}

interface Batch<E> extends Prepared<E> {
  /** The ledger's run of each accepted event. */
  readonly acceptedRuns: LedgerRun[];
}

export interface Limits {
  readonly lateHorizonMs: number;
  readonly futureToleranceMs: number;
  readonly recordBytesMax: number;
}

/** Received so long after it happened that it counts in the archive alone. */
export function isTooLate(
  { lateHorizonMs }: Pick<Limits, 'lateHorizonMs'>,
  timeMs: number | null,
  receivedAt: number,
): boolean {
  return timeMs !== null && receivedAt - timeMs > lateHorizonMs;
}

/** One per lane: buffers are kept from batch to batch. */
export function createPreparer<E>(
  processor: Pick<
    Processor<E>,
    'name' | 'redriveName' | 'source' | 'relevant' | 'wantsRows' | 'batchRowsMax'
  >,
  decoder: Decoder<E>,
  limits: Limits,
) {
  const { source } = processor;
  const writer = new CopyWriter(1 << 20);
  const fields = source.contentColumns.length + 3;
  const idHash = createHash128();
  const contentHash = createHash128();
  /** Per accepted event the lanes of both hashes; a resend is known only after the rows met the table. */
  let hashes = new Uint32Array(8 * processor.batchRowsMax);

  /** By offset; the record itself decides, since partitions share offsets. */
  const condemned = new Map<number, { record: KafkaRecord; detail: string }>();

  /** The event, or why there is none; domain rules included. */
  function read(record: KafkaRecord): E | Fault {
    const sentence = condemned.size === 0 ? undefined : condemned.get(record.offset);
    if (sentence?.record === record) {
      return { reason: 'rejected_by_database', detail: sentence.detail };
    }
    const { value } = record;
    if (value === null) {
      return source.tombstones
        ? source.fromTombstone(record)
        : { reason: 'null_value', detail: 'the value is null and this topic has no tombstones' };
    }
    if (value.length > limits.recordBytesMax)
      return {
        reason: 'too_large',
        detail: `${value.length} bytes; at most ${limits.recordBytesMax}`,
      };
    const event = decoder.decode(value);
    if (isFault(event)) return event;
    return source.check(event, record) ?? event;
  }

  // Not inside `prepare`: what is made anew with every batch is also compiled anew.
  function take(batch: Batch<E>, run: LedgerRun, record: KafkaRecord): void {
    const redrive = readRedrive(record);
    const receivedAt = redrive?.receivedAt ?? record.timestamp;
    if (redrive !== null && redrive.processor !== (processor.redriveName ?? processor.name))
      return accountRaw(run, 'skipped', record);
    const event = read(record);
    if (isFault(event)) return bury(batch, run, record, event, null);

    const timeMs = source.timeMs(event);
    if (timeMs !== null && timeMs - receivedAt > limits.futureToleranceMs) {
      const app = source.app(event);
      count(batch.futureByApp, app);
      const ahead = Math.round((timeMs - receivedAt) / 1000);
      const detail = `occurred ${ahead} s after it was received`;
      return bury(batch, run, record, { reason: 'event_from_future', detail }, app);
    }
    const rowStart = writer.position;
    const rowsBefore = writer.rows;
    hashContent(event, record);
    const id = source.id(event, record);
    murmur128(idHash, id, 0, id.length);

    const outcome = outcomeOf(event, timeMs, receivedAt);
    addTo(run.accounts[outcome], idHash, contentHash);
    if (outcome === 'too_late') count(batch.lateByApp, source.app(event));
    if (outcome !== 'ok') return writer.truncate(rowStart, rowsBefore);
    if (processor.wantsRows) {
      writer.timestamptz(receivedAt);
      writer.int4(run.partition);
      writer.int8(record.offset);
    }
    const { accepted } = batch;
    keepHashes(accepted.length * 8);
    accepted.push({ event, partition: run.partition, offset: record.offset, receivedAt });
    batch.acceptedRuns.push(run);
  }

  /**
   * A table that keeps the whole event can be held against the canonical bytes, so these are
   * hashed, and stand in the row. For others the record's own bytes do.
   */
  function hashContent(event: E, record: KafkaRecord): void {
    const { value } = record;
    if (!processor.wantsRows && value !== null) {
      murmur128(contentHash, value, 0, value.length);
      return;
    }
    writer.row(fields);
    const contentStart = writer.position;
    source.writeContent(writer, event);
    murmur128(contentHash, writer.bytes, contentStart, writer.position);
  }

  function keepHashes(at: number): void {
    if (at + 8 > hashes.length) {
      const grown = new Uint32Array(hashes.length * 2);
      grown.set(hashes);
      hashes = grown;
    }
    hashes.set(idHash, at);
    hashes.set(contentHash, at + 4);
  }

  function outcomeOf(event: E, timeMs: number | null, receivedAt: number): Outcome {
    if (isTooLate(limits, timeMs, receivedAt)) return 'too_late';
    return processor.relevant(event) ? 'ok' : 'skipped';
  }

  function accountRaw(run: LedgerRun, outcome: Outcome, record: KafkaRecord): void {
    const value = record.value ?? Buffer.alloc(0);
    murmur128(contentHash, value, 0, value.length);
    addTo(run.accounts[outcome], contentHash, contentHash);
  }

  function bury(
    batch: Batch<E>,
    run: LedgerRun,
    record: KafkaRecord,
    fault: Fault,
    app: string | null,
  ): void {
    accountRaw(run, 'dead', record);
    batch.dead.push({ partition: run.partition, record, fault, app });
  }

  function prepare(slices: readonly Slice[]): Prepared<E> {
    writer.reset();
    const acceptedRuns: LedgerRun[] = [];
    const batch: Batch<E> = {
      accepted: [],
      acceptedRuns,
      rows: processor.wantsRows ? writer : null,
      runs: [],
      dead: [],
      lateByApp: new Map(),
      futureByApp: new Map(),
      markDuplicate(index) {
        const run = acceptedRuns[index];
        if (run === undefined) throw new Error(`no accepted event ${index}`);
        const at = index * 8;
        const id = hashes.subarray(at, at + 4);
        const content = hashes.subarray(at + 4, at + 8);
        moveBetween(run.accounts.ok, run.accounts.duplicate, id, content);
      },
    };
    for (const slice of slices) {
      let run: LedgerRun | null = null;
      for (const record of slice.records) {
        const hour = hourOf(record.timestamp);
        if (run === null || run.hour !== hour) {
          const from: number = run === null ? slice.from : record.offset;
          if (run !== null) run.to = record.offset;
          run = createRun(slice.partition, from, hour);
          batch.runs.push(run);
        }
        take(batch, run, record);
      }
      if (run !== null) run.to = slice.next;
    }
    return batch;
  }

  return {
    prepare,
    condemn(record: KafkaRecord, detail: string): void {
      condemned.set(record.offset, { record, detail });
    },
  };
}

function count(byApp: Map<string, number>, app: string | null): void {
  const key = app ?? 'unknown';
  byApp.set(key, (byApp.get(key) ?? 0) + 1);
}
