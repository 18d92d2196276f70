import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { MarqueeError } from '../common/error.ts';

/** A migration or a view as it lies in the folder. */
export interface SqlFile {
  readonly name: string;
  readonly sql: string;
  /** sha256 of the text, hex; line endings don't count. */
  readonly checksum: string;
}

export interface Migration extends SqlFile {
  readonly version: number;
}

async function readFolder(folder: URL): Promise<SqlFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = (await readFile(new URL(name, folder), 'utf8')).replaceAll('\r\n', '\n');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/**
 * The migrations of a folder (its URL ends in a slash) in the order of their numbers.
 * Throws MARQUEE_MIGRATION_INVALID where a name is not NNNN-name.sql or a number is missing or
 * taken twice.
 */
export async function readMigrations(folder: URL): Promise<Migration[]> {
  const files = await readFolder(folder);
  return files.map((file, index) => {
    const version = Number(/^(\d{4})-[a-z0-9-]+\.sql$/.exec(file.name)?.[1]);
    if (version !== index + 1) {
      const expected = String(index + 1).padStart(4, '0');
      throw new MarqueeError(
        'MARQUEE_MIGRATION_INVALID',
        `sql/migrations/${file.name}: expected ${expected}-<name>.sql at this place; ` +
          'numbers go up by one from 0001, each taken once',
      );
    }
    return { ...file, version };
  });
}

/** The views of a folder, by file name: one view a file, named like it with underscores. */
export async function readViews(folder: URL): Promise<SqlFile[]> {
  const files = await readFolder(folder);
  return files.map((file) => ({
    ...file,
    name: file.name.slice(0, -'.sql'.length).replaceAll('-', '_'),
  }));
}

/** A row of schema_migrations. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * The migrations that are left to apply. Throws MARQUEE_MIGRATION_CHANGED where an applied file was
 * edited or renamed since, and MARQUEE_MIGRATION_UNKNOWN where the database is ahead of the folder.
 */
export function pendingMigrations(
  files: readonly Migration[],
  applied: readonly AppliedMigration[],
): Migration[] {
  const byVersion = new Map(files.map((file) => [file.version, file]));
  for (const row of applied) {
    const file = byVersion.get(row.version);
    if (file === undefined) {
      throw new MarqueeError(
        'MARQUEE_MIGRATION_UNKNOWN',
        `the database has migration ${row.name}, this checkout ends at ` +
          `${files.at(-1)?.name ?? 'none'}: update the checkout`,
      );
    }
    if (file.name !== row.name || file.checksum !== row.checksum) {
      throw new MarqueeError(
        'MARQUEE_MIGRATION_CHANGED',
        `sql/migrations/${file.name} is not what was applied as ${row.name}: restore the file ` +
          'and put the change into a new migration',
      );
    }
    byVersion.delete(row.version);
  }
  return files.filter((file) => byVersion.has(file.version));
}
