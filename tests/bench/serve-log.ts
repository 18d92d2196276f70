/**
 * The benchmark of the serve log: what it takes of the answers of an HTTP server that has one core.
 * Run by `marquee bench serve-log`.
 */
import { contestant } from './runner/attempts.ts';
import { whole } from './runner/markdown.ts';
import { positive, withRounds } from './runner/options.ts';
import { runBench } from './runner/run.ts';
import { settingsOf } from './runner/settings.ts';
import { startServer, type SaturationResult } from './serve-log/load.ts';
import { renderServeLog, type ServeLogFigures } from './serve-log/report.ts';

interface Options {
  readonly runs: number;
  readonly seconds: number;
  readonly home?: string;
  readonly out: string;
}

await runBench<Options, ServeLogFigures>({
  name: 'serve-log',
  description: 'measure what logging every served list takes of a server’s answers',
  options(command) {
    return withRounds(command, 7)
      .option('--seconds <n>', 'length of a run', positive, 4)
      .option('--home <folder>', 'keep the stack there');
  },
  measure: (options, { attempts, onStack }) =>
    onStack(options, async ({ stack }) => {
      const server = await startServer(stack);
      try {
        const without: SaturationResult[] = [];
        const logged: SaturationResult[] = [];
        await server.measure(false, options.seconds);
        await server.measure(true, options.seconds);
        await attempts.alternate(options.runs, [
          contestant('without', without, () => server.measure(false, options.seconds), describe),
          contestant('with', logged, () => server.measure(true, options.seconds), describe),
        ]);
        const lost = Math.max(...logged.map((result) => result.lost));
        if (lost > 0) attempts.findings.push(`${lost} records were lost`);
        return { without, logged, settings: await settingsOf(stack) };
      } finally {
        server.stop();
      }
    }),
  render: renderServeLog,
});

function describe({ perSecond, cpuUs, memoryBytes }: SaturationResult): string {
  const memory = whole(memoryBytes / 1e6);
  return `${whole(perSecond)} answers/s; ${cpuUs.toFixed(1)} us CPU an answer; ${memory} MB`;
}
