/**
 * The benchmark of the HTTP API: what it adds to node:http when a list is ready at once. Run by
 * `marquee bench api`: both servers in turn, under the same load.
 */
import { saturate, type Saturation } from './api/saturate.ts';
import { contestant } from './runner/attempts.ts';
import { findingList, head, markdownTable, spread, whole } from './runner/markdown.ts';
import { positive, withRounds } from './runner/options.ts';
import { median } from './runner/rate.ts';
import { runBench, type ReportFrame } from './runner/run.ts';
import { ANSWER } from './api/request.ts';

interface Options {
  readonly runs: number;
  readonly seconds: number;
  readonly out: string;
}

interface Figures {
  readonly node: readonly Saturation[];
  readonly api: readonly Saturation[];
}

const WARM_MS = 2_000;

await runBench<Options, Figures>({
  name: 'api',
  description: 'measure what the HTTP API adds to node:http',
  options: (command) => withRounds(command, 5).option('--seconds <n>', 'of each run', positive, 5),
  async measure({ runs, seconds }, { attempts, untilInterrupted }) {
    const figures: { node: Saturation[]; api: Saturation[] } = { node: [], api: [] };
    const of = (kind: 'node' | 'api') =>
      contestant(
        kind,
        figures[kind],
        () => untilInterrupted(saturate(kind, { warmMs: WARM_MS, measureMs: seconds * 1_000 })),
        ({ perSecond, serverMicroseconds }) =>
          `${whole(perSecond)} a second, ${serverMicroseconds.toFixed(1)} us CPU each`,
      );
    await attempts.alternate(runs, [of('node'), of('api')]);
    for (const [kind, results] of Object.entries(figures))
      if (results.some(({ generatorShare }) => generatorShare > 0.8))
        attempts.findings.push(
          `${kind}: the generator used over 80 % of a core, so it is the limit`,
        );
    return figures;
  },
  render,
});

function render({ node, api, ...frame }: Figures & ReportFrame): string {
  const line = (name: string, runs: readonly Saturation[]): string[] => [
    name,
    String(runs.length),
    spread(
      runs.map((run) => run.perSecond),
      whole,
    ),
    spread(
      runs.map((run) => run.serverMicroseconds),
      (value) => value.toFixed(1),
    ),
    spread(
      runs.map((run) => run.generatorShare * 100),
      whole,
    ),
  ];
  const cost = (runs: readonly Saturation[]): number =>
    median(runs.map((run) => run.serverMicroseconds));
  return [
    head('HTTP API', frame, []),
    `## A list that is ready, ${ANSWER.length} bytes, 64 connections\n`,
    markdownTable(
      ['server', 'runs', 'requests/s', 'CPU us a request', 'generator, % of a core'],
      [line('node:http', node), line('Marquee', api)],
    ),
    'Medians (least to most) at saturation: a closed loop, so nothing about latency. CPU is user and',
    `system time of the server's process. Marquee takes ${(cost(api) / cost(node)).toFixed(2)} times`,
    'the CPU of node:http: it routes, holds key and parameters to their rules, and counts.\n',
    '## Findings of this run\n',
    findingList(frame.findings, 'None.\n'),
  ].join('\n');
}
