import type { Command } from 'commander';

export function register(program: Command): void {
  const schema = program.command('schema').description('the Avro schemas of schemas/avro');
  schema
    .command('check')
    .description('hold each version against all earlier ones, here and by the registry')
    .option('--offline', 'do not ask the registry')
    .action(async (flags: { readonly offline?: boolean }) => {
      const { assertCompatible, assertGenerated, checkWithRegistry, subjectsOfFolder } =
        await import('../../connectors/registry/subjects.ts');
      const subjects = await subjectsOfFolder();
      assertCompatible(subjects);
      assertGenerated(subjects);
      print(`${subjects.length} subjects: every version reads all earlier ones`);
      if (flags.offline === true) return;
      const { loadConfig } = await import('../config/config.ts');
      const { url } = loadConfig().registry;
      const objections = await checkWithRegistry({ url, subjects });
      for (const { subject, objection } of objections) print(`${subject}: ${objection}`);
      if (objections.length > 0) process.exitCode = 1;
      else print(`the registry at ${url} has no objection`);
    });
  schema
    .command('push')
    .description('register what the registry lacks; harmless to repeat')
    .option('--dry-run', 'only say what would be done')
    .action(async (flags: { readonly dryRun?: boolean }) => {
      const { pushSchemas } = await import('../../connectors/registry/subjects.ts');
      const { loadConfig } = await import('../config/config.ts');
      const steps = await pushSchemas({
        url: loadConfig().registry.url,
        dryRun: flags.dryRun === true,
      });
      for (const { subject, action, detail } of steps) {
        print(`${subject.padEnd(32)} ${action.replaceAll('_', ' ').padEnd(18)} ${detail}`);
      }
      if (flags.dryRun === true) print('nothing was changed (dry run)');
    });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
