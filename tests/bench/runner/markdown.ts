import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { median } from './rate.ts';

export const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** Median (least to most). */
export const spread = (values: readonly number[], show: (value: number) => string): string =>
  values.length === 1
    ? show(median(values))
    : `${show(median(values))} (${show(Math.min(...values))} to ${show(Math.max(...values))})`;

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`;
}

export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return row(head) + row(head.map(() => '---')) + rows.map(row).join('');
}

/** What the figures were measured on; `settings` are the servers'. */
export function machineTable(settings: readonly (readonly [string, string])[]): string {
  const [cpu] = cpus();
  const version = (command: string, args: string[], line: number): string => {
    try {
      return execFileSync(command, args, { encoding: 'utf8' }).split('\n')[line]?.trim() ?? '';
    } catch {
      return 'unknown';
    }
  };
  const facts: (readonly [string, string])[] = [
    ['processor', `${String(cpus().length)} cores, ${cpu?.model ?? 'unknown'}`],
    ['memory', `${whole(totalmem() / 2 ** 30)} GiB`],
    ['system', `Linux ${release()}, ${distribution()}`],
    ['Node', process.version],
    ['Python', version('python3', ['--version'], 0)],
    ...settings,
  ];
  return markdownTable(['machine', ''], facts);
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}
