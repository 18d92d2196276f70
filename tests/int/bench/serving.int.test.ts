import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadConfig } from '../../../cli/config/config.ts';
import { cliEnvironment, runCli } from '../../support/cli.ts';
import { ohaFolder } from '../../bench/serving/oha.ts';

const { cache } = loadConfig();
const out = mkdtempSync(join(tmpdir(), 'marquee-bench-serving-'));
afterAll(() => {
  rmSync(out, { recursive: true });
});

/** The report, with findings or without: what is measured in a second says nothing. */
async function bench(only: string): Promise<string> {
  const sizes = ['--users', '200', '--movies', '300', '--runs', '1', '--seconds', '1'];
  const where = ['--growth', 'none', '--out', out];
  const env = cliEnvironment(out, cache);
  await runCli(['bench', 'serving', '--only', only, ...sizes, ...where], env);
  const [report = ''] = readdirSync(out).filter((name) => name.endsWith('-serving.md'));
  return readFileSync(join(out, report), 'utf8');
}

it('measures how fresh lists are, and what the API holds', async () => {
  const report = await bench('freshness,memory');
  expect(report).toMatch(/\| the new list in Redis \| \d/);
  expect(report).toMatch(/\| 300 \| \d+ \|/);
  expect(report).not.toContain('failed');
});

// It takes minutes to build, once.
it.skipIf(!existsSync(join(cache, ohaFolder)))('measures answers beside bare servers', async () => {
  const report = await bench('hit,computed,rank,batch,vector,logging');
  for (const system of ['hit', 'computed', 'rank of 500', 'batch', 'bare pgvector'])
    expect(report).toContain(`\n| ${system} | 1 | `);
  expect(report).not.toMatch(/failed|not answered by 200/);
});
