import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MarqueeError } from '../../common/error.ts';
import { tail } from '../terminal/text.ts';

/** A command of Marquee in a process of its own, as an operator would run it. */
export interface ChildCommand {
  readonly pid: number;
  readonly logFile: string;
  /** Throws MARQUEE_DEMO_PROCESSORS when it ended by itself. */
  check(): void;
  /** Lets it end in order. */
  stop(): Promise<void>;
}

const STOP_GRACE_MS = 15_000;

/** All processors in one process. */
export function startProcessors(logFile: string, names: readonly string[]): ChildCommand {
  return startCommand(logFile, ['run', ...names, '--metrics-port', '0']);
}

export function startCommand(logFile: string, args: readonly string[]): ChildCommand {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'w');
  const main = join(import.meta.dirname, '..', 'main.ts');
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', log, log],
    // A group of its own: the terminal's Ctrl-C is for the demo, which then stops them in order.
    detached: true,
  });
  closeSync(log);
  let ended: string | null = null;
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      ended = error.message;
      resolve();
    });
    child.once('exit', (code, signal) => {
      ended = `exit ${String(code ?? signal)}`;
      resolve();
    });
  });
  const killChild = (): void => {
    child.kill('SIGKILL');
  };
  // However the demo ends, nothing goes on unseen.
  process.once('exit', killChild);

  return {
    pid: child.pid ?? 0,
    logFile,
    check() {
      if (ended === null) return;
      throw new MarqueeError(
        'MARQUEE_DEMO_PROCESSORS',
        `marquee ${args[0] ?? ''} ended (${ended}).\n${tail(readFileSync(logFile, 'utf8'), 6)}\nLog: ${logFile}`,
      );
    },
    async stop() {
      if (ended === null) child.kill('SIGTERM');
      const timer = setTimeout(killChild, STOP_GRACE_MS);
      await exited;
      clearTimeout(timer);
      process.off('exit', killChild);
    },
  };
}
