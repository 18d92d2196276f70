import {
  findingList,
  head,
  markdownTable as table,
  noise,
  roundRatios,
  spread,
  targetTable,
  whole,
  type Target,
} from '../runner/markdown.ts';
import { MINUTE_MS } from '../../../common/time.ts';
import { median } from '../runner/rate.ts';
import type { ReportFrame } from '../runner/run.ts';
import type { SdkResult } from '../sdk/rate.ts';
import { rateTable } from '../sdk/report.ts';
import { LAYOUTS } from './four.ts';
import type { FourResult } from './four.ts';
import type { LatencyResult } from './latency.ts';
import type { Load } from './load.ts';
import type { Pace, RunResult } from './run.ts';
import type { System } from './system.ts';

export interface Figures {
  readonly load: Load;
  readonly systems: readonly System[];
  readonly runs: readonly RunResult[];
  readonly four: readonly FourResult[];
  readonly latency: readonly LatencyResult[];
  readonly sdk: readonly SdkResult[];
  readonly settings: readonly (readonly [string, string])[];
}

type Report = Figures & ReportFrame;

const COPY = 'COPY';
const MARQUEE = 'Marquee interactions';
const megabytes = (bytes: number): string => (bytes === 0 ? '' : whole(bytes / 1e6));
const seconds = (ms: number): string => (ms / 1000).toFixed(1);
const one = (value: number): string => value.toFixed(1);

/** The result of a bench as Markdown: figures are medians (least to most) of the runs. */
export function renderReport(report: Report): string {
  return [
    head('Hot path', report, report.settings),
    events(report.load),
    '## Kafka to `rt_user_interactions`\n',
    runTable(report),
    ratios(report.runs),
    noise([...report.runs, ...report.four]),
    '## All four processors\n',
    fourTable(report.four),
    '## From the SDK’s call to the visible row, and what the SDK gets acknowledged\n',
    latencyTable(report.latency),
    sdkTable(report.sdk),
    '## Targets\n',
    targets(report),
    '## Findings of this run\n',
    findingList(
      report.findings,
      'Every run had every row once, and the same contents as the COPY of the same rows.\n',
    ),
    '## What ran\n',
    report.systems.map(({ name, description }) => `- **${name}**: ${description}\n`).join(''),
  ].join('\n');
}

function events(load: Load): string {
  const { plan } = load;
  return (
    `${whole(load.actions)} user actions (seed ${plan.seed}; 70 % impressions and views, ` +
    `${((load.answers / load.actions) * 100).toFixed(0)} % with a request_id, one serve per 20 ` +
    `actions, ${whole(plan.users)} users, ${whole(plan.movies)} movies, both with a long tail; ` +
    `occurred within ${whole(plan.spanMs / MINUTE_MS)} minutes). ` +
    `${load.avroBytes.toFixed(0)} bytes an event as registry Avro, ${load.jsonBytes.toFixed(0)} as ` +
    `JSON with the table’s columns; compression of all topics: ${load.codec}; 8 partitions.\n`
  );
}

/** Rates, warm-up and CPU, as both tables of runs have them. */
function paceCells(runs: readonly Pace[]): string[] {
  const of = (pick: (run: Pace) => number, show: (value: number) => string): string =>
    runs.length === 0 ? 'failed' : spread(runs.map(pick), show);
  return [
    of((run) => run.rowsPerSecond, whole),
    of((run) => run.wholeRowsPerSecond, whole),
    of((run) => run.warmUpMs, seconds),
    of((run) => run.cpu.client, one),
    of((run) => run.cpu.postgres, one),
    of((run) => run.cpu.broker, one),
  ];
}

function runTable({ systems, runs }: Report): string {
  const rows = systems.map(({ name }) => {
    const mine = runs.filter(({ system }) => system === name);
    const of = (pick: (run: RunResult) => number, show: (value: number) => string): string =>
      mine.length === 0 ? 'failed' : spread(mine.map(pick), show);
    return [
      name,
      String(mine.length),
      ...paceCells(mine),
      of((run) => run.peakRss, megabytes),
      of((run) => run.cpu.otherCores, one),
    ];
  });
  return (
    table(
      [
        'system',
        'runs',
        'rows/s, steady',
        'rows/s from process start',
        'warm-up, s',
        'client CPU s/M',
        'Postgres CPU s/M',
        'broker CPU s/M',
        'client peak MB',
        'other load, cores',
      ],
      rows,
    ) +
    '\nMedians (least to most). Steady: from 20 % to 95 % of the rows, by Postgres’s commit ' +
    'timestamps; the warm-up before it is apart. CPU seconds are per million rows of the steady ' +
    'state, backends and server processes included. Other load: cores that were busy with ' +
    'neither client, Postgres nor broker in the steady state.\n'
  );
}

