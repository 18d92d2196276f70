import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('status')
    .description('health, ports and versions of the local stack')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => {
      const { openStack } = await import('../stack/open.ts');
      const { loadConfig } = await import('../config/config.ts');
      const { progress, stack, config } = openStack();
      progress.close();
      const services = await stack.status();
      const readerUrl = loadConfig({ home: config.home }).postgres.readerUrl;
      if (options.json === true) {
        const report = { home: config.home, readerUrl, parts: services };
        process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
      } else {
        for (const service of services) {
          const where = service.port === null ? '-' : `127.0.0.1:${service.port}`;
          const what = service.version ?? service.detail ?? '';
          const line = [service.name.padEnd(13), service.state.padEnd(8), where.padEnd(16), what];
          process.stdout.write(`${line.join(' ').trimEnd()}\n`);
        }
        process.stdout.write(`\nhome          ${config.home}\n`);
        process.stdout.write(
          `read-only     ${readerUrl}\n              (./marquee psql opens it)\n`,
        );
      }
      if (services.some(({ state }) => state !== 'up')) process.exitCode = 1;
    });
}
