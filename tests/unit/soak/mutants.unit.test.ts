import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../../cli/config/config.ts';
import { ARCHIVE_MUTANTS } from '../../soak/archive-mutants.ts';
import { MUTANTS } from '../../soak/mutants.ts';

const read = (...path: string[]): string => readFileSync(join(repositoryRoot, ...path), 'utf8');
const occurrences = (text: string, of: string): number => text.split(of).length - 1;

/** The newest migration that defines a function: its text is what the database has. */
function definitionOf(name: string): string {
  const folder = join('sql', 'migrations');
  const files = readdirSync(join(repositoryRoot, folder)).sort();
  const defining = files
    .map((file) => read(folder, file))
    .filter((text) => text.includes(`FUNCTION ${name}(`));
  return defining.at(-1) ?? '';
}

const mutants = [...MUTANTS, ...ARCHIVE_MUTANTS];
const edits = [...new Set(mutants.flatMap((mutant) => mutant.edits))];

test.each(edits)('$file holds exactly once what a mutant takes out', ({ file, from }) => {
  expect(occurrences(read(file), from)).toBe(1);
});

test.each(edits)('what a mutant puts into $file imports what is there', ({ file, to }) => {
  for (const [, path = ''] of to.matchAll(/import\('([^']+)'\)/g))
    expect([path, existsSync(join(repositoryRoot, dirname(file), path))]).toEqual([path, true]);
});

test('a function of the database holds exactly once what a mutant takes out of it', () => {
  const changes = ARCHIVE_MUTANTS.flatMap(({ sql }) => (sql === undefined ? [] : [sql]));
  expect(changes).not.toEqual([]);
  for (const { function: name, from } of changes)
    expect(occurrences(definitionOf(name), from)).toBe(1);
});
