import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { readEnvironment } from '../../../cli/config/config.ts';
import { tail } from '../../../cli/terminal/text.ts';

const STOP_GRACE_MS = 15_000;

export interface StartedClient {
  /** Null when the work is done inside Postgres. */
  readonly pid: number | null;
  /** Settles when the process ended: an error before `stop` was called. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export interface ChildSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly cwd?: string;
  /** It works something off and exits 0: that is no error. */
  readonly endsByItself?: boolean;
}

/** Without settings that were meant for another stack. */
function inherited(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(readEnvironment()).filter(([key]) => !key.startsWith('MARQUEE_')),
  );
}

const running = new Set<StartedClient>();

/** Stops what still runs, when a bench ends before its time. */
export async function stopChildren(): Promise<void> {
  await Promise.all([...running].map((client) => client.stop()));
}

/** Starts a client of the bench, output into its log; `stop` sends SIGTERM, then SIGKILL. */
export function startChild(spec: ChildSpec): StartedClient {
  const log = openSync(spec.logFile, 'a');
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: { ...inherited(), ...spec.env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let stopping = false;
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (stopping || (spec.endsByItself === true && code === 0)) {
        resolve();
        return;
      }
      const last = tail(readFileSync(spec.logFile, 'utf8'), 12);
      reject(
        new Error(
          `${spec.command} ended by itself (${String(code ?? signal)}).\n${last}\nLog: ${spec.logFile}`,
        ),
      );
    });
  });
  const client: StartedClient = {
    pid: child.pid ?? null,
    ended,
    async stop() {
      stopping = true;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      await ended.catch(() => undefined);
      clearTimeout(timer);
    },
  };
  running.add(client);
  const forget = (): void => {
    running.delete(client);
  };
  // Whoever waits for it sees the error; nobody waiting is no crash of the bench.
  ended.then(forget, forget);
  return client;
}
