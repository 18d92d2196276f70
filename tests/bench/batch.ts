/**
 * The benchmark of the batch stage: generated events of several sizes through a whole run, and the
 * package implicit training ALS on the same matrix. Run by `marquee bench batch`.
 */
import { measureBatch, type BatchOptions, type BatchResult } from './batch/measure.ts';
import { renderBatch, type BatchFigures } from './batch/report.ts';
import { installPythonPeer } from './peers/python.ts';
import { contestant } from './runner/attempts.ts';
import { whole } from './runner/markdown.ts';
import { sizes, withPopulation } from './runner/options.ts';
import { runBench } from './runner/run.ts';
import { secondsOf } from '../support/batch/stage.ts';

const SIZES = [1_000_000, 10_000_000];

interface Options extends BatchOptions {
  readonly events: readonly number[];
  readonly out: string;
}

await runBench<Options, BatchFigures>({
  name: 'batch',
  description: 'a whole run of the Spark stage on generated events, on a stack of its own',
  options(command) {
    command.option('--events <sizes>', 'user actions, comma-separated', sizes, SIZES);
    return withPopulation(command)
      .option('--memory <size>', "of Spark's driver", '3g')
      .option('--set <setting...>', 'settings of the batch stage', []);
  },
  async measure(options, bench) {
    const python = await installPythonPeer('implicit', bench.progress);
    const results: BatchResult[] = [];
    const measureOnce = (events: number) => () => measureBatch(options, events, python, bench);
    await bench.attempts.alternate(
      1,
      options.events.map((events) =>
        contestant(`${whole(events)} events`, results, measureOnce(events), describe),
      ),
    );
    return { options, results };
  },
  render: renderBatch,
});

function describe({ report, peer }: BatchResult): string {
  return `${secondsOf(report).toFixed(1)} s; ALS by implicit ${peer.seconds.toFixed(1)} s`;
}
