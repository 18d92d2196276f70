import type { Session } from '../../connectors/postgres/session.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import type { TopicRecords } from '../../schemas/generated/types.ts';

/*
 * Parts of a declaration that others work with: the outbox's relay, retention, the tail of events,
 * the demo. So nobody but the processor knows its tables by name.
 */

/** A table of messages that commit with the batch, and are published after it. */
export interface Outbox<K extends TopicName = TopicName> {
  readonly topic: K;
  /**
   * Publishes what is due and removes it once Kafka acknowledged; returns how many rows that were.
   * Called after commits and at start, one call at a time in a process, in many processes at once.
   */
  relay(
    session: Session,
    publish: (messages: readonly Message<K>[]) => Promise<void>,
  ): Promise<number>;
}

export interface Message<K extends TopicName = TopicName> {
  readonly key: string;
  readonly value: TopicRecords[K];
}

/** Resolves when Kafka has acknowledged all of them. */
export type Publish = <K extends TopicName>(
  topic: K,
  messages: readonly Message<K>[],
) => Promise<void>;

/**
 * A table of time partitions that drops them after a while; an operator may set after how long. The
 * migration that makes the table names it in retained_tables too: Postgres drops from no other.
 */
export type TableRetention = RetentionPeriod & {
  readonly table: string;
  readonly env: `MARQUEE_RETENTION_${string}`;
  /** In the period's unit, as `min` is. */
  readonly default: number;
  /** Of a table of ids at least 26 hours: until then a resend may come. */
  readonly min: number;
  /** For `marquee config`. */
  readonly description: string;
};

/** The key under `retention` in the configuration ends with its unit. */
type RetentionPeriod =
  | { readonly unit: 'days'; readonly setting: `${string}Days` }
  | { readonly unit: 'hours'; readonly setting: `${string}Hours` };

export type RetentionSetting = RetentionPeriod['setting'];

/**
 * The table that keeps the id of every applied event: it tells a resend apart, and says afterwards
 * whether an event is in. Its rows have their event's place in the log when `rowsCarryOffsets`.
 */
export interface AppliedIds {
  readonly table: string;
  readonly column: string;
}

/** A number in a table that an import determines: the demo holds the one against the other. */
export type ImportCheck = {
  readonly table: string;
  /** The thing counted, for people. */
  readonly what: string;
  /** Gives the number as `n`; by users one for each, with the user as `key`. `by` is $1. */
  readonly sql: string;
  readonly by: 'importId' | 'movieIds' | 'users';
} & (
  | { readonly equals: ImportedNumber }
  /** It grows by as much as the count that `equals` this number. */
  | { readonly growsWith: ImportedNumber }
);

/** Numbers of what was sent; answers are the actions that answer one of its serves. */
export type ImportedNumber = 'actions' | 'serves' | 'answers' | 'users' | 'movies';
