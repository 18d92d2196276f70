import type { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import type { Session } from '../../connectors/postgres/session.ts';

/** A table that deltas reach by COPY into a temporary table, and by one statement from there. */
export interface StagedTable<D> {
  readonly staging: string;
  readonly columns: readonly string[];
  /** Of `columns`, in the same order. */
  readonly types: readonly string[];
  readonly upsert: string;
  write(out: CopyWriter, delta: D): void;
}

/** `values` are the parameters of `upsert`. */
export async function upsertStaged<D>(
  session: Session,
  { staging, columns, types, upsert, write }: StagedTable<D>,
  out: CopyWriter,
  deltas: readonly D[],
  values: readonly unknown[] = [],
): Promise<void> {
  out.reset();
  for (const delta of deltas) write(out, delta);
  const fields = columns.map((column, i) => `${column} ${types[i] ?? ''}`).join(', ');
  await session.execute(
    `CREATE TEMPORARY TABLE IF NOT EXISTS ${staging} (${fields}) ON COMMIT DELETE ROWS`,
  );
  await session.copy(`${staging} (${columns.join(', ')})`, out.take());
  await session.execute(upsert, values);
}
