/**
 * Emits dist/: the SDK and what it needs of common/ and schemas/, as JavaScript and declarations.
 * TypeScript rewrites relative imports in the JavaScript; in the declarations it leaves `.ts`,
 * which a package's user can't follow.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = import.meta.dirname;
const dist = join(root, 'dist');
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, '-p', root], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('.d.ts')) continue;
  const path = join(dist, file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replaceAll(/((?:from|import) '\.[^']*)\.ts'/g, "$1.js'"));
}

copyFileSync(join(root, '../LICENSE'), join(dist, 'LICENSE'));
