import { formatTable } from './format.ts';
import type { Column } from './format.ts';

/** As wide as the terminal, and wide where there is none: a file or a pipe cuts nothing off. */
const WIDTH = process.stdout.isTTY ? Math.max(80, process.stdout.columns) : 400;

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  return formatTable(columns, rows, WIDTH);
}

export const left = (title: string): Column => ({ title });
export const right = (title: string): Column => ({ title, align: 'right' });

/** Epoch ms as '2026-11-20 12:00:00.123Z'; '-' for null. */
export function formatTime(ms: number | null): string {
  return ms === null ? '-' : new Date(ms).toISOString().replace('T', ' ');
}
