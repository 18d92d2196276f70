import type { DuckdbCopy } from '../peers/duckdb.ts';
import {
  findingList,
  head,
  markdownTable,
  noise,
  roundRatios,
  spread,
  targetTable,
  whole,
} from '../runner/markdown.ts';
import { median } from '../runner/rate.ts';
import type { ReportFrame } from '../runner/run.ts';
import { SINK_DESCRIPTION } from './iceberg.ts';
import type { ArchiveLoad } from './load.ts';
import { perSecond } from './run.ts';
import type { ArchiveResult } from './run.ts';

export interface LimitResult extends DuckdbCopy {
  readonly round: number;
  readonly threads: number;
}

export interface ArchiveFigures {
  readonly load: ArchiveLoad;
  /** Round 0 of a system is its warm-up. */
  readonly runs: readonly ArchiveResult[];
  readonly limits: readonly LimitResult[];
  readonly growth: readonly ArchiveResult[];
  readonly settings: readonly (readonly [string, string])[];
}

export type ArchiveReport = ArchiveFigures & ReportFrame;

const MARQUEE = 'Marquee archive';
const SINK = 'Iceberg sink';
const one = (value: number): string => value.toFixed(1);
const megabytes = (bytes: number): string => whole(bytes / 1e6);

/** The result as Markdown: figures are medians (least to most) of the runs. */
export function renderArchive(report: ArchiveReport): string {
  return [
    head('Archive', report, report.settings),
    events(report.load),
    '## Kafka to Parquet in the object store\n',
    runTable(report),
    ratios(report),
    noise([...report.runs, ...report.growth]),
    '## The practical limit\n',
    limitTable(report),
    '## Growth\n',
    growthTable(report),
    '## Targets\n',
    targets(report),
    bounds(report),
    '## Findings of this run\n',
    findingList(
      report.findings,
      'Every run had every row once, and the same contents as all the others.\n',
    ),
    '## What ran\n',
    `- **${MARQUEE}**: marquee archive run --until now; registry Avro; files sorted by user and time, ` +
      'uploaded, read back from the store, verified against the ledger’s hashes, recorded with the ' +
      'offsets in one transaction\n' +
      `- **${SINK}**: ${SINK_DESCRIPTION}\n` +
      '- **DuckDB**: COPY (SELECT … ORDER BY user_id, event_id) TO a local file from a table in ' +
      'memory, zstd, row groups of 65,536; no Kafka, no decoding, no store\n',
  ].join('\n');
}

function events({ plan, codec, actions, avroBytes, jsonBytes }: ArchiveLoad): string {
  return (
    `${whole(actions)} user actions (seed ${plan.seed}, ${whole(plan.users)} users, ` +
    `${whole(plan.movies)} movies, both with a long tail), ${avroBytes.toFixed(0)} bytes each as ` +
    `registry Avro, ${jsonBytes.toFixed(0)} as JSON with the file’s columns; compression of the ` +
    `topics: ${codec}; 8 partitions.\n`
  );
}

function counted(runs: readonly ArchiveResult[], system: string): ArchiveResult[] {
  return runs.filter((run) => run.system === system && run.round > 0);
}

const HEAD = [
  'runs',
  'rows/s',
  'MB/s of files',
  'B/row',
  'files',
  'start, s',
  'client CPU s/M',
  'store CPU s/M',
  'broker CPU s/M',
  'Postgres CPU s/M',
  'client peak MB',
  'other load, cores',
];

function cells(mine: readonly ArchiveResult[]): string[] {
  if (mine.length === 0) return ['0', ...HEAD.slice(1).map(() => 'not run')];
  const of = (pick: (run: ArchiveResult) => number, show: (value: number) => string): string =>
    spread(mine.map(pick), show);
  return [
    String(mine.length),
    of(perSecond, whole),
    of((run) => run.fileBytes / run.workMs / 1000, one),
    of((run) => run.fileBytes / run.rows, one),
    of((run) => run.files, whole),
    of((run) => run.warmUpMs / 1000, one),
    of((run) => run.cpu.client, one),
    of((run) => run.cpu.store, one),
    of((run) => run.cpu.broker, one),
    of((run) => run.cpu.postgres, one),
    of((run) => run.peakRss, megabytes),
    of((run) => run.cpu.otherCores, one),
  ];
}

function runTable({ runs }: ArchiveReport): string {
  const rows = [MARQUEE, SINK].flatMap((system) => [
    [system, ...cells(counted(runs, system))],
    [
      `${system}, warm-up run`,
      ...cells(runs.filter((run) => run.system === system && run.round === 0)),
    ],
  ]);
  return (
    markdownTable(['system', ...HEAD], rows) +
    '\nMedians (least to most); the warm-up run is not among them. Rate: all rows over the time from ' +
    'the plan (the sink: from its first fetch) to the moment when the last of them were recorded (the ' +
    'sink: its last snapshot). Start: from the start of the process until then. CPU seconds are per ' +
    'million rows of that time. Other load: cores that were busy with none of them.\n'
  );
}

