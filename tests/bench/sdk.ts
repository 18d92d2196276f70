/**
 * The benchmark of the SDK: events that one producer gets acknowledged a second, what they cost, and
 * the time from call to acknowledgement at 1,000 events/s. Run by `marquee bench sdk`.
 */
import { contestant } from './runner/attempts.ts';
import { whole } from './runner/markdown.ts';
import { positive, withRounds } from './runner/options.ts';
import { runBench } from './runner/run.ts';
import { settingsOf } from './runner/settings.ts';
import { measureAcknowledgement, type AcknowledgementResult } from './sdk/acknowledgement.ts';
import { measureSdk, type SdkResult } from './sdk/rate.ts';
import { renderSdk, type SdkFigures } from './sdk/report.ts';

interface Options {
  readonly events: number;
  readonly runs: number;
  readonly seconds: number;
  readonly home?: string;
  readonly out: string;
}

const PER_SECOND = 1_000;

await runBench<Options, SdkFigures>({
  name: 'sdk',
  description: 'measure what the SDK gets acknowledged, on a stack of its own',
  options(command) {
    return withRounds(command, 3)
      .option('--events <n>', 'events of a run', positive, 500_000)
      .option('--seconds <n>', 'how long latency is measured', positive, 10)
      .option('--home <folder>', 'keep the stack there');
  },
  measure: (options, { attempts, onStack }) =>
    onStack(options, async ({ stack }) => {
      const runs: SdkResult[] = [];
      const measureOnce = () => measureSdk(stack, options.events, 'mixed');
      await attempts.alternate(options.runs, [contestant('SDK', runs, measureOnce, describe)]);
      const acknowledgements: AcknowledgementResult[] = [];
      await attempts.attempt(`latency at ${PER_SECOND} events/s`, async () => {
        const result = await measureAcknowledgement(stack, PER_SECOND, options.seconds);
        acknowledgements.push(result);
        return `p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms`;
      });
      const failed = runs.reduce((sum, run) => sum + run.failed, 0);
      if (failed > 0) attempts.findings.push(`${failed} events failed`);
      return { runs, acknowledgements, settings: await settingsOf(stack) };
    }),
  render: renderSdk,
});

function describe({ eventsPerSecond, cpuPerMillion, peakRss, retried }: SdkResult): string {
  return (
    `${whole(eventsPerSecond)} events/s acknowledged; ${cpuPerMillion.toFixed(2)} us CPU an event; ` +
    `${whole(peakRss / 1e6)} MB; ${retried} sent again`
  );
}
