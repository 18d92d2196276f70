import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RowFault } from './row-fault.ts';

/** The rows that an import left out: each by file, line and reason. */
export interface Rejects {
  add(file: string, line: number, fault: RowFault): void;
  count(): number;
  /** Counts of each kind, most first. */
  byKind(): readonly (readonly [kind: string, count: number])[];
  /** The first ones, as `file:line: reason`. */
  shown(): readonly string[];
  /** The file that lists all of them; null when there are none. */
  file(): string | null;
  close(): void;
}

/** Keeps the first `showMax` in memory and all of them in a file, since there may be millions. */
export function createRejects(listFile: string, showMax: number): Rejects {
  const shown: string[] = [];
  const kinds = new Map<string, number>();
  let count = 0;
  let list: number | null = null;
  let pending = '';

  // An earlier run's list is not this one's.
  rmSync(listFile, { force: true });

  function write(): void {
    if (pending === '') return;
    if (list === null) {
      mkdirSync(dirname(listFile), { recursive: true });
      list = openSync(listFile, 'w');
    }
    writeSync(list, pending);
    pending = '';
  }

  return {
    add(file, line, { kind, reason }) {
      const text = `${file}:${line}: ${reason}`;
      count += 1;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (shown.length < showMax) shown.push(text);
      pending += `${text}\n`;
      if (pending.length > 1 << 16) write();
    },
    count: () => count,
    byKind: () => [...kinds].sort(([, a], [, b]) => b - a),
    shown: () => shown,
    file: () => (count === 0 ? null : listFile),
    close() {
      write();
      if (list !== null) closeSync(list);
      list = null;
    },
  };
}
