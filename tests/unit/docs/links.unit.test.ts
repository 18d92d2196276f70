import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../../cli/config/config.ts';

const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: repositoryRoot,
  encoding: 'utf8',
})
  .split('\n')
  .filter((page) => page !== '');

test.each(pages)('%s links to what is there', (page) => {
  const text = readFileSync(join(repositoryRoot, page), 'utf8');
  const targets = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(
    ([, target]) => target ?? '',
  );
  const named = [
    ...text.matchAll(
      /`((?:archive|batch|cli|common|connectors|docs|operations|schemas|sdk|serving|sql|streams|tests)\/[\w./-]+\.\w+)`/g,
    ),
  ];
  for (const [, path = ''] of named) if (!path.includes('NNNN')) targets.push(join('/', path));
  const missing = targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter(
      (target) =>
        !existsSync(join(repositoryRoot, target.startsWith('/') ? '' : dirname(page), target)),
    );
  expect(missing).toEqual([]);
});
