import type { Database } from '../support/faults/database.ts';
import type { Mutant } from './mutants.ts';

/** A guarantee of the archive taken out of the source, or out of a function in the database. */
export interface ArchiveMutant extends Mutant {
  readonly sql?: { readonly function: string; readonly from: string; readonly to: string };
}

export const ARCHIVE_MUTANTS: readonly ArchiveMutant[] = [
  { name: 'nothing is changed (the control, which must be green)', edits: [] },
  {
    name: 'what was put is recorded without being read back',
    edits: [
      {
        file: 'cli/archive/context.ts',
        from: '  return openObjectStore(objectStore);\n',
        to: `  const store = openObjectStore(objectStore);
  const sent = new Map<string, Buffer>();
  return {
    ...store,
    put: (name, body) => (sent.set(name, body), store.put(name, body)),
    get: (name) => Promise.resolve(sent.get(name) ?? store.get(name)),
  };
`,
      },
    ],
  },
  {
    name: 'a rerun makes a plan of its own instead of the one that is open',
    edits: [
      {
        file: 'archive/ingest/plan.ts',
        from: '  if (open !== null) return open;\n',
        to: `  if (open !== null)
    await session.execute('UPDATE archive_runs SET finished_at = now() WHERE finished_at IS NULL');
`,
      },
    ],
  },
  {
    name: 'files are recorded in another transaction than the offset',
    edits: [
      {
        file: 'archive/ingest/run-log.ts',
        from: '    await insertFiles(',
        to: `    await session.execute('COMMIT');
    await session.execute('BEGIN');
    await insertFiles(`,
      },
    ],
  },
  {
    name: 'an hour is dropped without asking whether the archive holds it',
    edits: [],
    sql: {
      function: 'drop_archived_hour',
      from: 'WHERE coalesce(o.next_offset, 0) <= h.last OR',
      to: 'WHERE false AND coalesce(o.next_offset, 0) <= h.last OR false AND',
    },
  },
];

/** Replaces text in a function of the database; returns what puts it back. */
export async function changeFunction(
  db: Database,
  change: NonNullable<ArchiveMutant['sql']>,
): Promise<() => Promise<void>> {
  const [row] = await db.query<{ source: string }>(
    'SELECT pg_get_functiondef($1::regproc) AS source',
    [change.function],
  );
  const source = row?.source ?? '';
  if (source.split(change.from).length !== 2)
    throw new Error(`${change.function} does not hold exactly once what is to be taken out`);
  await db.query(source.replace(change.from, () => change.to));
  return async () => {
    await db.query(source);
  };
}
