import { secondsOf } from '../../support/batch/stage.ts';
import { findingList, head, markdownTable, whole } from '../runner/markdown.ts';
import { pythonPeerVersion } from '../peers/python.ts';
import type { ReportFrame } from '../runner/run.ts';
import type { BatchOptions, BatchResult } from './measure.ts';

export interface BatchFigures {
  readonly options: BatchOptions;
  /** From the smallest size to the largest. */
  readonly results: readonly BatchResult[];
}

const ALS = 'train: ALS';
const one = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(1));

export function renderBatch({ options, results, ...frame }: BatchFigures & ReportFrame): string {
  const { seed, users, movies, memory } = options;
  const columns = results.map(({ events }) => `${whole(events)} events`);
  return [
    head('Batch stage', frame, [['Spark', `local[*], driver ${memory}`]]),
    `Generated events (seed ${seed}, ${whole(users)} users, ${whole(movies)} movies, both with a ` +
      'long tail), backfilled into the archive.\n',
    secondsTable(results, columns),
    memoryTable(results, columns),
    modelTable(results, columns),
    'ALS: 64 factors, 15 iterations, the same matrix for both.\n',
    findingList(frame.findings, ''),
  ].join('\n');
}

function secondsTable(results: readonly BatchResult[], columns: readonly string[]): string {
  const names = [...new Set(results.flatMap(({ report }) => Object.keys(report.seconds)))];
  const growth = (seconds: readonly (number | undefined)[]): string => {
    const [least, most] = [seconds[0], seconds.at(-1)];
    if (seconds.length < 2 || least === undefined || most === undefined) return '-';
    return `${(most / least).toFixed(1)}x`;
  };
  const row = (name: string, seconds: readonly (number | undefined)[]): string[] => [
    name,
    ...seconds.map(one),
    growth(seconds),
  ];
  return markdownTable(
    ['seconds', ...columns, 'growth'],
    [
      ...names.map((name) =>
        row(
          name.includes(': ') ? `… ${name}` : name,
          results.map(({ report }) => report.seconds[name]),
        ),
      ),
      row(
        'whole run',
        results.map(({ report }) => secondsOf(report)),
      ),
    ],
  );
}

function memoryTable(results: readonly BatchResult[], columns: readonly string[]): string {
  const steps = [...new Set(results.flatMap(({ peaks }) => Object.keys(peaks)))];
  return markdownTable(
    ['peak memory, MB (PSS of all processes)', ...columns],
    steps.map((name) => [name, ...results.map(({ peaks }) => whole((peaks[name] ?? 0) / 1e6))]),
  );
}

function modelTable(results: readonly BatchResult[], columns: readonly string[]): string {
  const row = (name: string, show: (result: BatchResult) => string): string[] => [
    name,
    ...results.map(show),
  ];
  const ndcg = (ranker: string) => (result: BatchResult) =>
    (result.report.metrics[ranker]?.['ndcg_at_10'] ?? 0).toFixed(4);
  const als = ({ report }: BatchResult): number | undefined => report.seconds[ALS];
  return markdownTable(
    ['', ...columns],
    [
      row('events that say something of a movie', ({ report }) => whole(report.events)),
      row('users', ({ report }) => whole(report.users)),
      row('movies', ({ report }) => whole(report.movies)),
      row('weights above 0', ({ peer }) => whole(peer.nnz)),
      row('ALS by Spark, s', (result) => one(als(result))),
      row(`ALS by implicit ${pythonPeerVersion('implicit')}, s`, ({ peer }) => one(peer.seconds)),
      row('Spark / implicit', (result) => ((als(result) ?? 0) / result.peer.seconds).toFixed(1)),
      row('NDCG@10', ndcg('blend')),
      row("popularity's", ndcg('popularity')),
    ],
  );
}
