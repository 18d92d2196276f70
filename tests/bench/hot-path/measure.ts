import { join } from 'node:path';
import type { Progress } from '../../../cli/terminal/progress.ts';
import { LAYOUTS, runFour } from './four.ts';
import type { FourResult } from './four.ts';
import { measureLatency } from './latency.ts';
import type { LatencyResult } from './latency.ts';
import { loadEvents } from './load.ts';
import type { Codec } from './load.ts';
import type { Processor } from './marquee.ts';
import type { Report } from './report.ts';
import { runOnce } from './run.ts';
import type { RunResult } from './run.ts';
import { measureSdk } from '../sdk/rate.ts';
import type { SdkResult } from '../sdk/rate.ts';
import { settingsOf } from '../runner/settings.ts';
import type { BenchStack } from '../runner/stack.ts';
import type { System } from './system.ts';
import { HOUR_MS } from '../../../common/time.ts';

const LATENCY_OF: readonly (readonly Processor[])[] = [
  ['interactions'],
  ['interactions', 'profiles', 'feedback', 'serve-logs'],
];
const SDK_EVENTS = 600_000;

/** What a bench measures, as asked for on the command line. */
export interface MeasureOptions {
  readonly events: number;
  readonly runs: number;
  readonly seed: number;
  readonly users: number;
  readonly movies: number;
  readonly codec: Codec;
  /** MARQUEE_* settings of the processors. */
  readonly settings: Readonly<Record<string, string>>;
  readonly stallSeconds: number;
  readonly latencySeconds: number;
  readonly four: boolean;
  readonly latency: boolean;
  readonly sdk: boolean;
}

/** Where it is measured. */
export interface Bench {
  readonly stack: BenchStack;
  readonly systems: readonly System[];
  readonly workDir: string;
  readonly startedAt: Date;
  readonly progress: Progress;
}

/** Loads the events, runs everything, and returns the figures. Failures are findings of it. */
export async function measure(options: MeasureOptions, bench: Bench): Promise<Report> {
  const { stack, systems, workDir, progress } = bench;
  const load = await loadEvents(
    stack,
    join(stack.home, 'load'),
    {
      seed: options.seed,
      actions: options.events,
      users: options.users,
      movies: options.movies,
      endMs: Date.now(),
      spanMs: HOUR_MS,
    },
    options.codec,
    progress.step('events'),
  );
  const base = { stack, load, workDir, settings: options.settings };
  const stallMs = options.stallSeconds * 1000;
  const findings: string[] = [];
  /** One failure is a finding; the others go on. */
  const attempt = async <T>(
    name: string,
    body: () => Promise<T>,
    show: (result: T) => string,
  ): Promise<T[]> => {
    const step = progress.step(name);
    step.update('measuring');
    try {
      const result = await body();
      step.done(show(result));
      return [result];
    } catch (cause) {
      const { message } = cause as Error;
      step.fail(message);
      findings.push(`${name} failed: ${message.split('\n').slice(0, 3).join(' ')}`);
      return [];
    }
  };
  const runs: RunResult[] = [];
  for (let round = 1; round <= options.runs; round++) {
    for (const system of systems) {
      const name = `${system.name} ${String(round)}/${String(options.runs)}`;
      runs.push(...(await attempt(name, () => runOnce(system, base, round, stallMs), describe)));
    }
  }
  const four: FourResult[] = [];
  for (let round = 1; options.four && round <= options.runs; round++) {
    for (const layout of Object.keys(LAYOUTS)) {
      const name = `all four, ${layout} ${String(round)}/${String(options.runs)}`;
      four.push(
        ...(await attempt(name, () => runFour(layout, base, round, stallMs), describeFour)),
      );
    }
  }
  const latency: LatencyResult[] = [];
  for (const processors of options.latency ? LATENCY_OF : []) {
    const name = `latency, ${String(processors.length)} processor(s)`;
    const body = () => measureLatency(base, processors, options.latencySeconds * 1000);
    latency.push(...(await attempt(name, body, describeLatency)));
  }
  const sdk: SdkResult[] = [];
  for (let round = 1; options.sdk && round <= options.runs; round++) {
    const name = `SDK ${String(round)}/${String(options.runs)}`;
    const body = () => measureSdk(stack, SDK_EVENTS);
    sdk.push(...(await attempt(name, body, (run) => `${whole(run.eventsPerSecond)}/s`)));
  }
  findings.push(...differences(runs, four));
  for (const { processors, missing } of latency) {
    if (missing > 0) findings.push(`latency of ${processors}: ${String(missing)} never seen`);
  }
  for (const { failed } of sdk) {
    if (failed > 0) findings.push(`SDK: ${String(failed)} events failed`);
  }
  return {
    command: `./marquee bench hot-path ${process.argv.slice(2).join(' ')}`.trimEnd(),
    startedAt: bench.startedAt,
    load,
    systems,
    runs,
    four,
    latency,
    sdk,
    findings,
    settings: await settingsOf(stack),
  };
}

/** Every run must have every row once, with the contents of all the others. */
function differences(runs: readonly RunResult[], four: readonly FourResult[]): string[] {
  const reference = runs.find(({ system }) => system.startsWith('COPY')) ?? runs[0] ?? four[0];
  const found: string[] = [];
  for (const run of [...runs, ...four]) {
    const name = 'system' in run ? run.system : `all four, ${run.layout}`;
    const { rows, distinctIds, contentSum } = run.contents;
    if (
      rows !== reference?.contents.rows ||
      distinctIds !== rows ||
      contentSum !== reference.contents.contentSum
    ) {
      found.push(
        `${name}, run ${String(run.round)}: ${String(rows)} rows, ${String(distinctIds)} ids, ` +
          `content sum ${contentSum}; expected ${JSON.stringify(reference?.contents)}`,
      );
    }
  }
  for (const { layout, round, disagreements } of four) {
    for (const text of disagreements) {
      found.push(`all four, ${layout}, run ${String(round)}: ${text}`);
    }
  }
  return found;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function describeFour(result: FourResult): string {
  return (
    `${whole(result.rowsPerSecond)}/s steady; CPU s/M: clients ${result.cpu.client.toFixed(1)}, ` +
    `postgres ${result.cpu.postgres.toFixed(1)}; ` +
    `${result.peakRss.map((bytes) => whole(bytes / 1e6)).join(' + ')} MB; ` +
    `${result.cpu.otherCores.toFixed(1)} cores busy with other things` +
    result.disagreements.map((text) => `; DISAGREES: ${text}`).join('')
  );
}

function describeLatency({ p50Ms, p99Ms, perSecond, missing }: LatencyResult): string {
  return (
    `${whole(perSecond)}/s: p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms, ` +
    `${String(missing)} never seen`
  );
}

function describe({ rowsPerSecond, wholeRowsPerSecond, cpu, peakRss }: RunResult): string {
  return (
    `${whole(rowsPerSecond)}/s steady, ${whole(wholeRowsPerSecond)}/s with start; CPU s/M: client ` +
    `${cpu.client.toFixed(1)}, postgres ${cpu.postgres.toFixed(1)}, broker ${cpu.broker.toFixed(1)}; ` +
    `${whole(peakRss / 1e6)} MB; ${cpu.otherCores.toFixed(1)} cores busy with other things`
  );
}
