import type { Command } from 'commander';
import { parseWhole } from '../terminal/parse.ts';

export function register(program: Command): void {
  program
    .command('serve')
    .description('the HTTP API: recommendations out, events in; ends with SIGTERM or Ctrl-C')
    .option('--port <port>', 'else the setting serve.port; 0: any free one', parseWhole)
    .action(async (flags: { readonly port?: number }) => {
      const { loadConfig } = await import('../config/config.ts');
      const { serve } = await import('../serving/serve.ts');
      const { openRecommender } = await import('../serving/open-recommender.ts');
      const config = loadConfig(flags.port === undefined ? {} : { serve: { port: flags.port } });
      await serve(config, openRecommender);
    });
}
