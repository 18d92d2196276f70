import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../../cli/config/config.ts';
import { readStat } from './procfs.ts';
import { until } from './until.ts';

/** One line of a process's log. */
export interface LogLine {
  readonly event?: string;
  readonly level?: number;
  readonly time?: number;
  readonly [field: string]: unknown;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A real `marquee run`, or another command, in a process of its own. */
export interface RunningProcess {
  readonly pid: number;
  readonly label: string;
  readonly processors: readonly string[];
  /** Everything it logged so far. */
  readonly lines: readonly LogLine[];
  readonly exited: Promise<Exit>;
  /** Null while it lives. */
  exit(): Exit | null;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and waits for its end (killed after the bound: then this throws). */
  stop(withinMs?: number): Promise<void>;
  /** Waits for its end, which something else brings about. */
  died(withinMs: number): Promise<Exit>;
  /** Waits for a line. */
  logged(event: string, withinMs: number, fits?: (line: LogLine) => boolean): Promise<LogLine>;
  count(event: string): number;
  /** Body and status of a path of its metrics server. */
  http(path: string): Promise<{ readonly status: number; readonly text: string }>;
  /** True while SIGSTOP holds it. */
  stopped(): boolean;
  /** The end of its log, for a failure's message. */
  tail(lines?: number): string;
  /** What it wrote to standard output. */
  output(): string;
}

export interface RunOptions {
  readonly processors: readonly string[];
  /** Arguments of `marquee`, where it is not `run` with these processors. */
  readonly command?: readonly string[];
  /** What is run in the place of `marquee`; then `command` are its arguments. */
  readonly script?: string;
  /** A module that is loaded before. */
  readonly preload?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly label?: string;
  /** The tree to run; this one by default. */
  readonly root?: string;
}

/** Starts processes with a common environment and knows all that still live. */
export interface Processes {
  start(options: RunOptions): RunningProcess;
  alive(): readonly RunningProcess[];
  all(): readonly RunningProcess[];
  /** SIGTERM for all at once; throws when one does not end well. */
  stopAll(): Promise<void>;
  /** SIGKILL for whatever is left. */
  killAll(): Promise<void>;
}

const LINES_MAX = 20_000;
const QUIET = ['--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning'];

export function createProcesses(env: Readonly<Record<string, string>>): Processes {
  const processes: RunningProcess[] = [];
  const alive = (): RunningProcess[] => processes.filter((p) => p.exit() === null);
  let started = 0;
  // A test run that dies must not leave processors behind.
  process.once('exit', () => {
    for (const left of alive()) left.kill('SIGKILL');
  });
  return {
    start(options) {
      started++;
      const label = options.label ?? `${options.processors.join('+')}#${started}`;
      const running = launch(label, options, { ...env, ...options.env });
      processes.push(running);
      return running;
    },
    alive,
    all: () => processes,
    async stopAll() {
      await Promise.all(alive().map((p) => p.stop()));
    },
    async killAll() {
      for (const left of alive()) left.kill('SIGKILL');
      await Promise.all(processes.map((p) => p.exited));
    },
  };
}

function launch(
  label: string,
  { processors, command, script, preload, root = repositoryRoot }: RunOptions,
  env: Readonly<Record<string, string>>,
): RunningProcess {
  const args = [
    ...QUIET,
    ...(preload === undefined ? [] : ['--import', preload]),
    script ?? join(root, 'cli', 'main.ts'),
    ...(command ?? ['run', ...processors, '--metrics-port', '0']),
  ];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const lines: LogLine[] = [];
  collectLines(child, (text) => {
    lines.push(parseLine(text));
    if (lines.length > LINES_MAX) lines.splice(0, LINES_MAX / 2);
  });
  let exit: Exit | null = null;
  const exited = new Promise<Exit>((resolve) => {
    // After 'close' all that it wrote has been read.
    child.once('close', (code, signal) => {
      exit = { code, signal };
      resolve(exit);
    });
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${label}`);
  const find = (event: string, fits: (line: LogLine) => boolean): LogLine | undefined =>
    lines.find((line) => line.event === event && fits(line));

  const running: RunningProcess = {
    pid,
    label,
    processors,
    lines,
    exited,
    exit: () => exit,
    kill(signal) {
      if (exit === null) child.kill(signal);
    },
    async stop(withinMs = 30_000) {
      if (exit !== null) return;
      child.kill('SIGTERM');
      try {
        const end = await until(`${label} to end after SIGTERM`, withinMs, () => exit);
        // Before it has begun it does nothing that would need an end.
        const early = end.signal === 'SIGTERM' && running.count('started') === 0;
        if (end.code !== 0 && !early) throw new Error(`${label} ended with ${JSON.stringify(end)}`);
      } catch (error) {
        child.kill('SIGKILL');
        throw new Error(`${(error as Error).message}\n${running.tail()}`, { cause: error });
      }
    },
    died: (withinMs) =>
      until(`${label} to end`, withinMs, () => exit).catch((error: unknown) => {
        throw new Error(`${(error as Error).message}\n${running.tail()}`, { cause: error });
      }),
    async logged(event, withinMs, fits = () => true) {
      try {
        return await until(`${label} to log ${event}`, withinMs, () => {
          const line = find(event, fits);
          if (line === undefined && exit !== null) return 'ended' as const;
          return line;
        }).then((found) => {
          if (found === 'ended') throw new Error(`${label} ended before it logged ${event}`);
          return found;
        });
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${running.tail()}`, { cause: error });
      }
    },
    count: (event) => lines.filter((line) => line.event === event).length,
    async http(path) {
      const started = await running.logged('started', 30_000);
      const base = String(started['metrics']).replace(/\/metrics$/, '');
      const response = await fetch(base + path, { signal: AbortSignal.timeout(5_000) });
      return { status: response.status, text: await response.text() };
    },
    stopped: () => readStat(pid)?.state === 'T',
    tail: (count = 25) =>
      `--- end of the log of ${label} (pid ${pid}, ${JSON.stringify(exit ?? 'alive')}):\n` +
      lines
        .slice(-count)
        .map((line) => JSON.stringify(line))
        .join('\n'),
    output: () => output,
  };
  return running;
}

function collectLines(child: ChildProcess, take: (line: string) => void): void {
  let rest = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) take(part);
  });
  child.stderr?.once('end', () => {
    if (rest !== '') take(rest);
  });
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { event: 'raw', text };
  }
}
