import type { DuckDb } from '../../connectors/duckdb/database.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { splitFiles, viewOf } from './events-sql.ts';
import { createHotCopies } from './hot-copies.ts';
import { hotDatesOf } from './manifest-reader.ts';
import type { ListedFile, ManifestSnapshot } from './manifest-reader.ts';
import { fillManifestTable } from './manifest-table.ts';
import { readsNothing, scannedDates, scannedShare } from './scanned-files.ts';
import type { PlanNode, ScannedShare } from './scanned-files.ts';

/** The relations `events` and `manifest` of a DuckDB, of one snapshot of the manifest at a time. */
export function createRelations(database: DuckDb, bucket: string, folder: string) {
  const copies = createHotCopies(folder);
  let manifest: ManifestSnapshot = { asOf: '', files: [], hot: [], hotDates: [], dropped: 0 };

  async function defineEvents(): Promise<void> {
    const hot: string[] = [];
    for (const date of hotDatesOf(manifest)) hot.push(...(await copies.filesOf(date)));
    const { single, several } = splitFiles(manifest);
    const url = ({ path }: ListedFile) => `s3://${bucket}/${path}`;
    const files = { single: single.map(url), several: [...several.map(url), ...hot] };
    await database.run(viewOf('events', files));
  }

  /** The share of these dates' files that the plan of a statement over them alone reads. */
  async function explain(statement: string, dates: readonly string[]): Promise<ScannedShare> {
    const several = await Promise.all(dates.map((date) => copies.placeholder(date)));
    await database.run(viewOf('events', { single: [], several }));
    const rows = await database.all(`EXPLAIN (FORMAT json) ${statement}`);
    return scannedShare(JSON.parse(String(rows[0]?.at(-1))) as PlanNode[]);
  }

  return {
    manifest: () => manifest,
    /** Defines `events` anew, by what is copied. */
    defineEvents,
    /** Shows another snapshot, of which nothing is copied yet. */
    async adopt(next: ManifestSnapshot): Promise<void> {
      manifest = next;
      await copies.reset();
      await fillManifestTable(database, next.files);
      await defineEvents();
    },
    /** The hot dates that are not copied and that the statement would read. */
    async missingDates(statement: string): Promise<readonly string[]> {
      const missing = hotDatesOf(manifest).filter((date) => !copies.has(date));
      if (missing.length === 0 || readsNothing(statement)) return [];
      try {
        return await scannedDates(missing, (dates) => explain(statement, dates));
      } catch {
        // It can't be explained, or is wrong: then it says so itself when it is run.
        return missing;
      } finally {
        await defineEvents();
      }
    },
    /**
     * Copies hot dates; `session` is in a snapshot in which nothing was dropped since the
     * manifest's.
     */
    async copyHot(
      session: Session,
      dates: readonly string[],
      onRows: (rows: number) => void,
    ): Promise<void> {
      for (const date of dates) await copies.copy(session, date, manifest.hot, onRows);
    },
  };
}
