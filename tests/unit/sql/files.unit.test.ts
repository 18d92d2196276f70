import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pendingMigrations, readMigrations, readViews } from '../../../sql/files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'marquee-sql-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function put(files: Record<string, string>): URL {
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql);
  return pathToFileURL(`${folder}/`);
}

it('reads migrations in the order of their numbers and leaves other files alone', async () => {
  const url = put({ '0002-b.sql': 'b', '0001-a.sql': 'a', 'README.md': 'no migration' });
  const files = await readMigrations(url);
  expect(files.map(({ version, name, sql }) => [version, name, sql])).toEqual([
    [1, '0001-a.sql', 'a'],
    [2, '0002-b.sql', 'b'],
  ]);
});

it.each([
  ['a gap', { '0001-a.sql': '', '0003-c.sql': '' }, '0003-c.sql: expected 0002-'],
  ['a number taken twice', { '0001-a.sql': '', '0001-b.sql': '' }, '0001-b.sql: expected 0002-'],
  ['another name', { 'first.sql': '' }, 'first.sql: expected 0001-'],
])('refuses %s by name', async (_, files, message) => {
  await expect(readMigrations(put(files))).rejects.toMatchObject({
    code: 'MARQUEE_MIGRATION_INVALID',
    message: expect.stringContaining(message) as string,
  });
});

it('takes a checksum of the text that line endings do not change', async () => {
  const [unix] = await readMigrations(put({ '0001-a.sql': 'SELECT 1;\nSELECT 2;\n' }));
  const [windows] = await readMigrations(put({ '0001-a.sql': 'SELECT 1;\r\nSELECT 2;\r\n' }));
  const [other] = await readMigrations(put({ '0001-a.sql': 'SELECT 1;\nSELECT 3;\n' }));
  expect(windows?.checksum).toBe(unix?.checksum);
  expect(other?.checksum).not.toBe(unix?.checksum);
});

it('names a view like its file', async () => {
  const views = await readViews(put({ 'recent-interactions.sql': '' }));
  expect(views.map(({ name }) => name)).toEqual(['recent_interactions']);
});

const file = (version: number, checksum = `sum ${String(version)}`) => ({
  version,
  name: `000${String(version)}-x.sql`,
  sql: '',
  checksum,
});

it('runs what the database lacks, in order', () => {
  const pending = pendingMigrations([file(1), file(2), file(3)], [file(1)]);
  expect(pending.map(({ version }) => version)).toEqual([2, 3]);
});

it('refuses a file that was edited or renamed after it was applied', () => {
  const changed = {
    code: 'MARQUEE_MIGRATION_CHANGED',
    message: expect.stringContaining('0001-x.sql') as string,
  };
  expect(() => pendingMigrations([file(1, 'edited')], [file(1)])).toThrow(
    expect.objectContaining(changed) as Error,
  );
  const renamed = { ...file(1), name: '0001-y.sql' };
  expect(() => pendingMigrations([file(1)], [renamed])).toThrow(
    expect.objectContaining(changed) as Error,
  );
});

it('refuses a database that is ahead of the checkout', () => {
  expect(() => pendingMigrations([file(1)], [file(1), file(2)])).toThrow(
    expect.objectContaining({
      code: 'MARQUEE_MIGRATION_UNKNOWN',
      message: expect.stringContaining('0002-x.sql') as string,
    }) as Error,
  );
});
