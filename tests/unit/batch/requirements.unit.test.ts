import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../../cli/config/config.ts';

/** Package -> pinned version. */
function pinsOf(name: string): ReadonlyMap<string, string> {
  const lines = readFileSync(join(repositoryRoot, 'batch', name), 'utf8').split('\n');
  const pins = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    pins.map((line) => {
      const [, of = line, version = ''] = /^([\w-]+)(?:\[\w+\])?==(\S+)$/.exec(line) ?? [];
      return [of, version];
    }),
  );
}

test('every Python package is pinned, and the checks run with the versions of a run', () => {
  const run = pinsOf('requirements.txt');
  const check = pinsOf('requirements-check.txt');
  expect([...run, ...check].filter(([, version]) => version === '')).toEqual([]);
  for (const [name, version] of check)
    if (name !== 'ruff') expect([name, version]).toEqual([name, run.get(name)]);
});
