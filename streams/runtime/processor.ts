import type { Registry } from 'prom-client';
import type { KafkaRecord } from '../../common/kafka/record.ts';
import type { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { DeadLetterReason } from '../../schemas/reasons.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import type { Log } from '../../common/log.ts';
import type { AppliedIds, ImportCheck, Outbox, TableRetention } from './declared.ts';

/**
 * A topic as every processor that reads it understands it. Pure: the same record gives the same
 * answers whenever it is read, so a live run, a replay and a rebuild agree.
 */
export interface Source<E> {
  readonly topic: TopicName;
  /** A null value is a tombstone (compacted topics) and not a bad record. */
  readonly tombstones: boolean;
  /** Rules beyond the Avro type, by record key too. Null when the event is good. */
  check(event: E, record: KafkaRecord): Fault | null;
  /** The event for a tombstone; only called when `tombstones`. */
  fromTombstone(record: KafkaRecord): E | Fault;
  /** 16 bytes that name the event in the ledger. */
  id(event: E, record: KafkaRecord): Uint8Array;
  /** Epoch ms at which it happened, or null where lateness has no meaning (a catalogue). */
  timeMs(event: E): number | null;
  app(event: E): string | null;
  /** Columns that `writeContent` writes, then those of `writeAdded`. */
  readonly contentColumns: readonly string[];
  /**
   * The event's canonical bytes: its columns in binary COPY form. The ledger hashes them, and a
   * table of whole events stores them, so a row read back can be held against the ledger.
   */
  writeContent(out: CopyWriter, event: E): void;
  /**
   * Writes the columns that came with a later version of the schema; false where all of them have
   * their defaults. Then they are not hashed, so a record of an earlier version has one hash for
   * ever: the ledger has it from the time before there were such columns.
   */
  writeAdded?(out: CopyWriter, event: E): boolean;
}

/** The reason for which a record is dead-lettered; `detail` names the place and the value. */
export interface Fault {
  readonly reason: DeadLetterReason;
  readonly detail: string;
}

/** Asked of every record: looks at what events do not have. */
export function isFault(value: unknown): value is Fault {
  const { reason, detail } = value as Partial<Fault>;
  return reason !== undefined && detail !== undefined;
}

/** An event on its way into a table, with its record's place and time. */
export interface Accepted<E> {
  readonly event: E;
  readonly partition: number;
  readonly offset: number;
  /** Epoch ms; first receipt for a redriven record. */
  readonly receivedAt: number;
}

export interface WriteBatch<E> {
  readonly events: readonly Accepted<E>[];
  /**
   * The events as COPY rows: `contentColumns`, then received_at, kafka_partition, kafka_offset;
   * row i is event i. Null when the processor did not ask for them (`wantsRows`).
   */
  readonly rows: CopyWriter | null;
}

/** What a store may reach beside the batch's session; each opens for itself what it needs. */
export interface Resources {
  readonly postgresUrl: string;
  readonly redisUrl?: string | undefined;
  /** surfaces.yaml, which need not be there. */
  readonly surfacesFile?: string | undefined;
  /** Where it may keep what it wants to have at the next start. */
  readonly stateFolder?: string | undefined;
  readonly log: Log;
}

export interface Store<E> {
  /** Outside the transaction: makes what the rows need (partitions of a table). */
  prepare(session: Session, events: readonly Accepted<E>[]): Promise<void>;
  /**
   * Inside the batch's transaction. Must give the same tables when events arrive in other batches,
   * and must leave out events that were applied before. Returns the indexes of those resends.
   */
  apply(session: Session, batch: WriteBatch<E>, sent: CopyHook): Promise<readonly number[]>;
  /** Lets go of what it opened; no batch is under way, and none follows. */
  close?(): Promise<void>;
}

/** Where a store runs, and what a rebuild knows of the events that it gives it. */
export interface StoreOptions<E> {
  /** Given where the processor runs; a rebuild gives none. */
  readonly resources?: Resources & { readonly registry: Registry };
  /**
   * False for an event of which no resend will follow, neither from the rebuild, which has left
   * them out, nor from the topic, where it would be too late. By default all may be sent again.
   */
  mayComeAgain?(event: Accepted<E>): boolean;
}

/** Lets fault tests stop a process inside a COPY. */
export type CopyHook = (part: 'half' | 'all') => Promise<void>;

/** A processor's declaration: all that anybody else knows of it. */
export interface Processor<E = unknown> {
  /** Its folder in streams/, and the name of its consumer group after `marquee.`. */
  readonly name: string;
  readonly source: Source<E>;
  /** Whose redriven records are its own too; its own name when not given. */
  readonly redriveName?: string;
  /** Events that this processor has nothing to do with are accounted as skipped. */
  relevant(event: E): boolean;
  /** The reason for which events are not relevant, in a few words. */
  readonly irrelevantBecause?: string;
  readonly wantsRows: boolean;
  /** Work of one transaction at most. */
  readonly batchRowsMax: number;
  readonly batchBytesMax: number;
  /** Connections that work side by side, each with partitions of its own. */
  readonly workers: number;
  createStore(options?: StoreOptions<E>): Store<E>;
  /** Set when `apply` fills an outbox that is to be published after COMMIT. */
  readonly outbox?: Outbox;
  /** Tables that hold the results: what a replay rebuilds. */
  readonly tables: readonly string[];
  /** Tables that `apply` writes beside them and that are no results: an outbox. */
  readonly sideTables?: readonly string[];
  /** Those of its tables that do not keep everything; none when not given. */
  readonly retention?: readonly TableRetention[];
  /** Not given where a resend overwrites what it wrote before instead of being told apart. */
  readonly appliedIds?: AppliedIds;
  /** Columns that the stream does not make: left out when tables are compared. */
  readonly derivedColumns?: readonly string[];
  /** Rows stand alone and carry their offset, so a replay may start in the middle. */
  readonly rowsCarryOffsets: boolean;
  /**
   * Copies into the replayed tables what the log can't give again, and says how many rows that
   * were. Called while no batch of the live processor is under way; schemas are quoted.
   */
  carryOver?(session: Session, live: string, replayed: string): Promise<number>;
  /** Numbers that an import of known size leaves in its tables. */
  readonly importChecks?: readonly ImportCheck[];
}

/** Keeps the type parameter of a declaration while tables of processors forget it. */
export function defineProcessor<E>(processor: Processor<E>): Processor {
  return processor;
}
