import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { explainConfig, repositoryRoot } from '../../../cli/config/config.ts';
import { DEAD_LETTER_REASONS, DROP_REASONS } from '../../../schemas/reasons.ts';

const FOLDERS = [
  'archive',
  'cli',
  'common',
  'connectors',
  'operations',
  'schemas',
  'sdk/src',
  'serving',
  'sql',
  'streams',
];
const page = readFileSync(join(repositoryRoot, 'docs/errors.md'), 'utf8');
/** The first cell of each table row, when it is a name in backticks. */
const documented = [...page.matchAll(/^\| `([A-Za-z_0-9]+)` +\|/gm)].map(([, name]) => name ?? '');

function sources(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.includes('node_modules'))
      .map((file) => join(repositoryRoot, folder, file)),
  );
}

/** Codes are written as plain literals, so that they can be found; settings look alike. */
function codesInSource(): string[] {
  const settings = new Set(explainConfig({}, {}).entries.map(({ env }) => env));
  const codes = new Set<string>();
  for (const file of sources()) {
    const text = readFileSync(file, 'utf8');
    for (const [, code = ''] of text.matchAll(/'(MARQUEE_[A-Z0-9_]+)'/g))
      if (!settings.has(code)) codes.add(code);
    for (const [, code = ''] of text.matchAll(/MarqueeError\(\s*'(MARQUEE_[A-Z0-9_]+)'/g))
      codes.add(code);
  }
  const python = join(repositoryRoot, 'batch', 'marquee_batch');
  for (const file of readdirSync(python).filter((name) => name.endsWith('.py'))) {
    const text = readFileSync(join(python, file), 'utf8');
    for (const [, code = ''] of text.matchAll(/BatchError\(\s*"(MARQUEE_[A-Z0-9_]+)"/g))
      codes.add(code);
  }
  return [...codes].sort();
}

it('explains every error code of the source, and none that is gone', () => {
  const codes = documented.filter((name) => name.startsWith('MARQUEE_'));
  expect([...codes].sort()).toEqual(codesInSource());
});

it('explains every reason for which a record is not applied', () => {
  const reasons = documented.filter((name) => !name.startsWith('MARQUEE_'));
  const known = [...Object.keys(DEAD_LETTER_REASONS), ...Object.keys(DROP_REASONS)];
  expect([...reasons].sort()).toEqual(known.sort());
});

it('makes no code at run time, where nobody could find it', () => {
  const made = sources().filter((file) =>
    /MarqueeError\(\s*`MARQUEE_/.test(readFileSync(file, 'utf8')),
  );
  expect(made).toEqual([]);
});
