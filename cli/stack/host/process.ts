import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readEnvironment } from '../../config/config.ts';
import { MarqueeError } from '../../../common/error.ts';

/**
 * A server that outlives the command that started it. The token tells it from a later process
 * that was given the same pid.
 */
export interface ProcessRecord {
  readonly pid: number;
  readonly token: string;
  readonly command: string;
}

const linux = process.platform === 'linux';
const logBytesMax = 10 * 1024 * 1024;
const pollIntervalMs = 20;
const killWithinMs = 10_000;
/** A parent that never asks does not keep a server down for longer. */
const reapWithinMs = 5_000;

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** The begin of a process, in a form that no other one of this machine shares; null if dead. */
export function processToken(pid: number): string | null {
  if (!linux) {
    const shown = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
    const started = shown.stdout.trim();
    return started === '' ? null : started;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return `${bootId()}:${String(fields[19])}`;
  } catch {
    return null;
  }
}

export function isRunning(record: ProcessRecord): boolean {
  return processToken(record.pid) === record.token;
}

export interface LaunchSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Another user to run it as; root alone may say so. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** Starts a server in a session of its own, its output appended to `logFile`. */
export function launch(spec: LaunchSpec, recordFile: string, logFile: string): ProcessRecord {
  mkdirSync(dirname(logFile), { recursive: true });
  mkdirSync(dirname(recordFile), { recursive: true });
  if (existsSync(logFile) && statSync(logFile).size > logBytesMax) {
    renameSync(logFile, `${logFile}.1`);
  }
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: { ...readEnvironment(), ...spec.env },
      detached: true,
      ...spec.owner,
      stdio: ['ignore', log, log],
    });
    // A command that can't be run has no pid; the error event repeats what is thrown here.
    child.on('error', () => undefined);
    child.unref();
    if (child.pid === undefined) {
      throw new MarqueeError('MARQUEE_STACK_FAILED', `Cannot run ${spec.command}`);
    }
    const record = {
      pid: child.pid,
      token: processToken(child.pid) ?? 'ended',
      command: spec.command,
    };
    writeFileSync(recordFile, `${JSON.stringify(record)}\n`, { mode: 0o600 });
    return record;
  } finally {
    closeSync(log);
  }
}

/** The record of a server that still runs; a stale one is removed. */
export function runningRecord(recordFile: string): ProcessRecord | null {
  let record: ProcessRecord;
  try {
    record = JSON.parse(readFileSync(recordFile, 'utf8')) as ProcessRecord;
  } catch {
    return null;
  }
  if (isRunning(record)) return record;
  rmSync(recordFile, { force: true });
  return null;
}

interface ProcessLine {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
}

/** The living processes of the machine as the kernel lists them. Linux only; else none. */
function processLines(): readonly ProcessLine[] {
  if (!linux) return [];
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === 'Z' || state === 'X') return [];
      return [{ pid: Number(entry), parent: Number(parent), group: Number(group) }];
    } catch {
      // It ended while the folder was read.
      return [];
    }
  });
}

/** Every process below `pid`. */
export function descendants(pid: number): readonly number[] {
  const children = Map.groupBy(processLines(), ({ parent }) => parent);
  const found: number[] = [];
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const below = (children.get(next) ?? []).map((line) => line.pid);
    found.push(...below);
    open.push(...below);
  }
  return found;
}

/** A server's session began with it, so its group is all that it started and that stayed in it. */
function isGroupEmpty(leader: number): boolean {
  return processLines().every(({ group }) => group !== leader);
}

/**
 * Sends `signal` and waits until the server and all its children are gone, and their pids free where
 * who started them takes note of it in time. After `graceMs` its process group is killed; true when
 * it left by itself.
 */
export async function stopProcess(
  record: ProcessRecord,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<boolean> {
  if (!isRunning(record)) {
    await untilReaped([record.pid]);
    return true;
  }
  const family = [record.pid, ...descendants(record.pid)].map((pid) => ({
    pid,
    token: pid === record.pid ? record.token : (processToken(pid) ?? 'ended'),
    command: record.command,
  }));
  const pids = family.map(({ pid }) => pid);
  send(record, signal);
  if (await allGone(record.pid, family, graceMs)) {
    await untilReaped(pids);
    return true;
  }
  // At once, or a parent would start new children while the old ones are counted.
  killGroup(record.pid);
  for (const member of family) send(member, 'SIGKILL');
  if (!(await allGone(record.pid, family, killWithinMs))) {
    throw new MarqueeError(
      'MARQUEE_STACK_FAILED',
      `Process ${record.pid} (${record.command}) does not end, not even by SIGKILL`,
    );
  }
  await untilReaped(pids);
  return false;
}

/**
 * A process that ended keeps its pid until its parent has asked how. Postgres takes a lock file that
 * names such a pid for a living server's, and refuses to start.
 */
async function untilReaped(pids: readonly number[]): Promise<void> {
  const deadline = performance.now() + reapWithinMs;
  while (pids.some(isZombie) && performance.now() < deadline) await delay(pollIntervalMs);
}

function isZombie(pid: number): boolean {
  if (!linux) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}

/** Sends a signal to the very process that was recorded, never to one that took its pid. */
export function send(record: ProcessRecord, signal: NodeJS.Signals): void {
  if (!isRunning(record)) return;
  try {
    process.kill(record.pid, signal);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}

async function allGone(
  leader: number,
  family: readonly ProcessRecord[],
  withinMs: number,
): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (family.some(isRunning) || !isGroupEmpty(leader)) {
    if (performance.now() > deadline) return false;
    await delay(pollIntervalMs);
  }
  return true;
}
