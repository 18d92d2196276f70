import type { Command } from 'commander';

const WATCH_MS = 2_000;

export function register(program: Command): void {
  program
    .command('lag')
    .description('how far each processor is behind its topic; works with processors stopped')
    .argument('[processors...]', 'names; all when none is given')
    .option('--json', 'as JSON')
    .option('--watch', 'again every 2 s, until interrupted')
    .action(async (names: string[], flags: { json?: boolean; watch?: boolean }) => {
      const { PROCESSORS } = await import('../../streams/index.ts');
      const { loadConfig } = await import('../config/config.ts');
      const { processorNamed } = await import('../../operations/processor-named.ts');
      const { readLogBounds } = await import('../../operations/log-bounds.ts');
      const { describeLag, readLag, totalLag } = await import('../../operations/lag.ts');
      const { print, printJson, withSession } = await import('../terminal/output.ts');
      const { setTimeout: delay } = await import('node:timers/promises');
      const processors = (names.length === 0 ? Object.keys(PROCESSORS) : names).map(processorNamed);
      const config = loadConfig();
      await withSession(config.postgres.writerUrl, 'lag', async (session) => {
        for (;;) {
          const topics = processors.map((p) => p.source.topic);
          const bounds = await readLogBounds(config.kafka.brokers, topics);
          const lag = await readLag(session, processors, bounds, Date.now());
          if (flags.watch === true && process.stdout.isTTY) process.stdout.write('\x1b[2J\x1b[H');
          if (flags.json === true) printJson({ partitions: lag, totals: totalLag(lag) });
          else print(describeLag(lag));
          if (lag.some((p) => p.outsideLog)) {
            process.stderr.write('OUTSIDE LOG: see `marquee offsets show <processor>`\n');
            process.exitCode = 1;
          }
          if (flags.watch !== true) return;
          await delay(WATCH_MS);
        }
      });
    });
}
