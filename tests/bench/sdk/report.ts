import { findingList, head, markdownTable, spread, whole } from '../runner/markdown.ts';
import type { ReportFrame } from '../runner/run.ts';
import type { AcknowledgementResult } from './acknowledgement.ts';
import type { SdkResult } from './rate.ts';

export interface SdkFigures {
  readonly runs: readonly SdkResult[];
  readonly acknowledgements: readonly AcknowledgementResult[];
  readonly settings: readonly (readonly [string, string])[];
}

/** One line a name: what one producer came to in these runs. */
export function rateTable(name: string, runs: readonly SdkResult[]): string {
  const of = (pick: (run: SdkResult) => number, show: (value: number) => string): string =>
    spread(runs.map(pick), show);
  return markdownTable(
    ['SDK', 'runs', 'acknowledged events/s', 'CPU s/M', 'peak MB', 'sent again', 'failed'],
    [
      [
        name,
        String(runs.length),
        of((run) => run.eventsPerSecond, whole),
        of(
          (run) => run.cpuPerMillion,
          (value) => value.toFixed(1),
        ),
        of((run) => run.peakRss / 1e6, whole),
        of((run) => run.retried, whole),
        of((run) => run.failed, whole),
      ],
    ],
  );
}

export function renderSdk({
  runs,
  acknowledgements,
  settings,
  ...frame
}: SdkFigures & ReportFrame): string {
  const ms = (value: number): string => value.toFixed(1);
  return [
    head('SDK', frame, settings),
    '## Acknowledged to one producer as fast as it goes\n',
    runs.length === 0 ? 'Not run.\n' : rateTable('impressions, clicks and ratings', runs),
    'Medians (least to most), after a warm-up of a fifth as many events; acks=all.\n',
    '## From the call to the acknowledgement\n',
    acknowledgements.length === 0
      ? 'Not run.\n'
      : markdownTable(
          ['events/s', 'seconds', 'p50 ms', 'p99 ms', 'p99.9 ms'],
          acknowledgements.map((result) => [
            whole(result.perSecond),
            whole(result.seconds),
            ms(result.p50Ms),
            ms(result.p99Ms),
            ms(result.p999Ms),
          ]),
        ),
    '## Findings of this run\n',
    findingList(frame.findings, 'Every event was acknowledged.\n'),
  ].join('\n');
}
