/**
 * Hot and cold as one: the view `events` of a DuckDB in this process, each event once. Cold files
 * are read from the store where they are; hot rows are copied into local Parquet files, and only
 * the dates that a statement asks for.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDuckDb } from '../../connectors/duckdb/database.ts';
import type { DuckDb, SqlResult } from '../../connectors/duckdb/database.ts';
import { MarqueeError } from '../../common/error.ts';
import { readManifest } from './manifest-reader.ts';
import type { ManifestSnapshot } from './manifest-reader.ts';
import { createRelations } from './relations.ts';
import { undoesView } from './scanned-files.ts';
import { inSnapshot } from './snapshot.ts';

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
  /** Snapshot that it shows: all events that were applied or archived then. */
  manifest(): ManifestSnapshot;
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

function createView(
  database: DuckDb,
  options: EventsViewOptions,
  folder: string,
): Omit<EventsView, 'close'> {
  const { postgresUrl, store } = options;
  const relations = createRelations(database, store.bucket, folder);
  let interrupted = false;

  function assertWanted(): void {
    if (interrupted) throw new MarqueeError('MARQUEE_INTERRUPTED', 'the statement was ended');
  }

  async function copyHot(statement: string): Promise<void> {
    let dates = await relations.missingDates(statement);
    assertWanted();
    if (dates.length === 0) return;
    await inSnapshot(postgresUrl, async (session) => {
      const [now] = await session.query<{ dropped: number }>(
        'SELECT count(*) AS dropped FROM dropped_accounts',
      );
      // What left the hot table since is in files that were not listed then.
      if (now?.dropped !== relations.manifest().dropped) {
        await relations.adopt(await readManifest(session));
        dates = await relations.missingDates(statement);
      }
      let rows = 0;
      await relations.copyHot(session, dates, (n) => {
        assertWanted();
        options.onHotRows?.((rows += n));
      });
    });
    await relations.defineEvents();
  }

  async function attempt(statement: string): Promise<SqlResult> {
    await copyHot(statement);
    assertWanted();
    const result = await withFirstPiece(await database.stream(statement), assertWanted);
    if (undoesView(statement)) await relations.defineEvents();
    return result;
  }

  const refresh = () =>
    inSnapshot(postgresUrl, async (session) => relations.adopt(await readManifest(session)));

  return {
    manifest: relations.manifest,
    async stream(statement) {
      interrupted = false;
      try {
        return await attempt(statement);
      } catch (error) {
        // An object that a merge replaced longer ago than its grace: the manifest of now has
        // others.
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
