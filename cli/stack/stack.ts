import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MarqueeError } from '../../schemas/error.ts';
import { findJava } from './jars.ts';
import { withLock } from './lock.ts';
import type { Part, PartContext, PartName } from './part.ts';
import { kafkaPart } from './parts/kafka.ts';
import { postgresPart } from './parts/postgres.ts';
import { registryPart } from './parts/registry.ts';
import { valkeyPart } from './parts/valkey.ts';
import {
  isRunning,
  launch,
  runningRecord,
  send,
  stopProcess,
  type ProcessRecord,
} from './process.ts';
import type { Progress, Step } from './progress.ts';
import { ensureState, readState, type PortWishes, type StackState } from './state.ts';
import { tail } from './text.ts';

const parts: readonly Part[] = [kafkaPart, registryPart, postgresPart, valkeyPart];
const healthIntervalMs = 100;

export interface StackOptions {
  readonly home: string;
  readonly cache: string;
  readonly javaHome?: string | undefined;
  readonly ports: PortWishes;
  readonly progress: Progress;
}

/** How one part stands: `down` has no process, `failing` has one that doesn't answer. */
export interface PartStatus {
  readonly name: PartName;
  readonly state: 'up' | 'failing' | 'down';
  readonly pid: number | null;
  readonly port: number | null;
  readonly version: string | null;
  readonly detail: string | null;
  readonly log: string;
}

/** The servers of one home. Every call may come from another process than the one before. */
export interface Stack {
  /** Installs, starts and waits for health, side by side; harmless for what runs already. */
  up(names?: readonly PartName[]): Promise<StackState>;
  /** Stops every part of this home; true when something ran. */
  down(): Promise<boolean>;
  stopPart(name: PartName): Promise<void>;
  /** Signals a part; for SIGKILL returns when it and its children are gone. */
  kill(name: PartName, signal: NodeJS.Signals): Promise<void>;
  pid(name: PartName): number | null;
  status(): Promise<readonly PartStatus[]>;
}

export function createStack(options: StackOptions): Stack {
  const { home } = options;
  const recordFile = (name: PartName): string => join(home, 'run', `${name}.json`);
  const logFile = (name: PartName): string => join(home, 'logs', `${name}.log`);
  const record = (name: PartName): ProcessRecord | null => runningRecord(recordFile(name));
  const locked = <T>(body: () => Promise<T>): Promise<T> => {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return withLock(join(home, 'stack.lock'), body, (holder) => {
      options.progress.note(`waiting for process ${String(holder.pid)}, which works on ${home}`);
    });
  };

  async function bringUp(part: Part, state: StackState): Promise<void> {
    const step = options.progress.step(part.name);
    try {
      await startPart(part, state, step);
    } catch (cause) {
      step.fail('failed');
      throw cause;
    }
  }

  async function startPart(part: Part, state: StackState, step: Step): Promise<void> {
    const context: PartContext = {
      home,
      dataDir: join(home, part.name),
      state,
      programs: await part.install({ cache: options.cache, step, javaHome: options.javaHome }),
      java: part.needsJava ? findJava(options.javaHome) : '',
      note: (text) => {
        options.progress.note(text);
      },
    };
    let running = record(part.name);
    const already = running !== null;
    if (running === null) {
      step.update('starting');
      running = launch(await part.prepare(context), recordFile(part.name), logFile(part.name));
    }
    const version = await untilHealthy(part, state, running, logFile(part.name));
    await part.bootstrap?.(context);
    const where = `127.0.0.1:${String(state.ports[part.name])}`;
    step.done(`${already ? 'runs already' : 'up'}, ${where}, ${version}`);
  }

  async function stopOne(part: Part): Promise<boolean> {
    const running = record(part.name);
    if (running === null) return false;
    const step = options.progress.step(part.name);
    step.update('stopping');
    const clean = await stopProcess(running, part.stopSignal, part.stopGraceMs);
    rmSync(recordFile(part.name), { force: true });
    step.done(clean ? 'stopped' : 'killed: it did not stop in time');
    return true;
  }

  const partOf = (name: PartName): Part => {
    const part = parts.find((candidate) => candidate.name === name);
    if (part === undefined) throw new MarqueeError('MARQUEE_STACK_FAILED', `No part ${name}`);
    return part;
  };

  return {
    up: (names) =>
      locked(async () => {
        const chosen =
          names === undefined ? parts : parts.filter(({ name }) => names.includes(name));
        const running = new Set(
          parts.map(({ name }) => name).filter((name) => record(name) !== null),
        );
        const state = await ensureState(home, options.ports, running, (text) => {
          options.progress.note(text);
        });
        const results = await Promise.allSettled(chosen.map((part) => bringUp(part, state)));
        const failed = results.filter((result) => result.status === 'rejected');
        if (failed.length === 1) throw failed[0]?.reason;
        if (failed.length > 1) {
          const texts = failed.map(({ reason }) => (reason as Error).message);
          throw new MarqueeError('MARQUEE_STACK_FAILED', texts.join('\n\n'));
        }
        return state;
      }),

    down: () =>
      locked(async () => {
        const stopped: boolean[] = [];
        for (const group of [
          ['object-store', 'valkey', 'registry'],
          ['kafka', 'postgres'],
        ]) {
          const members = parts.filter(({ name }) => group.includes(name));
          stopped.push(...(await Promise.all(members.map(stopOne))));
        }
        return stopped.includes(true);
      }),

    stopPart: (name) =>
      locked(async () => {
        await stopOne(partOf(name));
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
        parts.map((part) => statusOf(part, state, record(part.name), logFile(part.name))),
      );
    },
  };
}

/** The version once it answers. Throws as soon as the process ends, or after the part's bound. */
async function untilHealthy(
  part: Part,
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
        const what = ended ? 'ended' : `did not answer in ${String(part.readyWithinMs / 1000)} s`;
        throw new MarqueeError(
          'MARQUEE_STACK_FAILED',
          `${part.name} ${what} (last: ${(cause as Error).message}).\n` +
            `${tail(readLog(logFile), 8)}\nLog: ${logFile}`,
          { cause, retriable: true },
        );
      }
      await delay(healthIntervalMs);
    }
  }
}

function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

async function statusOf(
  part: Part,
  state: StackState | null,
  running: ProcessRecord | null,
  log: string,
): Promise<PartStatus> {
  const base = { name: part.name, pid: running?.pid ?? null, port: null, version: null, log };
  if (running === null || state === null) return { ...base, state: 'down', detail: null };
  const port = state.ports[part.name];
  try {
    const version = await part.health({ state });
    return { ...base, state: 'up', port, version, detail: null };
  } catch (cause) {
    return { ...base, state: 'failing', port, detail: (cause as Error).message };
  }
}
