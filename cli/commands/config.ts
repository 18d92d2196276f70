import type { Command } from 'commander';
import type { Config, ConfigEntry } from '../config/config.ts';

export function register(program: Command): void {
  program
    .command('config')
    .description('every setting, its value and where it comes from; secrets hidden')
    .option('--json', 'as JSON')
    .option('--exports', "an analyst's settings for other tools, secrets and all, for `eval`")
    .action(async (options: { json?: boolean; exports?: boolean }) => {
      const { explainConfig } = await import('../config/config.ts');
      const { config, entries } = explainConfig();
      if (options.exports === true) {
        for (const [name, value] of Object.entries(exportsOf(config)))
          process.stdout.write(`export ${name}=${quote(value)}\n`);
        return;
      }
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

/** Names that psql, the AWS clients and what is built on them know. */
export function exportsOf({ objectStore, postgres }: Config): Readonly<Record<string, string>> {
  const url = new URL(postgres.readerUrl);
  return {
    AWS_ENDPOINT_URL: objectStore.endpoint,
    AWS_ACCESS_KEY_ID: objectStore.accessKey,
    AWS_SECRET_ACCESS_KEY: objectStore.secretKey,
    AWS_REGION: 'us-east-1',
    MARQUEE_S3_BUCKET: objectStore.bucket,
    PGHOST: url.hostname,
    PGPORT: url.port,
    PGUSER: decodeURIComponent(url.username),
    PGPASSWORD: decodeURIComponent(url.password),
    PGDATABASE: url.pathname.slice(1),
  };
}

/** For a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
