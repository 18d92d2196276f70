import type { Command } from 'commander';

export function register(program: Command): void {
  const schema = program.command('schema').description('the Avro schemas of schemas/avro');
  schema
    .command('check')
    .description('hold each version against all earlier ones, here and by the registry')
    .option('--offline', 'do not ask the registry')
    .action(async (flags: { readonly offline?: boolean }) => {
      const { checkSchemas } = await import('../operations/schemas.ts');
      process.exitCode = await checkSchemas(flags);
    });
  schema
    .command('push')
    .description('register what the registry lacks; harmless to repeat')
    .option('--dry-run', 'only say what would be done')
    .action(async (flags: { readonly dryRun?: boolean }) => {
      const { pushAllSchemas } = await import('../operations/schemas.ts');
      await pushAllSchemas(flags);
    });
}
