import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedStack } from '../../support/shared-stack.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

const APP = `
import { createProducer, MarqueeError } from '@marquee/sdk';
const [brokers, registryUrl] = process.argv.slice(2) as [string, string];
const producer = createProducer({ app: 'packed', brokers: [brokers], registryUrl });
const { eventId, delivered } = producer.rate({ userId: 'u', movieId: 1, value: 4.5 });
await delivered;
try {
  producer.rate({ userId: 'u', movieId: 1, value: 9 });
} catch (error) {
  if (error instanceof MarqueeError) console.log(eventId.length, error.code, error.field);
}
await producer.close();
`;

/** The tarball in a folder of its own, as an application would have it. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marquee-sdk-'));
  await run('npm', ['pack', '--pack-destination', folder], { cwd: join(root, 'sdk') });
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  const manifest = await readFile(join(root, 'package.json'), 'utf8');
  const { devDependencies } = JSON.parse(manifest) as { devDependencies: Record<string, string> };
  const dependencies = {
    '@marquee/sdk': `file:${String(tarball)}`,
    '@types/node': devDependencies['@types/node'],
  };
  const app = { name: 'app', private: true, type: 'module', dependencies };
  await writeFile(join(folder, 'package.json'), JSON.stringify(app));
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', ['install', ...quiet], { cwd: folder });
  const typos = await readFile(join(root, 'tests/unit/sdk/typos.ts'), 'utf8');
  await writeFile(
    join(folder, 'typos.ts'),
    typos.replace(/'[./]*sdk\/src\/index\.ts'/, "'@marquee/sdk'"),
  );
  await writeFile(join(folder, 'app.ts'), APP);
}, 300_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function compile(...files: string[]): Promise<string> {
  const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2024'];
  flags.push('--module', 'nodenext', '--types', 'node');
  return run(process.execPath, [tsc, ...flags, ...files], { cwd: folder }).then(
    () => '',
    (error: unknown) => (error as { stdout: string }).stdout,
  );
}

describe('the packed SDK', () => {
  it('types a right use, and refuses each typo', async () => {
    const typos = await readFile(join(folder, 'typos.ts'), 'utf8');
    await writeFile(join(folder, 'open.ts'), typos.replaceAll('@ts-expect-error', 'refused:'));
    const errors = (await compile('app.ts', 'typos.ts', 'open.ts')).match(/^.*error TS.*$/gm) ?? [];
    expect(errors.filter((line) => !line.startsWith('open.ts'))).toEqual([]);
    expect(errors).toHaveLength(typos.match(/@ts-expect-error/g)?.length ?? 0);
    expect(errors[0]).toContain("'moveId'");
  });

  it('emits to a real stack, and refuses at run time what is wrong', async () => {
    const { config } = sharedStack();
    const [broker] = config.kafka.brokers;
    const args = ['app.ts', String(broker), config.registry.url];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: folder });
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe('36 MARQUEE_INVALID_ACTION value');
  });

  it('brings no native code', async () => {
    const files = await readdir(join(folder, 'node_modules'), { recursive: true });
    expect(files.filter((file) => /\.node$|binding\.gyp$/.test(file))).toEqual([]);
  });
});
