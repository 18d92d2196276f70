import type { Command } from 'commander';
import type { ConfigEntry } from '../config.ts';

export function register(program: Command): void {
  program
    .command('config')
    .description('every setting, its value and where it comes from; secrets hidden')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => {
      const { explainConfig } = await import('../config.ts');
      const { entries } = explainConfig();
      if (options.json === true) {
        const shown = entries.map((entry) => ({ ...entry, value: hide(entry) }));
        process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
        return;
      }
      const width = Math.max(...entries.map(({ key }) => key.length));
      for (const entry of entries) {
        const value = hide(entry);
        process.stdout.write(
          `${entry.key.padEnd(width)}  ${value}\n` +
            `${' '.repeat(width)}  ${entry.description} (${entry.env}; from ${entry.source})\n`,
        );
      }
    });
}

/** A URL keeps all but its password; another secret shows nothing. */
export function hide(entry: Pick<ConfigEntry, 'value' | 'secret'>): string {
  if (entry.value === undefined) return '-';
  const text = typeof entry.value === 'object' ? entry.value.join(',') : String(entry.value);
  if (!entry.secret) return text;
  if (!URL.canParse(text)) return '***';
  const url = new URL(text);
  if (url.password !== '') url.password = '***';
  return url.href;
}
