import type { KafkaRecord } from '../../../common/kafka/record.ts';
import { CopyWriter } from '../../../connectors/postgres/copy-writer.ts';
import { createHash128, murmur128 } from '../../../common/hash.ts';
import type { Hash128 } from '../../../common/hash.ts';
import { SECOND_MS } from '../../../common/time.ts';
import { addTo, createLedgerRange, hourOf, moveBetween } from './ledger.ts';
import type { LedgerRange, Outcome } from './ledger.ts';
import type { PartitionBatch } from './partition-batch.ts';
import { isFault } from '../processor.ts';
import type { Accepted, Fault, Processor, Source } from '../processor.ts';
import { readRedrive } from './redrive.ts';

/** How a record's bytes become an event; schemas that it needs are loaded before. */
export interface Decoder<E> {
  decode(value: Buffer): E | Fault;
}

export interface DeadRecord {
  readonly partition: number;
  readonly record: KafkaRecord;
  readonly fault: Fault;
  readonly app: string | null;
}

/** What a batch will do, as data. */
export interface DecodedBatch<E> {
  readonly accepted: Accepted<E>[];
  readonly rows: CopyWriter | null;
  readonly ledger: LedgerRange[];
  readonly dead: DeadRecord[];
  /** Events too late or from the future, by app, for metrics. */
  readonly lateByApp: Map<string, number>;
  readonly futureByApp: Map<string, number>;
  /** Accounts the i-th accepted event as a resend. */
  markDuplicate(index: number): void;
}

