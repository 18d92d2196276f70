import { Registry } from 'prom-client';
import { openRecommender } from '../../../cli/serving/open-recommender.ts';
import type { OpenRecommender } from '../../../cli/serving/open-recommender.ts';
import { silentProgress } from '../../../cli/terminal/progress.ts';
import type { Progress } from '../../../cli/terminal/progress.ts';
import { createProducer } from '../../../sdk/src/producer.ts';
import type { Producer } from '../../../sdk/src/producer.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import { cliEnvironment, runCli } from '../../support/cli.ts';
import { startEnvironment } from '../../support/streams/environment.ts';
import type { Environment } from '../../support/streams/environment.ts';

/** A whole system of its own: servers, all processors, the SDK and what answers, with a clock to set. */
export interface Servers {
  readonly environment: Environment;
  readonly producer: Producer;
  readonly recommender: OpenRecommender['recommender'];
  /** Sets the ranker's clock, in epoch ms. */
  setNow(now: number): void;
  /** Runs `marquee <args>`; throws with what it printed unless it went well. */
  marquee(args: readonly string[]): Promise<string>;
  readonly signal: AbortSignal;
  close(): Promise<void>;
}

/** Lists are judged here, not latencies: on a busy machine none is to be of another source for that. */
const BUDGET_MS = 10_000;

export async function startServers(signal: AbortSignal, progress?: Progress): Promise<Servers> {
  const environment = await startEnvironment({
    objectStore: true,
    redis: true,
    progress: progress ?? silentProgress,
  });
  const { config } = environment;
  const closes: (() => Promise<void>)[] = [environment.close];
  /** Ends all, whatever one of them says on its way, and then says it. */
  const close = async (): Promise<void> => {
    const faults: unknown[] = [];
    for (const end of closes.toReversed())
      await end().catch((error: unknown) => {
        faults.push(error);
      });
    if (faults.length > 0) throw faults[0] as Error;
  };
  try {
    const running = await environment.run(Object.values(PROCESSORS));
    closes.push(running.stop);
    let now = Date.now();
    const serving = await openRecommender({ ...config, log: { level: 'error' } }, new Registry(), {
      now: () => now,
      postgresBudgetMs: BUDGET_MS,
      cacheBudgetMs: BUDGET_MS,
    });
    closes.push(serving.close);
    const producer = createProducer({
      app: 'eval',
      brokers: config.kafka.brokers,
      registryUrl: config.registry.url,
    });
    closes.push(() => producer.close());
    await producer.ready;
    return {
      environment,
      producer,
      recommender: serving.recommender,
      signal,
      close,
      setNow(asked) {
        now = asked;
      },
      async marquee(args) {
        const env = {
          ...cliEnvironment(config.home, config.cache),
          SPARK_LOCAL_IP: '127.0.0.1',
        };
        signal.throwIfAborted();
        const { code, stdout, stderr } = await runCli(args, env, undefined, signal);
        signal.throwIfAborted();
        if (code !== 0) throw new Error(`marquee ${args.join(' ')}: ${stderr.slice(-2_000)}`);
        return stdout;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
