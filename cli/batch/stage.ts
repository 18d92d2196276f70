import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { createWriteStream, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { DAY_MS } from '../../common/time.ts';
import type { Config } from '../config/config.ts';
import { readEnvironment, repositoryRoot } from '../config/config.ts';
import { exportsOf } from '../config/exports.ts';
import { installSpark, type Spark } from '../stack/install/spark.ts';
import type { Progress } from '../terminal/progress.ts';
import { createSteps, parseLine, resultOf, type StageEnd, type StageLine } from './stage-output.ts';

export type StageRequest = { readonly command: 'run' | 'load' | 'tune' } & Readonly<
  Record<string, unknown>
>;

const LOGS_KEPT = 30;
const LOG_MS_MIN = DAY_MS;
const LAST_WORDS_MAX = 500;

/**
 * Runs a command of the batch stage in Python and returns its result. What Spark itself says goes
 * to a log file. The stage ends when its standard input does: it does not outlive this process.
 */
export async function runStage<T>(
  config: Config,
  request: StageRequest,
  progress: Progress,
): Promise<T> {
  const place = { cache: config.cache, javaHome: config.stack.javaHome };
  const spark = await installSpark(place, progress);
  const logFile = openLog(config);
  const child = startStage(config, request, spark);
  const log = createWriteStream(logFile);
  log.on('error', () => undefined); // a full disk takes the log, not the run
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    const end = await followStage(child, log, progress);
    return resultOf({ ...end, logFile }) as T;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    child.stdin.destroy();
    log.end();
  }
}

type StageProcess = ChildProcessByStdio<Writable, Readable, Readable>;

function startStage(config: Config, request: StageRequest, spark: Spark): StageProcess {
  const { javaHome } = config.stack;
  const order = { ...request, lateMs: config.runtime.settings.lateHorizonMs };
  return spawn(spark.python, ['-m', 'marquee_batch', JSON.stringify(order)], {
    cwd: join(repositoryRoot, 'batch'),
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C reaches this process alone, which passes it on.
    detached: true,
    env: {
      ...readEnvironment(),
      ...exportsOf(config),
      ...(javaHome === undefined ? {} : { JAVA_HOME: javaHome }),
      MARQUEE_PG_WRITER_URL: config.postgres.writerUrl,
      PYTHONDONTWRITEBYTECODE: '1',
      PYSPARK_PYTHON: spark.python,
      SPARK_JARS: spark.jars,
      ...(isLocal(request) ? { SPARK_LOCAL_IP: '127.0.0.1' } : {}),
    },
  });
}

/** Shows the stage's steps and logs the rest, until it has ended. */
async function followStage(
  child: StageProcess,
  log: WriteStream,
  progress: Progress,
): Promise<Omit<StageEnd, 'logFile'>> {
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  ended.catch(() => undefined); // awaited once all that it said was read
  let lastWords = 'none';
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.write(`${line}\n`);
    if (line.trim() !== '') lastWords = line.slice(0, LAST_WORDS_MAX);
  });
  const steps = createSteps(progress);
  let error: StageLine | null = null;
  let result: StageLine | null = null;
  for await (const text of createInterface({ input: child.stdout })) {
    const line = parseLine(text);
    if (line === null) log.write(`${text}\n`);
    else if (line.error !== undefined) error = line;
    else if ('result' in line) result = line;
    else steps.show(line);
  }
  return { code: await ended, error, result, lastWords };
}

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

/**
 * The version of the code, as a model's metadata has it: the package's, and the commit if known.
 */
export async function codeVersion(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const commit = await promisify(execFile)('git', ['rev-parse', '--short=12', 'HEAD'], {
    cwd: repositoryRoot,
  }).catch(() => null);
  return commit === null ? version : `${version}+${commit.stdout.trim()}`;
}
