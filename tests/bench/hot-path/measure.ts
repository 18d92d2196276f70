import { join } from 'node:path';
import { HOUR_MS } from '../../../common/time.ts';
import { contestant } from '../runner/attempts.ts';
import { whole } from '../runner/markdown.ts';
import type { LoadOptions } from '../runner/options.ts';
import type { Bench, BenchPlace } from '../runner/run.ts';
import { settingsOf } from '../runner/settings.ts';
import { measureSdk, type SdkResult } from '../sdk/rate.ts';
import { LAYOUTS, runFour, type FourResult } from './four.ts';
import { measureLatency, type LatencyResult } from './latency.ts';
import { loadEvents } from './load.ts';
import type { Processor } from './marquee.ts';
import type { Figures } from './report.ts';
import { runOnce, type RunResult } from './run.ts';
import type { System } from './system.ts';

const LATENCY_OF: readonly (readonly Processor[])[] = [
  ['interactions'],
  ['interactions', 'profiles', 'feedback', 'serve-logs'],
];
const SDK_EVENTS = 600_000;

/** What a bench measures, as asked for on the command line. */
export interface MeasureOptions extends LoadOptions {
  readonly runs: number;
  /** MARQUEE_* settings of the processors. */
  readonly settings: Readonly<Record<string, string>>;
  readonly stallSeconds: number;
  readonly latencySeconds: number;
  readonly four: boolean;
  readonly latency: boolean;
  readonly sdk: boolean;
}

/** Loads the events, runs everything, and returns the figures. */
export async function measure(
  options: MeasureOptions,
  systems: readonly System[],
  { stack, workDir }: BenchPlace,
  { attempts, progress }: Bench,
): Promise<Figures> {
  const { seed, events: actions, users, movies, codec, settings } = options;
  const plan = { seed, actions, users, movies, endMs: Date.now(), spanMs: HOUR_MS };
  const load = await loadEvents(
    stack,
    join(stack.home, 'load'),
    plan,
    codec,
    progress.step('events'),
  );
  const base = { stack, load, workDir, settings };
  const stallMs = options.stallSeconds * 1000;

  const runs: RunResult[] = [];
  await attempts.alternate(
    options.runs,
    systems.map((system) =>
      contestant(system.name, runs, (round) => runOnce(system, base, round, stallMs), describe),
    ),
  );
  const four: FourResult[] = [];
  const layouts = options.four ? Object.keys(LAYOUTS) : [];
  await attempts.alternate(
    options.runs,
    layouts.map((layout) =>
      contestant(
        `all four, ${layout}`,
        four,
        (round) => runFour(layout, base, round, stallMs),
        describeFour,
      ),
    ),
  );
  const latency: LatencyResult[] = [];
  for (const processors of options.latency ? LATENCY_OF : []) {
    await attempts.attempt(`latency, ${processors.length} processor(s)`, async () => {
      const result = await measureLatency(base, processors, options.latencySeconds * 1000);
      latency.push(result);
      return describeLatency(result);
    });
  }
  const sdk: SdkResult[] = [];
  if (options.sdk) {
    const measureOnce = () => measureSdk(stack, SDK_EVENTS, 'impressions');
    const show = (run: SdkResult): string => `${whole(run.eventsPerSecond)}/s`;
    await attempts.alternate(options.runs, [contestant('SDK', sdk, measureOnce, show)]);
  }
  attempts.findings.push(...differences(runs, four), ...losses(latency, sdk));
  return { load, systems, runs, four, latency, sdk, settings: await settingsOf(stack) };
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
        `${name}, run ${run.round}: ${rows} rows, ${distinctIds} ids, ` +
          `content sum ${contentSum}; expected ${JSON.stringify(reference?.contents)}`,
      );
    }
  }
  for (const { layout, round, disagreements } of four) {
    for (const text of disagreements) found.push(`all four, ${layout}, run ${round}: ${text}`);
  }
  return found;
}

function losses(latency: readonly LatencyResult[], sdk: readonly SdkResult[]): string[] {
  return [
    ...latency.flatMap(({ processors, missing }) =>
      missing > 0 ? [`latency of ${processors}: ${missing} never seen`] : [],
    ),
    ...sdk.flatMap(({ failed }) => (failed > 0 ? [`SDK: ${failed} events failed`] : [])),
  ];
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
    `${missing} never seen`
  );
}

function describe({ rowsPerSecond, wholeRowsPerSecond, cpu, peakRss }: RunResult): string {
  return (
    `${whole(rowsPerSecond)}/s steady, ${whole(wholeRowsPerSecond)}/s with start; CPU s/M: client ` +
    `${cpu.client.toFixed(1)}, postgres ${cpu.postgres.toFixed(1)}, broker ${cpu.broker.toFixed(1)}; ` +
    `${whole(peakRss / 1e6)} MB; ${cpu.otherCores.toFixed(1)} cores busy with other things`
  );
}
