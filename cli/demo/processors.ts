import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MarqueeError } from '../../common/error.ts';
import { tail } from '../terminal/text.ts';

/** All processors in one process of their own, as an operator would run them. */
export interface RunningProcessors {
  readonly pid: number;
  readonly logFile: string;
  /** Throws MARQUEE_DEMO_PROCESSORS when they ended by themselves. */
  check(): void;
  /** Drains and stops them. */
  stop(): Promise<void>;
}

const STOP_GRACE_MS = 15_000;

export function startProcessors(logFile: string, names: readonly string[]): RunningProcessors {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'w');
  const main = join(import.meta.dirname, '..', 'main.ts');
  const child = spawn(process.execPath, [main, 'run', ...names, '--metrics-port', '0'], {
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
        `the processors ended (${ended}).\n${tail(readFileSync(logFile, 'utf8'), 6)}\nLog: ${logFile}`,
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
