import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { loadConfig } from '../../../cli/config/config.ts';
import { installLog, installOnce } from '../../../cli/stack/install/install-once.ts';
import { runLogged } from '../../../cli/stack/host/run-logged.ts';
import { stepOf } from '../../../cli/terminal/steps.ts';
import type { Progress } from '../../../cli/terminal/progress.ts';
import { TICKS_PER_SECOND, readStat } from '../../support/procfs.ts';

const OHA_VERSION = '1.16.0';
/** In the cache. */
export const ohaFolder = `oha-${OHA_VERSION}`;
/** The generator and whatever answers the server stand there; the server has the other to itself. */
export const GENERATOR_CORE = '0';
const CONNECTIONS = 64;

/** A generator needs no last few percent: half the time of a build as it is released. */
const QUICK_BUILD = {
  CARGO_PROFILE_RELEASE_LTO: 'off',
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
};

/** Builds the generator with cargo (it has to have TLS to be built); returns its program. */
export async function installOha(progress: Progress): Promise<string> {
  const { cache } = loadConfig();
  const folder = await stepOf(progress, 'oha', async (step) => {
    const place = { cache, step };
    const made = await installOnce(place, ohaFolder, async (part) => {
      step.update('building it with cargo (about 5 minutes)');
      await runLogged({
        step: 'build of oha',
        command: 'nice',
        args: [
          ...['-n', '10', 'cargo', 'install', 'oha', '--version', OHA_VERSION, '--locked'],
          ...['--root', part],
        ],
        env: QUICK_BUILD,
        logFile: installLog(place, 'oha'),
        remedy: 'check that `cargo --version` is 1.88 or newer and crates.io is reachable.',
      });
    });
    step.done(OHA_VERSION);
    return made;
  });
  return join(folder, 'bin', 'oha');
}

export interface Load {
  /** A file of URLs, one of which is drawn for each request. */
  readonly urls: string;
  readonly seconds: number;
  /** Requests a second, evenly spread; null is as fast as they are answered. */
  readonly perSecond: number | null;
  readonly key?: string;
  /** A file with the body that is posted. */
  readonly body?: string;
  /** A file with a body a line, of which one is drawn for each request. */
  readonly bodies?: string;
}

export interface LoadResult {
  readonly perSecond: number;
  /** From the moment a request was due, not from when there was a connection for it. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bodyBytes: number;
  readonly requests: number;
  /** Anything but 200. */
  readonly failed: number;
  /** CPU of the generator, as a share of its core: above 0.8 the figure is the generator's own. */
  readonly generatorShare: number;
}

interface OhaJson {
  readonly summary: { readonly requestsPerSec: number; readonly sizePerRequest: number };
  readonly latencyPercentiles: Readonly<Record<'p50' | 'p99', number | null>>;
  readonly statusCodeDistribution: Readonly<Record<string, number>>;
  readonly errorDistribution: Readonly<Record<string, number>>;
}

/** The end of the time cuts off what is under way: that is no error. */
const CUT_OFF = 'aborted due to deadline';

export async function runOha(oha: string, load: Load): Promise<LoadResult> {
  const before = readStat(process.pid)?.endedTicks ?? 0;
  const began = performance.now();
  const child = spawn('taskset', ['-c', GENERATOR_CORE, oha, ...argumentsOf(load)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let error = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  const seconds = (performance.now() - began) / 1000;
  if (code !== 0) throw new Error(`oha ended with ${code}: ${error.slice(-500)}`);
  const cpu = ((readStat(process.pid)?.endedTicks ?? 0) - before) / TICKS_PER_SECOND;
  return resultOf(JSON.parse(text) as OhaJson, cpu / seconds);
}

function argumentsOf({ urls, seconds, perSecond, key, body, bodies }: Load): string[] {
  return [
    ...['--no-tui', '--output-format', 'json', '--worker-threads', '1', '--disable-compression'],
    ...['-c', String(CONNECTIONS), '-z', `${seconds}s`, '--urls-from-file'],
    ...(perSecond === null ? [] : ['-q', String(perSecond), '--latency-correction']),
    ...(key === undefined ? [] : ['-H', `authorization: Bearer ${key}`]),
    ...(body === undefined && bodies === undefined ? [] : ['-m', 'POST', '-T', 'application/json']),
    ...(body === undefined ? [] : ['-D', body]),
    ...(bodies === undefined ? [] : ['-Z', bodies]),
    urls,
  ];
}

function resultOf(json: OhaJson, generatorShare: number): LoadResult {
  const { summary, latencyPercentiles: at, statusCodeDistribution: byStatus } = json;
  const sum = (counts: readonly number[]): number => counts.reduce((total, n) => total + n, 0);
  const answered = sum(Object.values(byStatus));
  const errors = Object.entries(json.errorDistribution)
    .filter(([message]) => message !== CUT_OFF)
    .map(([, n]) => n);
  return {
    perSecond: summary.requestsPerSec,
    p50Ms: (at.p50 ?? NaN) * 1000,
    p99Ms: (at.p99 ?? NaN) * 1000,
    bodyBytes: summary.sizePerRequest,
    requests: answered,
    failed: answered - (byStatus['200'] ?? 0) + sum(errors),
    generatorShare,
  };
}
