import { explainConfig } from './config.ts';
import type { ConfigEntry } from './config.ts';
import { exportsOf } from './exports.ts';

/** The command `marquee config`. */
export function showConfig(options: { readonly json?: boolean; readonly exports?: boolean }): void {
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
    const { key, description, env, source } = entry;
    process.stdout.write(
      `${key.padEnd(width)}  ${hide(entry)}\n` +
        `${' '.repeat(width)}  ${description} (${env}; from ${source})\n`,
    );
  }
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

/** For a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
