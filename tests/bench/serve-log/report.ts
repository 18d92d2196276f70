import { findingList, head, markdownTable, spread, whole } from '../runner/markdown.ts';
import type { ReportFrame } from '../runner/run.ts';
import type { SaturationResult } from './load.ts';

export interface ServeLogFigures {
  readonly without: readonly SaturationResult[];
  readonly logged: readonly SaturationResult[];
  readonly settings: readonly (readonly [string, string])[];
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

export function renderServeLog({
  without,
  logged,
  settings,
  ...frame
}: ServeLogFigures & ReportFrame): string {
  const row = (name: string, results: readonly SaturationResult[]): string[] => [
    name,
    String(results.length),
    spread(
      results.map(({ perSecond }) => perSecond),
      whole,
    ),
    spread(
      results.map(({ cpuUs }) => cpuUs),
      (us) => us.toFixed(1),
    ),
    spread(
      results.map(({ memoryBytes }) => memoryBytes / 1e6),
      whole,
    ),
  ];
  const rate = (results: readonly SaturationResult[]) => median(results.map((r) => r.perSecond));
  const cost = 100 * (1 - rate(logged) / rate(without));
  return [
    head('Serve log', frame, settings),
    '## An HTTP server on one core, as fast as it answers\n',
    markdownTable(
      ['node:http', 'runs', 'answers/s', 'CPU us an answer', 'MB'],
      [row('without log', without), row('with serve log', logged)],
    ),
    `Medians (least to most), in turns. 20 movies an answer; 32 connections. CPU is of all threads of ` +
      'the server, sending and compressing included. ' +
      `The log costs ${cost.toFixed(1)} % of the answers.\n`,
    '## Findings of this run\n',
    findingList(frame.findings, 'No record was lost.\n'),
  ].join('\n');
}
