/**
 * Hot and cold as one: the view `events` of a DuckDB in this process, each event once. Cold files are
 * read from the store where they are; hot rows are copied into local Parquet files, and only the
 * dates that a statement asks for.
 */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDuckDb, quote } from '../../connectors/duckdb/database.ts';
import type { DuckDb, SqlResult } from '../../connectors/duckdb/database.ts';
import { openSession } from '../../connectors/postgres/session.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { readManifest } from './manifest-reader.ts';
import type { ManifestSnapshot, ListedFile } from './manifest-reader.ts';
import { viewOf } from './events-sql.ts';
import { writeHotFiles } from './hot-files.ts';

export interface EventsViewOptions {
  /** Of marquee_reader. */
  readonly postgresUrl: string;
  readonly store: {
    readonly endpoint: string;
    readonly accessKey: string;
    readonly secretKey: string;
    readonly bucket: string;
  };
  /** File of DuckDB's extension httpfs. */
  readonly httpfs: string;
  /** Hot rows copied so far for the statement under way. */
  onHotRows?(rows: number): void;
}

export interface EventsView {
  /** What it shows: all events that were applied or archived then. */
  books(): ManifestSnapshot;
  /** One statement. Throws MarqueeError MARQUEE_SQL_FAILED with DuckDB's words. */
  stream(statement: string): Promise<SqlResult>;
  /** As of now from here on. */
  refresh(): Promise<void>;
  /** Ends the statement under way. */
  interrupt(): void;
  close(): Promise<void>;
}

