import { execFile, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { MarqueeError } from '../../common/error.ts';
import { exportsOf } from '../commands/config.ts';
import type { Config } from '../config/config.ts';
import { readEnvironment, repositoryRoot } from '../config/config.ts';
import type { Progress, Step } from '../terminal/progress.ts';
import { installSpark } from '../stack/install/spark.ts';
import { DAY_MS } from '../../common/time.ts';

/** What the Python side says, a line each (batch/marquee_batch/progress.py). */
interface Line {
  readonly step?: string;
  readonly state?: 'begun' | 'under_way' | 'done' | 'failed';
  readonly text?: string;
  readonly note?: string;
  readonly error?: string;
  readonly message?: string;
  readonly result?: unknown;
}

export type StageRequest = { readonly command: 'run' | 'load' | 'tune' } & Readonly<
  Record<string, unknown>
>;

/**
 * Runs a command of the batch stage in Python and returns its result. What Spark itself says goes
 * to a log file. The stage ends when its standard input does: it does not outlive this process.
 */
export async function runStage<T>(
  config: Config,
  request: StageRequest,
  progress: Progress,
): Promise<T> {
  const spark = await installSpark(
    { cache: config.cache, javaHome: config.stack.javaHome },
    progress,
  );
  const logFile = openLog(config);
  const child = spawn(
    spark.python,
    [
      '-m',
      'marquee_batch',
      JSON.stringify({ ...request, lateMs: config.runtime.settings.lateHorizonMs }),
    ],
    {
      cwd: join(repositoryRoot, 'batch'),
      stdio: ['pipe', 'pipe', 'pipe'],
      // Ctrl-C reaches this process alone, which passes it on.
      detached: true,
      env: {
        ...readEnvironment(),
        ...exportsOf(config),
        ...(config.stack.javaHome === undefined ? {} : { JAVA_HOME: config.stack.javaHome }),
        MARQUEE_PG_WRITER_URL: config.postgres.writerUrl,
        PYTHONDONTWRITEBYTECODE: '1',
        PYSPARK_PYTHON: spark.python,
        SPARK_JARS: spark.jars,
        ...(isLocal(request) ? { SPARK_LOCAL_IP: '127.0.0.1' } : {}),
      },
    },
  );
  const log = createWriteStream(logFile);
  log.on('error', () => undefined); // a full disk takes the log, not the run
  let lastWords = 'none';
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.write(`${line}\n`);
    if (line.trim() !== '') lastWords = line.slice(0, 500);
  });
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const steps = createSteps(progress);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  ended.catch(() => undefined); // awaited once all that it said was read
  let result: { value: T } | undefined;
  let failure: MarqueeError | undefined;
  try {
    for await (const text of createInterface({ input: child.stdout })) {
      const line = parse(text);
      if (line === null) log.write(`${text}\n`);
      else if (line.error !== undefined) {
        failure = new MarqueeError(line.error, line.message ?? line.error);
      } else if ('result' in line) result = { value: line.result as T };
      else steps.show(line);
    }
    const code = await ended;
    if (failure !== undefined) throw failure;
    if (code === 0 && result !== undefined) return result.value;
    throw new MarqueeError(
      'MARQUEE_BATCH_FAILED',
      `the batch stage ended with ${code === null ? 'a signal' : `exit code ${code}`}; ` +
        `its last words: ${lastWords} (all of them: ${logFile})`,
    );
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    child.stdin.destroy();
    log.end();
  }
}

const LOGS_KEPT = 30;
const LOG_MS_MIN = DAY_MS;

/** Spark on this machine alone; a cluster must reach the driver. */
function isLocal({ master }: StageRequest): boolean {
  return typeof master !== 'string' || master.startsWith('local');
}

function openLog(config: Config): string {
  const folder = join(config.home, 'logs');
  mkdirSync(folder, { recursive: true });
  const logs = readdirSync(folder).filter((name) => /^batch-.*\.log$/.test(name));
  for (const name of logs.sort().slice(0, 1 - LOGS_KEPT)) {
    const file = join(folder, name);
    // A run that others overtook may still write its own.
    if (Date.now() - statSync(file).mtimeMs > LOG_MS_MIN) rmSync(file, { force: true });
  }
  return join(folder, `batch-${new Date().toISOString().replaceAll(/[:.]/g, '')}.log`);
}

function parse(text: string): Line | null {
  if (!text.startsWith('{')) return null;
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
}

function createSteps(progress: Progress): { show(line: Line): void } {
  const open = new Map<string, Step>();
  return {
    show({ step: name, state, text = '', note }) {
      if (note !== undefined) progress.note(note);
      if (name === undefined) return;
      if (state === 'begun') open.set(name, progress.step(name));
      const step = open.get(name);
      if (state === 'under_way') step?.update(text);
      if (state === 'done') step?.done(text);
      if (state === 'failed') step?.fail('not finished');
    },
  };
}

/** The version of the code, as a model's metadata has it: the package's, and the commit if known. */
export async function codeVersion(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const commit = await promisify(execFile)('git', ['rev-parse', '--short=12', 'HEAD'], {
    cwd: repositoryRoot,
  }).catch(() => null);
  return commit === null ? version : `${version}+${commit.stdout.trim()}`;
}
