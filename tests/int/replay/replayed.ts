import type { ReplayOptions } from '../../../streams/replay/replay-options.ts';
import { replay, type ReplayReport } from '../../../streams/replay/replay.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { quiet, type Environment } from '../../support/streams/environment.ts';

/** Replays a processor from the log's start, to be compared with the live tables; `over` is else. */
export function replayIn(
  env: Environment,
  processor: Processor,
  over: Partial<ReplayOptions> = {},
): Promise<ReplayReport> {
  return replay({
    processor,
    brokers: env.config.kafka.brokers,
    kafkaClient: 'kafkajs',
    registryUrl: env.config.registry.url,
    postgresUrl: env.config.postgres.writerUrl,
    settings: env.settings,
    log: quiet,
    from: { kind: 'earliest' },
    mode: 'compare',
    ...over,
  });
}
