import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CopyWriter } from '../../../connectors/postgres/copy-writer.ts';
import { openSession } from '../../../connectors/postgres/session.ts';
import { TOPICS, type TopicName } from '../../../schemas/generated/topics.ts';
import type {
  Movie,
  RecommendationServeRecord,
  UserActionRecord,
} from '../../../schemas/generated/types.ts';
import type { DeadLetterReason } from '../../../schemas/reasons.ts';
import type { Database } from '../faults/database.ts';

export type Outcome = 'ok' | 'duplicate' | 'too_late' | 'skipped' | 'dead';

/** Which processors read a topic, by the tables they fill. */
export const READERS: Readonly<Partial<Record<TopicName, readonly string[]>>> = {
  'user-actions.v1': ['interactions', 'profiles', 'feedback'],
  'recommendation-serves.v1': ['serve-logs'],
  'movies.v1': ['movies'],
};

export interface ExpectedDead {
  readonly topic: TopicName;
  readonly partition: number;
  readonly offset: number;
  readonly kind: string;
  readonly reason: DeadLetterReason;
  readonly bytes: number | null;
}

interface ExpectedMovie {
  movie: Movie | null;
  withdrawn: boolean;
  partition: number;
  offset: number;
}

const ROWS_PER_FILE = 50_000;

/** Tables of the generator's own account, in a schema of their own. */
const TABLES: Readonly<Record<string, string>> = {
  actions: `event_id uuid, occurred_at timestamptz, user_id text COLLATE "C", action text,
    movie_id bigint, value double precision, "position" int, request_id uuid, app text,
    kafka_partition int, kafka_offset bigint`,
  serves: `request_id uuid, served_at timestamptz, user_id text COLLATE "C", algorithm text,
    movies int, kafka_partition int, kafka_offset bigint`,
  movies: `movie_id bigint, title text, year int, updated_at timestamptz, withdrawn boolean,
    kafka_partition int, kafka_offset bigint`,
  dead: `topic text, kafka_partition int, kafka_offset bigint, reason text, bytes int`,
};

/**
 * What must be in the tables at the end, by the account of whoever made the records: it shares
 * nothing with the processors' code. Rows go to files, so that millions cost no memory.
 */
export class Expected {
  readonly dead: ExpectedDead[] = [];
  readonly #next = new Map<string, number>();
  readonly #outcomes = new Map<string, Map<Outcome, number>>();
  readonly #movies = new Map<number, ExpectedMovie>();
  readonly #files = new Map<string, string[]>();
  readonly #writers = new Map<string, CopyWriter>();
  readonly #folder: string;
  readonly #partitions: (topic: TopicName) => number;

  constructor(folder: string, partitions = (topic: TopicName) => TOPICS[topic].partitions) {
    this.#folder = folder;
    this.#partitions = partitions;
    mkdirSync(folder, { recursive: true });
  }

  /** The offset that the next record of this partition will have; every record is given one. */
  place(topic: TopicName, partition: number): number {
    const key = `${topic}/${partition}`;
    const offset = this.#next.get(key) ?? 0;
    this.#next.set(key, offset + 1);
    return offset;
  }

  /** Where each partition's log must end. */
  ends(topic: TopicName): readonly number[] {
    return Array.from(
      { length: this.#partitions(topic) },
      (_, partition) => this.#next.get(`${topic}/${partition}`) ?? 0,
    );
  }

  records(): number {
    let sum = 0;
    for (const next of this.#next.values()) sum += next;
    return sum;
  }

  count(processor: string, outcome: Outcome): number {
    return this.#outcomes.get(processor)?.get(outcome) ?? 0;
  }

  add(processor: string, outcome: Outcome, by = 1): void {
    let counts = this.#outcomes.get(processor);
    if (counts === undefined) this.#outcomes.set(processor, (counts = new Map<Outcome, number>()));
    counts.set(outcome, (counts.get(outcome) ?? 0) + by);
  }

  /** A good action, once however often it is sent. */
  action(action: UserActionRecord, partition: number, offset: number): void {
    const out = this.#row('actions', 11);
    out.raw(action.event_id);
    out.timestamptz(action.occurred_at);
    out.text(action.user_id);
    out.text(action.action);
    out.int8(action.movie_id);
    out.float8(action.value);
    out.int4(action.position);
    out.raw(action.request_id);
    out.text(action.app);
    out.int4(partition);
    out.int8(offset);
  }

  serve(serve: RecommendationServeRecord, partition: number, offset: number): void {
    const out = this.#row('serves', 7);
    out.raw(serve.request_id);
    out.timestamptz(serve.served_at);
    out.text(serve.user_id);
    out.text(serve.algorithm);
    out.int4(serve.movie_ids.length);
    out.int4(partition);
    out.int8(offset);
  }

  /** The newest record of a movie; null withdraws it. */
  movie(id: number, movie: Movie | null, partition: number, offset: number): void {
    const before = this.#movies.get(id);
    if (movie === null && before === undefined) return;
    this.#movies.set(id, {
      movie: movie ?? before?.movie ?? null,
      withdrawn: movie === null,
      partition,
      offset,
    });
  }

  bad(dead: ExpectedDead): void {
    this.dead.push(dead);
    for (const processor of READERS[dead.topic] ?? []) this.add(processor, 'dead');
  }

  /** Loads the account into the schema `expected` of the database, to be held against the tables. */
  async load(url: string, db: Database): Promise<void> {
    // These are written whole each time; the others go on where they were.
    this.#files.delete('movies');
    this.#files.delete('dead');
    for (const [id, { movie, withdrawn, partition, offset }] of this.#movies) {
      const out = this.#row('movies', 7);
      out.int8(id);
      out.text(movie?.title ?? null);
      out.int4(movie?.year ?? null);
      out.timestamptz(movie?.updated_at ?? null);
      out.bool(withdrawn);
      out.int4(partition);
      out.int8(offset);
    }
    for (const { topic, partition, offset, reason, bytes } of this.dead) {
      const out = this.#row('dead', 5);
      out.text(topic);
      out.int4(partition);
      out.int8(offset);
      out.text(reason);
      out.int4(bytes);
    }
    await db.query('DROP SCHEMA IF EXISTS expected CASCADE');
    await db.query('CREATE SCHEMA expected');
    const session = await openSession({ url, applicationName: 'fault-suite' });
    const { readFileSync } = await import('node:fs');
    try {
      for (const [table, columns] of Object.entries(TABLES)) {
        await session.execute(`CREATE UNLOGGED TABLE expected.${table} (${columns})`);
        this.#close(table);
        for (const file of this.#files.get(table) ?? [])
          await session.copy(`expected.${table} `, readFileSync(file));
        await session.execute(`ANALYZE expected.${table}`);
      }
    } finally {
      await session.close();
    }
  }

  #row(table: string, fields: number): CopyWriter {
    let writer = this.#writers.get(table);
    if (writer === undefined) this.#writers.set(table, (writer = new CopyWriter(1 << 20)));
    if (writer.rows >= ROWS_PER_FILE) this.#close(table);
    writer.row(fields);
    return writer;
  }

  #close(table: string): void {
    const writer = this.#writers.get(table);
    if (writer === undefined || writer.rows === 0) return;
    const files = this.#files.get(table) ?? [];
    const file = join(this.#folder, `${table}-${files.length}.bin`);
    writeFileSync(file, writer.take());
    writer.reset();
    this.#files.set(table, [...files, file]);
  }
}
