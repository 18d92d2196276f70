import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MarqueeError } from '../../common/error.ts';
import {
  backgroundError,
  forgetBackground,
  launchBackground,
  runningBackground,
} from './background.ts';
import type { InstallContext } from './install/install-once.ts';
import { findJava } from './install/jars.ts';
import { withLock } from './host/lock.ts';
import type { Service, ServiceContext, ServiceName } from './services/service.ts';
import { kafkaPart } from './services/kafka.ts';
import { objectStorePart } from './services/object-store.ts';
import { postgresPart } from './services/postgres.ts';
import { registryPart } from './services/registry.ts';
import { valkeyPart } from './services/valkey.ts';
import {
  isRunning,
  launch,
  runningRecord,
  send,
  stopProcess,
  type ProcessRecord,
} from './host/process.ts';
import type { Progress, Step } from '../terminal/progress.ts';
import { allOrErrors, stepOf } from '../terminal/steps.ts';
import { ensureState, readState, type PortWishes, type StackState } from './services/state.ts';
import { formatSeconds, tail } from '../terminal/text.ts';

const allParts: readonly Service[] = [
  kafkaPart,
  registryPart,
  postgresPart,
  valkeyPart,
  objectStorePart,
];
/** What uses others goes first. */
const stopOrder: readonly (readonly ServiceName[])[] = [
  ['object-store', 'valkey', 'registry'],
  ['kafka', 'postgres'],
];
const healthIntervalMs = 100;

export interface StackOptions {
  readonly home: string;
  readonly cache: string;
  readonly javaHome?: string | undefined;
  readonly objectStore: InstallContext['objectStore'];
  readonly ports: PortWishes;
  readonly progress: Progress;
}

/**
 * How one part stands: `down` has no process, `failing` has one that doesn't answer, `building`
 * will be started by itself when its program is there, `failed` could not be built.
 */
export interface ServiceStatus {
  readonly name: ServiceName;
  readonly state: 'up' | 'building' | 'failing' | 'failed' | 'down';
  readonly pid: number | null;
  readonly port: number | null;
  readonly version: string | null;
  readonly detail: string | null;
  readonly log: string;
}

export interface UpOptions {
  /** All parts unless given. */
  readonly names?: readonly ServiceName[];
  /** 'background' returns before a part whose program must be built; it starts by itself later. */
  readonly slow: 'wait' | 'background';
}

/** The servers of one home. Every call may come from another process than the one before. */
export interface Stack {
  /** Installs, starts and waits for health, side by side; harmless for what runs already. */
  up(options: UpOptions): Promise<StackState>;
  /** Puts the programs of the parts into the cache, and starts nothing. */
  install(names?: readonly ServiceName[]): Promise<void>;
  /** Stops every part of this home; true when something ran. */
  down(): Promise<boolean>;
  stopPart(name: ServiceName): Promise<void>;
  /** Signals a part; for SIGKILL returns when it and its children are gone. */
  kill(name: ServiceName, signal: NodeJS.Signals): Promise<void>;
  pid(name: ServiceName): number | null;
  status(): Promise<readonly ServiceStatus[]>;
}