function ratio(runs: readonly ArchiveResult[], figure: (run: ArchiveResult) => number): number {
  const rounds = runs.filter(({ round }) => round > 0);
  return median(roundRatios(rounds, MARQUEE, SINK, figure));
}

const allCpu = ({ cpu }: ArchiveResult): number =>
  cpu.client + cpu.store + cpu.broker + cpu.postgres;

function ratios({ runs }: ArchiveReport): string {
  const rate = ratio(runs, perSecond);
  if (Number.isNaN(rate)) return '';
  const cpu = ratio(runs, (run) => 1 / allCpu(run));
  return markdownTable(
    [`${MARQUEE} / ${SINK}`, 'median of the rounds'],
    [
      ['rows/s', rate.toFixed(2)],
      ['rows per CPU second, all processes', cpu.toFixed(2)],
    ],
  );
}

function limitTable({ limits, runs }: ArchiveReport): string {
  if (limits.length === 0) return 'Not run.\n';
  const rate = ({ rows, runs: timed }: LimitResult, at: number): number =>
    rows / (timed[at]?.seconds ?? NaN);
  const mine = median(counted(runs, MARQUEE).map(perSecond));
  const threads = [...new Set(limits.map((limit) => limit.threads))];
  const rows = threads.map((count) => {
    const same = limits.filter((limit) => limit.threads === count);
    const of = (pick: (limit: LimitResult) => number, show: (value: number) => string): string =>
      spread(same.map(pick), show);
    return [
      `DuckDB COPY TO, ${String(count)} thread${count === 1 ? '' : 's'}`,
      String(same.length),
      of((limit) => rate(limit, 1), whole),
      of((limit) => rate(limit, 0), whole),
      of((limit) => limit.bytes / limit.rows, one),
      of((limit) => ((limit.runs[1]?.cpu ?? NaN) * 1e6) / limit.rows, one),
      of((limit) => limit.peak, megabytes),
      `${((100 * mine) / median(same.map((limit) => rate(limit, 1)))).toFixed(0)} %`,
    ];
  });
  const head = [
    'limit',
    'runs',
    'rows/s',
    'rows/s, warm-up',
    'B/row',
    'CPU s/M',
    'peak MB',
    'the archive comes to',
  ];
  return (
    markdownTable(head, rows) +
    '\nIt sorts and encodes the same rows, from memory to a local disk. Its peak holds the table.\n'
  );
}

function growthTable({ runs, growth }: ArchiveReport): string {
  const all = [...counted(runs, MARQUEE), ...growth];
  const sizes = [...new Set(all.map(({ rows }) => rows))];
  if (sizes.length < 2) return 'Not run.\n';
  return markdownTable(
    ['rows in the topic', ...HEAD],
    sizes.map((size) => [whole(size), ...cells(all.filter(({ rows }) => rows === size))]),
  );
}

function targets({ runs, growth }: ArchiveReport): string {
  const mine = counted(runs, MARQUEE);
  const all = [...mine, ...growth];
  const largest = Math.max(...all.map(({ rows }) => rows));
  const ofLargest = all.filter(({ rows }) => rows === largest).map(perSecond);
  const wanted = 'at least';
  return targetTable([
    {
      name: 'rows/s, sorted, uploaded, verified',
      measured: median(mine.map(perSecond)),
      ...{ wanted, bound: 250_000, show: whole },
    },
    {
      name: `the same of ${whole(largest)} rows`,
      measured: median(ofLargest),
      ...{ wanted, bound: 250_000, show: whole },
    },
    {
      name: `rate / ${SINK}`,
      measured: ratio(runs, perSecond),
      ...{ wanted, bound: 2, show: (value) => value.toFixed(2) },
    },
    {
      name: 'peak memory, any backlog, MB',
      measured: Math.max(...all.map((run) => run.peakRss)) / 1e6,
      ...{ wanted: 'at most', bound: 600, show: whole },
    },
  ]);
}

/** What two cores have to give, and who takes how much of it. */
function bounds({ runs, growth }: ArchiveReport): string {
  const all = [...counted(runs, MARQUEE), ...growth];
  if (all.length === 0) return '';
  const of = (pick: (run: ArchiveResult) => number): number => median(all.map(pick));
  const total = of(allCpu);
  return (
    `A million rows take ${one(total)} CPU seconds: client ${one(of(({ cpu }) => cpu.client))}, store ` +
    `${one(of(({ cpu }) => cpu.store))}, broker ${one(of(({ cpu }) => cpu.broker))}, Postgres ` +
    `${one(of(({ cpu }) => cpu.postgres))}. Two cores that did nothing else could give at most ` +
    `${whole(2e6 / total)} rows/s with that; 250,000 rows/s leave 8.0 CPU seconds.\n`
  );
}
