import { createStreamProcess } from '../../streams/runtime/process.ts';
import type { Processor } from '../../streams/runtime/processor.ts';
import { serveMetrics } from '../../streams/runtime/observe/metrics-server.ts';
import type { Config } from '../config/config.ts';
import { failpointsOf } from '../config/failpoints.ts';
import { createLog } from '../config/log.ts';
import { keepRetention } from '../../operations/retention.ts';
import { streamOptions } from './stream-options.ts';

const EXIT_WITHIN_MS = 5_000;

/** Runs processors until SIGTERM or SIGINT; a second signal ends at once. */
export async function runProcessors(
  config: Config,
  processors: readonly Processor[],
  options: { readonly metricsPort: number; readonly instanceId?: string },
): Promise<void> {
  const log = createLog(config.log.level);
  const streams = await createStreamProcess({
    processors,
    ...streamOptions(config),
    log,
    failpoint: failpointsOf(config),
    ...(options.instanceId === undefined ? {} : { instanceId: options.instanceId }),
  });
  const server = await serveMetrics({
    host: '127.0.0.1',
    port: options.metricsPort,
    registry: streams.metrics.registry,
    statuses: streams.statuses,
  });
  log.info({
    event: 'started',
    processors: processors.map((p) => p.name),
    client: config.kafka.client,
    metrics: `http://127.0.0.1:${server.port}/metrics`,
  });
  const endRetention = keepRetention({
    url: config.postgres.writerUrl,
    settings: config.retention,
    log,
  });
  let stopping: Promise<void> | null = null;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping !== null) process.exit(130);
    log.info({ event: 'stopping', signal });
    stopping = streams.stop();
  };
  const finished = async () => stopping; // set by a signal, once the run is under way
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    await streams.run();
    await finished();
    log.info({ event: 'stopped' });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    log.fatal({ event: 'ended', code, reason: message, stack: (error as Error).stack });
    process.exitCode = 1;
    // The group gives the partitions to others sooner when it is told; but a stuck end must end.
    setTimeout(() => process.exit(1), 5_000).unref();
    await streams.stop().catch(() => undefined);
  } finally {
    endRetention();
    await server.close();
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
    // All is committed and closed. A client that left a handle open must not keep the process.
    setTimeout(() => {
      log.warn({ event: 'exit_forced', open: process.getActiveResourcesInfo() });
      process.exit();
    }, EXIT_WITHIN_MS).unref();
  }
}