/** Opens a DuckDB with the relations `events` and `manifest`, as of now. */
export async function openEventsView(options: EventsViewOptions): Promise<EventsView> {
  const folder = await mkdtemp(join(tmpdir(), 'marquee-sql-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    const database = await openDuckDb({
      httpfs: options.httpfs,
      store: options.store,
      spillFolder: join(folder, 'spill'),
    });
    const view = createView(database, options, folder);
    await view.refresh();
    return {
      ...view,
      async close() {
        database.close();
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

/** Statements that read no relation, and that must also work in a transaction that failed. */
const READS_NOTHING =
  /^\s*(?:begin|start|commit|end|rollback|abort|set|reset|use|load|install|attach|detach|drop|pragma|checkpoint|prepare|deallocate|alter|comment)\b/i;

function createView(
  database: DuckDb,
  options: EventsViewOptions,
  folder: string,
): Omit<EventsView, 'close'> {
  let books: ManifestSnapshot = { asOf: '', files: [], hot: [], hotDates: [], dropped: 0 };
  /** Files of the hot dates that were copied. */
  let loaded = new Map<string, readonly string[]>();
  let taken = 0;
  let interrupted = false;

  async function adopt(next: ManifestSnapshot): Promise<void> {
    books = next;
    loaded = new Map();
    await rm(hotFolder(), { recursive: true, force: true });
    taken++;
    await fillManifest(database, next.files);
    await defineEvents();
  }
  const hotFolder = () => join(folder, `hot-${taken}`);

  /** A file that can't be read stands for a date that is not copied: nothing is left out unsaid. */
  async function unread(date: string): Promise<string> {
    const path = join(hotFolder(), `date=${date}`, 'not-copied.parquet');
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, '');
    return path;
  }

  async function defineEvents(): Promise<void> {
    const url = ({ path }: ListedFile) => `s3://${options.store.bucket}/${path}`;
    const byDate = Map.groupBy(books.files, ({ date }) => date);
    const isSingle = ({ date, generation }: ListedFile) =>
      generation > 0 && byDate.get(date)?.length === 1 && !books.hotDates.includes(date);
    const hot: string[] = [];
    for (const date of dueDates()) hot.push(...(loaded.get(date) ?? [await unread(date)]));
    await database.run(
      viewOf('events', {
        single: books.files.filter(isSingle).map(url),
        several: [...books.files.filter((file) => !isSingle(file)).map(url), ...hot],
      }),
    );
  }

  const dueDates = () => (books.hot.length === 0 ? [] : books.hotDates);

  /** The hot dates that are not copied and that the statement would read. */
  async function missingDates(statement: string): Promise<readonly string[]> {
    const missing = dueDates().filter((date) => !loaded.has(date));
    if (missing.length === 0 || READS_NOTHING.test(statement)) return [];
    const stubs = new Map<string, string>();
    for (const date of missing) stubs.set(date, await unread(date));
    try {
      const share = await scanned(statement, [...stubs.values()]);
      if (share === 'none') return [];
      if (share === 'all') return missing;
      const asked: string[] = [];
      for (const [date, stub] of stubs)
        if ((await scanned(statement, [stub])) !== 'none') asked.push(date);
      return asked;
    } catch {
      // It can't be explained, or is wrong: then it says so itself when it is run.
      return missing;
    } finally {
      await defineEvents();
    }
  }

  /** How many of these files the plan of a statement over them alone reads. */
  async function scanned(
    statement: string,
    paths: readonly string[],
  ): Promise<'none' | 'some' | 'all'> {
    await database.run(viewOf('events', { single: [], several: paths }));
    const rows = await database.all(`EXPLAIN (FORMAT json) ${statement}`);
    return scannedShare(JSON.parse(String(rows[0]?.at(-1))) as PlanNode[]);
  }

  function assertWanted(): void {
    if (interrupted) throw new MarqueeError('MARQUEE_INTERRUPTED', 'the statement was ended');
  }

  async function copyHot(statement: string): Promise<void> {
    let dates = await missingDates(statement);
    assertWanted();
    if (dates.length === 0) return;
    await inSnapshot(options.postgresUrl, async (session) => {
      const [now] = await session.query<{ dropped: number }>(
        'SELECT count(*) AS dropped FROM dropped_accounts',
      );
      // What left the hot table since is in files that were not listed then.
      if (now?.dropped !== books.dropped) {
        await adopt(await readManifest(session));
        dates = await missingDates(statement);
      }
      let rows = 0;
      for (const date of dates) {
        const files = await writeHotFiles(session, hotFolder(), date, books.hot, (n) => {
          assertWanted();
          options.onHotRows?.((rows += n));
        });
        loaded.set(date, files);
      }
    });
    await defineEvents();
  }

  const refresh = () =>
    inSnapshot(options.postgresUrl, async (session) => adopt(await readManifest(session)));

  async function attempt(statement: string): Promise<SqlResult> {
    await copyHot(statement);
    assertWanted();
    const result = await withFirstPiece(await database.stream(statement), assertWanted);
    // It takes back what `events` has become since its BEGIN, too.
    if (/^\s*(?:rollback|abort)\b/i.test(statement)) await defineEvents();
    return result;
  }

  return {
    books: () => books,
    async stream(statement) {
      interrupted = false;
      try {
        return await attempt(statement);
      } catch (error) {
        // An object that a merge replaced longer ago than its grace: the manifest of now has others.
        if (!isMissingObject(error)) throw error;
        await refresh();
        return await attempt(statement);
      }
    },
    refresh,
    interrupt: () => {
      interrupted = true;
      database.interrupt();
    },
  };
}

/**
 * One snapshot of Postgres in which no hour can leave the hot table: a reader's lock on it comes
 * before the snapshot, and a drop waits for that or gives way.
 */
async function inSnapshot<T>(url: string, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession({ url, applicationName: 'marquee-sql' });
  try {
    return await session.transaction(async () => {
      await session.execute('LOCK TABLE rt_user_interactions IN ACCESS SHARE MODE');
      await session.execute('SET LOCAL statement_timeout = 0');
      return work(session);
    }, 'REPEATABLE READ READ ONLY');
  } finally {
    await session.close();
  }
}

const MANIFEST_ROWS = 500;

async function fillManifest(database: DuckDb, files: readonly ListedFile[]): Promise<void> {
  await database.run(
    `CREATE OR REPLACE TABLE manifest (path VARCHAR, topic VARCHAR, partition INTEGER,
       from_offset BIGINT, to_offset BIGINT, date DATE, rows BIGINT, bytes BIGINT, sha256 VARCHAR,
       generation INTEGER, recorded_at TIMESTAMP WITH TIME ZONE)`,
  );
  const literal = (value: string | number | null) =>
    value === null ? 'NULL' : typeof value === 'number' ? String(value) : quote(value);
  const row = (f: ListedFile) =>
    [f.path, f.topic, f.partition, f.fromOffset, f.toOffset, f.date, f.rows, f.bytes, f.sha256]
      .concat(f.generation, f.recordedAt)
      .map(literal)
      .join(', ');
  for (let at = 0; at < files.length; at += MANIFEST_ROWS)
    await database.run(
      `INSERT INTO manifest VALUES ${files
        .slice(at, at + MANIFEST_ROWS)
        .map((file) => `(${row(file)})`)
        .join(', ')}`,
    );
}

interface PlanNode {
  readonly name: string;
  readonly children?: readonly PlanNode[];
  readonly extra_info?: Readonly<Record<string, string>>;
}

function scannedShare(plan: readonly PlanNode[]): 'none' | 'some' | 'all' {
  let share: 'none' | 'some' | 'all' = 'none';
  const visit = ({ name, children = [], extra_info: info = {} }: PlanNode): void => {
    children.forEach(visit);
    if (!/PARQUET/.test(name) && !/PARQUET/.test(info['Function'] ?? '')) return;
    const [, part, all] = /^(\d+)\/(\d+)$/.exec(info['Scanning Files'] ?? '') ?? [];
    if (part === undefined || part === all) share = 'all';
    else if (part !== '0' && share === 'none') share = 'some';
  };
  plan.forEach(visit);
  return share;
}

/** Takes the first piece at once: most that can fail has failed by then. */
async function withFirstPiece(result: SqlResult, assertWanted: () => void): Promise<SqlResult> {
  const pieces = result.pieces[Symbol.asyncIterator]();
  const first = await pieces.next();
  return {
    columns: result.columns,
    pieces: (async function* () {
      if (first.done === true) return;
      yield first.value;
      for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
        assertWanted();
        yield next.value;
      }
    })(),
  };
}

function isMissingObject(error: unknown): boolean {
  return error instanceof MarqueeError && /\b404\b|NoSuchKey/.test(error.message);
}
