import type { Command } from 'commander';
import { MarqueeError } from '../../common/error.ts';

export function register(program: Command): void {
  program
    .command('run')
    .description('run stream processors in this process; more processes share the partitions')
    .argument('[processors...]', 'names; all when none is given')
    .option(
      '--metrics-port <port>',
      'of /metrics, /healthz and /readyz on loopback; 0: any free one',
    )
    .option('--instance <id>', 'static membership: keeps its partitions over a restart (rdkafka)')
    .action(async (names: string[], options: { metricsPort?: string; instance?: string }) => {
      const { PROCESSORS } = await import('../../streams/index.ts');
      const { loadConfig } = await import('../config/config.ts');
      const { runProcessors } = await import('../streams/run-processors.ts');
      const processors = (names.length === 0 ? Object.keys(PROCESSORS) : names).map((name) => {
        const processor = PROCESSORS[name];
        if (processor === undefined)
          throw new MarqueeError(
            'MARQUEE_UNKNOWN_PROCESSOR',
            `there is no processor "${name}"; there are ${Object.keys(PROCESSORS).join(', ')}`,
          );
        return processor;
      });
      const config = loadConfig();
      await runProcessors(config, [...new Set(processors)], {
        metricsPort: Number(options.metricsPort ?? config.runtime.metricsPort),
        ...(options.instance === undefined ? {} : { instanceId: options.instance }),
      });
    });
}
