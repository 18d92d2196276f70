import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '../../config/config.ts';
import { MarqueeError } from '../../../common/error.ts';
import { installLog, installOnce, type InstallContext } from './install-once.ts';
import type { Progress } from '../../terminal/progress.ts';
import { runLogged } from '../host/run-logged.ts';
import { stepOf } from '../../terminal/steps.ts';

/** node-rdkafka and what it needs to be built and loaded. */
const packages = ['node-rdkafka', 'nan', 'bindings', 'file-uri-to-path'];

function moduleFolder(name: string, root: string = repositoryRoot): string {
  return join(root, 'node_modules', name);
}

/** Null where the package itself is not installed. */
function cacheName(): string | null {
  const manifest = join(moduleFolder('node-rdkafka'), 'package.json');
  if (!existsSync(manifest)) return null;
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const abi = process.versions.modules;
  return `node-rdkafka-${version.replace(/^v/, '')}-abi${abi}-${process.platform}-${process.arch}`;
}

/** True when `require('node-rdkafka')` works now; tried in a process of its own. */
export function addonLoads(root: string = repositoryRoot): boolean {
  const script = `require(${JSON.stringify(moduleFolder('node-rdkafka', root))})`;
  return spawnSync(process.execPath, ['-e', script], { stdio: 'ignore' }).status === 0;
}

function addonFile(): string {
  return join(moduleFolder('node-rdkafka'), 'build', 'Release', 'node-librdkafka.node');
}

/** True when this Node's build is in the cache, or nothing can be built for want of the package. */
export function hasCachedAddon(cache: string): boolean {
  const name = cacheName();
  return name === null || existsSync(join(cache, name));
}

/** Puts the cached build into node_modules; false when nothing is cached for this Node. */
export function restoreAddon(cache: string): boolean {
  if (existsSync(addonFile())) return true;
  const name = cacheName();
  if (name === null || !existsSync(join(cache, name))) return false;
  const target = join(moduleFolder('node-rdkafka'), 'build');
  rmSync(target, { recursive: true, force: true });
  cpSync(join(cache, name, 'build'), target, { recursive: true, verbatimSymlinks: true });
  return true;
}

/**
 * Builds node-rdkafka unless this Node's build is cached, and puts it into node_modules. It takes
 * about 2 minutes and needs a C++ compiler, make and Python; nothing but the rdkafka client needs
 * it. Throws MarqueeError MARQUEE_SETUP_FAILED.
 */
export async function installAddon(context: InstallContext): Promise<void> {
  if (restoreAddon(context.cache)) return;
  const name = cacheName();
  if (name === null) {
    throw new MarqueeError('MARQUEE_SETUP_FAILED', 'node-rdkafka is not among the npm packages');
  }
  await installOnce(context, name, async (folder) => {
    context.step.update('building node-rdkafka (about 2 minutes)');
    await build(context, folder);
  });
  restoreAddon(context.cache);
}

/** installAddon as one step of the set-up. */
export function installAddonStep(
  at: Pick<InstallContext, 'home' | 'cache'>,
  progress: Progress,
): Promise<void> {
  const note = (text: string): void => {
    progress.note(text);
  };
  return stepOf(progress, 'node-rdkafka', async (step) => {
    await installAddon({ home: at.home, cache: at.cache, objectStore: 'auto', note, step });
    step.done('built');
  });
}

async function build(context: InstallContext, folder: string): Promise<void> {
  const work = join(folder, 'work');
  mkdirSync(work);
  for (const name of packages) {
    const skipBuilt = (source: string): boolean => source !== join(moduleFolder(name), 'build');
    const target = moduleFolder(name, work);
    cpSync(moduleFolder(name), target, { recursive: true, filter: skipBuilt });
  }
  const scripts = { build: 'cd node_modules/node-rdkafka && node-gyp rebuild' };
  writeFileSync(join(work, 'package.json'), JSON.stringify({ private: true, scripts }));
  const headers = dirname(dirname(process.execPath));
  const nodedir = existsSync(join(headers, 'include', 'node', 'node.h'));
  await runLogged({
    step: 'build of node-rdkafka',
    // `npm run` has its node-gyp on the path. A parallel make loses a race in librdkafka.
    command: 'env',
    args: ['-u', 'JOBS', '-u', 'MAKEFLAGS', 'nice', '-n', '10', 'npm', 'run', 'build'],
    cwd: work,
    env: nodedir ? { npm_config_nodedir: headers } : {},
    logFile: installLog(context, 'node-rdkafka'),
    remedy:
      'install a C++ compiler, make, Python 3 and the headers of OpenSSL and zlib (./marquee doctor says how), or stay with the kafkajs client.',
  });
  if (!addonLoads(work)) {
    throw new MarqueeError(
      'MARQUEE_SETUP_FAILED',
      `node-rdkafka was built but does not load. Log: ${installLog(context, 'node-rdkafka')}`,
    );
  }
  const built = join(moduleFolder('node-rdkafka', work), 'build');
  const kept = join(folder, 'build');
  const binary = join('Release', 'node-librdkafka.node');
  cpSync(join(built, binary), join(kept, binary));
  for (const file of readdirSync(join(built, 'deps'))) {
    if (!/^librdkafka.*\.(so|dylib)/.test(file) && !/^librdkafka.*\.\d+\.dylib$/.test(file))
      continue;
    cpSync(join(built, 'deps', file), join(kept, 'deps', file), { verbatimSymlinks: true });
  }
  rmSync(work, { recursive: true });
}
