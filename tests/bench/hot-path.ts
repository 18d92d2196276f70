/**
 * The benchmark of the hot path: the same events through Marquee and its peers into the same table.
 * Run by `marquee bench hot-path`; docs/benchmarks.md says what is measured and how.
 */
import { InvalidArgumentError, Option } from 'commander';
import { measure, type MeasureOptions } from './hot-path/measure.ts';
import { renderReport, type Figures } from './hot-path/report.ts';
import { installSystems, SYSTEMS } from './hot-path/systems.ts';
import { positive, withLoad, withRounds, withSettings } from './runner/options.ts';
import { runBench } from './runner/run.ts';

interface Options extends MeasureOptions {
  readonly only: readonly string[];
  readonly home?: string;
  readonly out: string;
}

function systemNames(text: string): readonly string[] {
  const names = text === 'none' ? [] : text.split(',');
  const unknown = names.find((name) => !SYSTEMS.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`there is no ${unknown}`);
  return names;
}

await runBench<Options, Figures>({
  name: 'hot-path',
  description: 'measure Kafka -> rt_user_interactions against its peers, on a stack of its own',
  options(command) {
    withLoad(command, 2_000_000);
    withRounds(command, 5);
    return withSettings(command, 'processors')
      .addOption(
        new Option('--only <names>', `systems to compare: none, or some of ${SYSTEMS.join(',')}`)
          .argParser(systemNames)
          .default(SYSTEMS, 'all'),
      )
      .option('--no-four', 'leave out all four processors together')
      .option('--no-latency', 'leave out the time from SDK call to visible row')
      .option('--no-sdk', 'leave out the events that the SDK gets acknowledged')
      .option('--latency-seconds <n>', 'how long latency is measured', positive, 60)
      .option('--home <folder>', 'keep stack and events there, for another run')
      .option('--stall-seconds <n>', 'give a run up when no row came for so long', positive, 60);
  },
  async measure(options, bench) {
    const systems = await installSystems(options.only, bench.progress);
    return bench.onStack(options, (place) => measure(options, systems, place, bench));
  },
  render: renderReport,
});
