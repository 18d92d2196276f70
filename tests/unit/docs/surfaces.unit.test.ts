import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repositoryRoot } from '../../../cli/config/config.ts';
import { parseSurfaces } from '../../../serving/surfaces/surfaces-file.ts';

it("the page's example is a good file", () => {
  const page = readFileSync(join(repositoryRoot, 'docs/surfaces.md'), 'utf8');
  const [, example = ''] = /```yaml\n([^]*?)```/.exec(page) ?? [];
  const { byName } = parseSurfaces(Buffer.from(example), 'docs/surfaces.md');
  expect([...byName.keys()]).toEqual(['home', 'mail']);
});
