import type { Command } from 'commander';

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
      const { processorsNamed } = await import('../../operations/processor-named.ts');
      const { loadConfig } = await import('../config/config.ts');
      const { runProcessors } = await import('../streams/run-processors.ts');
      const processors = processorsNamed(names);
      const config = loadConfig();
      await runProcessors(config, processors, {
        metricsPort: Number(options.metricsPort ?? config.runtime.metricsPort),
        ...(options.instance === undefined ? {} : { instanceId: options.instance }),
      });
    });
}