/** Median of the rounds' ratios of steady rates. */
export function roundRatio(runs: readonly RunResult[], over: string, under: string): number {
  return median(roundRatios(runs, over, under, (run) => run.rowsPerSecond));
}

function ratios(runs: readonly RunResult[]): string {
  const names = [...new Set(runs.map(({ system }) => system))].filter((name) => name !== MARQUEE);
  const lines = names
    .map((name) => [name, roundRatio(runs, MARQUEE, name)] as const)
    .filter(([, ratio]) => !Number.isNaN(ratio))
    .map(([name, ratio]) => [`${MARQUEE} / ${name}`, ratio.toFixed(2)]);
  return lines.length === 0 ? '' : table(['steady rate', 'median of the rounds'], lines);
}

function fourTable(four: readonly FourResult[]): string {
  if (four.length === 0) return 'Not run.\n';
  const layouts = [...new Set(four.map(({ layout }) => layout))];
  const rows = layouts.map((layout) => {
    const mine = four.filter((result) => result.layout === layout);
    const of = (pick: (run: FourResult) => number, show: (value: number) => string): string =>
      spread(mine.map(pick), show);
    return [
      layout,
      String(mine.length),
      ...paceCells(mine),
      of((run) => Math.max(...run.peakRss), megabytes),
      of((run) => run.cpu.otherCores, one),
    ];
  });
  return (
    table(
      [
        'layout',
        'runs',
        'actions/s, steady',
        'actions/s from start',
        'warm-up, s',
        'client CPU s/M',
        'Postgres CPU s/M',
        'broker CPU s/M',
        'largest process, peak MB',
        'other load, cores',
      ],
      rows,
    ) +
    '\nAn action counts when the slowest of interactions, profiles, feedback and serve-logs has ' +
    'passed it. The whole load stood in Kafka before the start, so the peak of memory is that of ' +
    'a backlog.\n'
  );
}

function latencyTable(latency: readonly LatencyResult[]): string {
  if (latency.length === 0) return 'Latency: not run.\n';
  const rows = latency.map((result) => [
    result.processors,
    whole(result.events),
    whole(result.perSecond),
    result.p50Ms.toFixed(0),
    result.p99Ms.toFixed(0),
    result.maxMs.toFixed(0),
    String(result.missing),
  ]);
  return table(
    ['processors running', 'events', 'events/s', 'p50 ms', 'p99 ms', 'most ms', 'never seen'],
    rows,
  );
}

function sdkTable(sdk: readonly SdkResult[]): string {
  return sdk.length === 0 ? 'SDK: not run.\n' : rateTable('createProducer, one process', sdk);
}

function targets(report: Report): string {
  const { runs, four, latency, sdk } = report;
  const mine = runs.filter(({ system }) => system === MARQUEE);
  const fourBest = [...new Set(four.map(({ layout }) => layout))].map((layout) =>
    median(four.filter((run) => run.layout === layout).map((run) => run.rowsPerSecond)),
  );
  // Of processes with one processor; the table above has those that share one.
  const alone = four.flatMap(({ layout, peakRss }) =>
    peakRss.filter((_, at) => LAYOUTS[layout]?.[at]?.length === 1),
  );
  const memory = [...mine.map((run) => run.peakRss), ...alone];
  const rate = (under: string): number => roundRatio(runs, MARQUEE, under);
  const p99 = Math.max(...latency.map((run) => run.p99Ms));
  const least = (name: string, measured: number, bound: number, show = whole): Target => {
    return { name, measured, wanted: 'at least', bound, show };
  };
  const most = (name: string, measured: number, bound: number): Target => {
    return { name, measured, wanted: 'at most', bound, show: whole };
  };
  const perSecond = median(mine.map((run) => run.rowsPerSecond));
  const acknowledged = median(sdk.map((run) => run.eventsPerSecond));
  return targetTable([
    least('interactions / Pathway', rate('Pathway'), 1.6, ratio),
    least('interactions / Debezium upsert', rate('Debezium upsert'), 2, ratio),
    least('interactions / COPY', rate(COPY), 0.6, ratio),
    least('interactions, events/s', perSecond, 150_000),
    least('all four, actions/s', Math.max(...fourBest), 60_000),
    most('memory of a processor, MB', Math.max(...memory) / 1e6, 400),
    most('SDK call to visible row, p99 ms', p99, 250),
    least('SDK, acknowledged events/s', acknowledged, 60_000),
  ]);
}

const ratio = (value: number): string => value.toFixed(2);
