import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, type Config } from '../../cli/config/config.ts';
import { serviceNames, type ServiceName } from '../../cli/stack/services/service-names.ts';
import { adminUrl } from '../../cli/stack/services/postgres.ts';
import { isRunning, processToken, type ProcessRecord } from '../../cli/stack/host/process.ts';
import { silentProgress, type Progress } from '../../cli/terminal/progress.ts';
import { createStack, type Stack } from '../../cli/stack/stack.ts';

const homePrefix = 'marquee-test-';

export interface TestStack {
  readonly home: string;
  /** Of this stack alone: nothing of the environment but where the cache is. */
  readonly config: Config;
  /** Postgres as its superuser, database marquee. */
  readonly adminUrl: string;
  /** Stops the service in the clean way and starts it again on the same port with the same data. */
  restart(service: ServiceName): Promise<void>;
  /** Starts a service that was killed or stopped. */
  start(service: ServiceName): Promise<void>;
  stopService(service: ServiceName): Promise<void>;
  /** SIGKILL returns when the service and its children are gone; others return at once. */
  kill(service: ServiceName, signal: NodeJS.Signals): Promise<void>;
  pid(service: ServiceName): number | null;
  /** Stops all services and removes the folder (unless `home` was given). */
  stop(): Promise<void>;
}

export interface TestStackOptions {
  readonly services?: readonly ServiceName[];
  /** An existing folder to use and to keep; else a temporary one. */
  readonly home?: string;
  readonly progress?: Progress;
}

/** The stack of a home, as the tester's settings for all stacks have it, on free ports. */
export function stackAt(home: string, progress: Progress = silentProgress): Stack {
  const { cache, stack } = loadConfig();
  const { javaHome, objectStore } = stack;
  return createStack({ home, cache, javaHome, objectStore, ports: 'free', progress });
}

/** A stack of its own on free ports: real servers, nothing in them yet. */
export async function startStack(options: TestStackOptions = {}): Promise<TestStack> {
  await removeAbandoned();
  const home = options.home ?? mkdtempSync(join(tmpdir(), homePrefix));
  const token = processToken(process.pid) ?? '';
  const owner: ProcessRecord = { pid: process.pid, token, command: 'test' };
  if (options.home === undefined) writeFileSync(join(home, 'owner.json'), JSON.stringify(owner));
  const { cache } = loadConfig();
  const stack = stackAt(home, options.progress);
  const names = options.services ?? serviceNames.filter((name) => name !== 'object-store');
  const killAll = (): void => {
    for (const name of names) killFamily(stack.pid(name));
  };
  // The last resort when a test run dies before it could stop what it started.
  process.once('exit', killAll);
  const stop = async (): Promise<void> => {
    await stack.down();
    process.off('exit', killAll);
    if (options.home === undefined) removeHome(home);
  };
  try {
    const state = await stack.up({ names, slow: 'wait' });
    return {
      home,
      config: loadConfig({ home }, { MARQUEE_CACHE: cache }),
      adminUrl: adminUrl(state),
      restart: async (service) => {
        await stack.stopService(service);
        await stack.up({ names: [service], slow: 'wait' });
      },
      start: async (service) => {
        await stack.up({ names: [service], slow: 'wait' });
      },
      stopService: (service) => stack.stopService(service),
      kill: (service, signal) => stack.kill(service, signal),
      pid: (service) => stack.pid(service),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function killFamily(pid: number | null): void {
  if (pid === null) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

/** Stops and removes test stacks whose test run was killed. */
async function removeAbandoned(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const home = join(tmpdir(), name);
    const ownerFile = join(home, 'owner.json');
    if (!name.startsWith(homePrefix) || !existsSync(ownerFile)) continue;
    const owner = JSON.parse(readFileSync(ownerFile, 'utf8')) as ProcessRecord;
    if (isRunning(owner)) continue;
    await stackAt(home).down();
    removeHome(home);
  }
}

/** Where user namespaces are refused, Postgres keeps its data apart. */
function removeHome(home: string): void {
  const elsewhere = join(home, 'postgres', 'elsewhere');
  if (existsSync(elsewhere)) rmSync(realpathSync(elsewhere), { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
}