interface OpenBatch<E> extends DecodedBatch<E> {
  /** The ledger's range of each accepted event. */
  readonly acceptedRanges: LedgerRange[];
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

/** What decoding needs of a batch; the archive has no task. */
type UndecodedBatch = Pick<PartitionBatch, 'partition' | 'from' | 'next' | 'records'>;

type DecodedProcessor<E> = Pick<
  Processor<E>,
  'name' | 'redriveName' | 'source' | 'relevant' | 'wantsRows' | 'batchRowsMax'
>;

/** One per worker: buffers are kept from batch to batch. */
export function createBatchDecoder<E>(
  processor: DecodedProcessor<E>,
  decoder: Decoder<E>,
  limits: Limits,
) {
  const { source } = processor;
  const writer = new CopyWriter(1 << 20);
  const fields = source.contentColumns.length + 3;
  const idHash = createHash128();
  const contentHash = createHash128();
  const hashes = new AcceptedHashes(processor.batchRowsMax);
  const refused = new RefusedRecords();

  // Not inside `decode`: what is made anew with every batch is also compiled anew.
  function add(to: OpenBatch<E>, range: LedgerRange, record: KafkaRecord): void {
    const redrive = readRedrive(record);
    const receivedAt = redrive?.receivedAt ?? record.timestamp;
    if (redrive !== null && redrive.processor !== (processor.redriveName ?? processor.name))
      return accountRaw(range, 'skipped', record);
    const event = refused.faultOf(record) ?? readEvent(source, decoder, limits, record);
    if (isFault(event)) return addDeadLetter(to, range, record, event, null);

    const timeMs = source.timeMs(event);
    const future = futureFault(limits, timeMs, receivedAt);
    if (future !== null) {
      const app = source.app(event);
      count(to.futureByApp, app);
      return addDeadLetter(to, range, record, future, app);
    }
    const rowStart = writer.position;
    const rowsBefore = writer.rows;
    hashContent(event, record);
    const id = source.id(event, record);
    murmur128(idHash, id, 0, id.length);

    const outcome = outcomeOf(event, timeMs, receivedAt);
    addTo(range.accounts[outcome], idHash, contentHash);
    if (outcome === 'too_late') count(to.lateByApp, source.app(event));
    if (outcome !== 'ok') return writer.truncate(rowStart, rowsBefore);
    if (processor.wantsRows) {
      writer.timestamptz(receivedAt);
      writer.int4(range.partition);
      writer.int8(record.offset);
    }
    hashes.keep(to.accepted.length, idHash, contentHash);
    to.accepted.push({ event, partition: range.partition, offset: record.offset, receivedAt });
    to.acceptedRanges.push(range);
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
    const contentEnd = writer.position;
    const hashedEnd = source.writeAdded?.(writer, event) === true ? writer.position : contentEnd;
    murmur128(contentHash, writer.bytes, contentStart, hashedEnd);
  }

  function outcomeOf(event: E, timeMs: number | null, receivedAt: number): Outcome {
    if (isTooLate(limits, timeMs, receivedAt)) return 'too_late';
    return processor.relevant(event) ? 'ok' : 'skipped';
  }

  function accountRaw(range: LedgerRange, outcome: Outcome, record: KafkaRecord): void {
    const value = record.value ?? Buffer.alloc(0);
    murmur128(contentHash, value, 0, value.length);
    addTo(range.accounts[outcome], contentHash, contentHash);
  }

  function addDeadLetter(
    to: OpenBatch<E>,
    range: LedgerRange,
    record: KafkaRecord,
    fault: Fault,
    app: string | null,
  ): void {
    accountRaw(range, 'dead', record);
    to.dead.push({ partition: range.partition, record, fault, app });
  }

  function decode(batches: readonly UndecodedBatch[]): DecodedBatch<E> {
    writer.reset();
    const decoded = openBatch<E>(processor.wantsRows ? writer : null, hashes);
    for (const batch of batches) {
      let range: LedgerRange | null = null;
      for (const record of batch.records) {
        const hour = hourOf(record.timestamp);
        if (range === null || range.hour !== hour) {
          const from: number = range === null ? batch.from : record.offset;
          if (range !== null) range.to = record.offset;
          range = createLedgerRange(batch.partition, from, hour);
          decoded.ledger.push(range);
        }
        add(decoded, range, record);
      }
      if (range !== null) range.to = batch.next;
    }
    return decoded;
  }

  return {
    decode,
    /** From now on `decode` makes a dead letter of this record. */
    deadLetter: refused.add,
  };
}

/** The event, or why there is none; domain rules included. */
function readEvent<E>(
  source: Source<E>,
  decoder: Decoder<E>,
  limits: Limits,
  record: KafkaRecord,
): E | Fault {
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

function futureFault(
  { futureToleranceMs }: Limits,
  timeMs: number | null,
  receivedAt: number,
): Fault | null {
  if (timeMs === null || timeMs - receivedAt <= futureToleranceMs) return null;
  const ahead = Math.round((timeMs - receivedAt) / SECOND_MS);
  return { reason: 'event_from_future', detail: `occurred ${ahead} s after it was received` };
}

function openBatch<E>(rows: CopyWriter | null, hashes: AcceptedHashes): OpenBatch<E> {
  const acceptedRanges: LedgerRange[] = [];
  return {
    accepted: [],
    acceptedRanges,
    rows,
    ledger: [],
    dead: [],
    lateByApp: new Map(),
    futureByApp: new Map(),
    markDuplicate(index) {
      const range = acceptedRanges[index];
      if (range === undefined) throw new Error(`no accepted event ${index}`);
      const { id, content } = hashes.of(index);
      moveBetween(range.accounts.ok, range.accounts.duplicate, id, content);
    },
  };
}

/** Both hashes of each accepted event: that it is a resend is known only after its row met the table. */
class AcceptedHashes {
  #words: Uint32Array;

  constructor(rows: number) {
    this.#words = new Uint32Array(8 * rows);
  }

  keep(index: number, id: Hash128, content: Hash128): void {
    const at = index * 8;
    if (at + 8 > this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words.set(id, at);
    this.#words.set(content, at + 4);
  }

  of(index: number): { readonly id: Hash128; readonly content: Hash128 } {
    const at = index * 8;
    return { id: this.#words.subarray(at, at + 4), content: this.#words.subarray(at + 4, at + 8) };
  }
}

/** Records that the database refused when they stood alone. */
class RefusedRecords {
  /** By offset; the record itself decides, since partitions share offsets. */
  readonly #byOffset = new Map<number, { record: KafkaRecord; detail: string }>();

  readonly add = (record: KafkaRecord, detail: string): void => {
    this.#byOffset.set(record.offset, { record, detail });
  };

  faultOf(record: KafkaRecord): Fault | null {
    if (this.#byOffset.size === 0) return null;
    const refused = this.#byOffset.get(record.offset);
    if (refused?.record !== record) return null;
    return { reason: 'rejected_by_database', detail: refused.detail };
  }
}

function count(byApp: Map<string, number>, app: string | null): void {
  const key = app ?? 'unknown';
  byApp.set(key, (byApp.get(key) ?? 0) + 1);
}