export function createStack(options: StackOptions): Stack {
  const { home, progress } = options;
  const parts = allParts.filter(
    ({ name }) => name !== 'object-store' || options.objectStore !== 'none',
  );
  const recordFile = (name: ServiceName): string => join(home, 'run', `${name}.json`);
  const logFile = (name: ServiceName): string => join(home, 'logs', `${name}.log`);
  const record = (name: ServiceName): ProcessRecord | null => runningRecord(recordFile(name));
  const note = (text: string): void => {
    progress.note(text);
  };
  const installContext = (step: Step): InstallContext => ({ ...options, note, step });
  const locked = <T>(body: () => Promise<T>): Promise<T> => {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return withLock(join(home, 'stack.lock'), body, (holder) => {
      note(`waiting for process ${String(holder.pid)}, which works on ${home}`);
    });
  };

  async function startPart(part: Service, state: StackState, step: Step): Promise<void> {
    const java = part.needsJava ? findJava(options.javaHome) : '';
    const programs = await part.install(installContext(step));
    const dataDir = join(home, part.name);
    const context: ServiceContext = { home, dataDir, state, programs, java, note };
    const before = record(part.name);
    let running = before;
    if (running === null) {
      step.update('starting');
      running = launch(await part.prepare(context), recordFile(part.name), logFile(part.name));
    }
    try {
      const version = await untilHealthy(part, state, running, logFile(part.name));
      await part.bootstrap?.(context);
      const where = `127.0.0.1:${String(state.ports[part.name])}`;
      step.done(`${before === null ? 'up' : 'runs already'}, ${where}, ${version}`);
    } catch (cause) {
      // What this call started and can't be used is not left behind.
      if (before === null) await stopProcess(running, part.stopSignal, part.stopGraceMs);
      throw cause;
    }
  }

  async function stopOne(part: Service): Promise<boolean> {
    const running = record(part.name);
    if (running === null) return false;
    const step = progress.step(part.name);
    step.update('stopping');
    const clean = await stopProcess(running, part.stopSignal, part.stopGraceMs);
    rmSync(recordFile(part.name), { force: true });
    step.done(clean ? 'stopped' : 'killed: it did not stop in time');
    return true;
  }

  async function stopBackground(): Promise<boolean> {
    const worker = runningBackground(home);
    if (worker === null) return false;
    // Compilers need no grace: what they have done is in their caches.
    await stopProcess(worker, 'SIGKILL', 0);
    forgetBackground(home);
    return true;
  }

  return {
    up: ({ names, slow }) =>
      locked(async () => {
        const running = new Set(
          parts.map(({ name }) => name).filter((name) => record(name) !== null),
        );
        const state = await ensureState(home, options.ports, running, note);
        const chosen = parts.filter(({ name }) => names?.includes(name) ?? true);
        const later = chosen.filter(
          (part) =>
            slow === 'background' &&
            !running.has(part.name) &&
            part.isSlow?.(installContext(silentStep)) === true,
        );
        if (slow === 'background') launchBackground(options, later.length > 0, note);
        await allOrErrors(
          chosen
            .filter((part) => !later.includes(part))
            .map((part) => stepOf(progress, part.name, (step) => startPart(part, state, step))),
        );
        return state;
      }),

    install: (names) =>
      allOrErrors(
        parts
          .filter(({ name }) => names?.includes(name) ?? true)
          .map((part) =>
            stepOf(progress, part.name, async (step) => {
              await part.install(installContext(step));
              step.done('installed');
            }),
          ),
      ),

    down: () =>
      locked(async () => {
        const stopped = [await stopBackground()];
        for (const group of stopOrder) {
          const members = parts.filter(({ name }) => group.includes(name));
          stopped.push(...(await Promise.all(members.map(stopOne))));
        }
        return stopped.includes(true);
      }),

    stopPart: (name) =>
      locked(async () => {
        for (const part of parts) if (part.name === name) await stopOne(part);
      }),

    async kill(name, signal) {
      const running = record(name);
      if (running === null) return;
      if (signal === 'SIGKILL') await stopProcess(running, 'SIGKILL', 10_000);
      else send(running, signal);
    },

    pid: (name) => record(name)?.pid ?? null,

    async status() {
      const state = readState(home);
      return Promise.all(
        parts.map((part) =>
          statusOf(part, { home, state, running: record(part.name), log: logFile(part.name) }),
        ),
      );
    },
  };
}

const silentStep: Step = { update: () => undefined, done: () => undefined, fail: () => undefined };

/** The version once it answers. Throws as soon as the process ends, or after the part's bound. */
async function untilHealthy(
  part: Service,
  state: StackState,
  running: ProcessRecord,
  logFile: string,
): Promise<string> {
  const deadline = performance.now() + part.readyWithinMs;
  for (;;) {
    try {
      return await part.health({ state });
    } catch (cause) {
      const ended = !isRunning(running);
      if (ended || performance.now() > deadline) {
        const within = formatSeconds(part.readyWithinMs);
        throw new MarqueeError(
          'MARQUEE_STACK_FAILED',
          `${part.name} ${ended ? 'ended' : `did not answer within ${within}`} ` +
            `(last: ${(cause as Error).message}).\n${lastLines(logFile)}\nLog: ${logFile}\n` +
            'To do: read the log; ./marquee down && ./marquee up starts it anew.',
          { cause, retriable: true },
        );
      }
      await delay(healthIntervalMs);
    }
  }
}

function lastLines(file: string): string {
  try {
    return tail(readFileSync(file, 'utf8'), 8);
  } catch {
    return '';
  }
}

async function statusOf(
  part: Service,
  at: { home: string; state: StackState | null; running: ProcessRecord | null; log: string },
): Promise<ServiceStatus> {
  const { state, running, log } = at;
  const base = { name: part.name, pid: running?.pid ?? null, port: null, version: null, log };
  if (running === null || state === null) {
    if (part.isSlow === undefined) return { ...base, state: 'down', detail: null };
    if (runningBackground(at.home) !== null) return { ...base, state: 'building', detail: null };
    const detail = backgroundError(at.home);
    return { ...base, state: detail === null ? 'down' : 'failed', detail };
  }
  const port = state.ports[part.name];
  try {
    const version = await part.health({ state });
    return { ...base, state: 'up', port, version, detail: null };
  } catch (cause) {
    return { ...base, state: 'failing', port, detail: (cause as Error).message };
  }
}
