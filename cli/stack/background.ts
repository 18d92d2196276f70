import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hasCachedAddon } from './install/addon.ts';
import type { StackPlace } from './install/install-once.ts';
import { launch, runningRecord, type ProcessRecord } from './host/process.ts';

/** The worker's orders, as one JSON argument. */
export interface BackgroundJob extends StackPlace {
  readonly buildsAddon: boolean;
  readonly buildsObjectStore: boolean;
}

const recordFile = (home: string): string => join(home, 'run', 'background.json');
export const backgroundErrorFile = (home: string): string =>
  join(home, 'run', 'background-error.txt');

export function runningBackground(home: string): ProcessRecord | null {
  return runningRecord(recordFile(home));
}

export function forgetBackground(home: string): void {
  rmSync(recordFile(home), { force: true });
}

/** The error of the last build of the object store; null when it did not fail. */
export function backgroundError(home: string): string | null {
  const file = backgroundErrorFile(home);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null;
}

function hasCompiler(): boolean {
  return ['c++', 'make'].every(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  );
}

/** Starts the process that builds what takes minutes, when there is something to build. */
export function launchBackground(
  place: StackPlace,
  buildsObjectStore: boolean,
  note: (text: string) => void,
): void {
  if (runningBackground(place.home) !== null) return;
  rmSync(backgroundErrorFile(place.home), { force: true });
  const buildsAddon = !hasCachedAddon(place.cache) && hasCompiler();
  if (!buildsAddon && !buildsObjectStore) return;
  const { home, cache, javaHome, objectStore } = place;
  const job: BackgroundJob = { home, cache, javaHome, objectStore, buildsAddon, buildsObjectStore };
  const log = join(home, 'logs', 'background.log');
  launch(
    {
      command: process.execPath,
      args: [join(import.meta.dirname, 'background-worker.ts'), JSON.stringify(job)],
    },
    recordFile(home),
    log,
  );
  const what = [...(buildsObjectStore ? ['MinIO'] : []), ...(buildsAddon ? ['node-rdkafka'] : [])];
  note(`${what.join(' and ')} will be built in the background, some minutes (log: ${log})`);
}
