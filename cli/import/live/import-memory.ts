import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { MarqueeError } from '../../../common/error.ts';
import { stillCounts, windowBefore } from './live-window.ts';

/** A home's memory of live traffic that was sent to a cluster from it. */
export interface ImportMemory {
  /** The data's origin, for people. */
  readonly source: string;
  readonly dataHash: string;
  readonly clusterId: string;
  readonly untilMs: number;
  readonly startedAt: string;
  /** Null while it runs, and for one that was interrupted. */
  readonly finishedAt: string | null;
}

export interface ImportMemories {
  find(dataHash: string): ImportMemory | null;
  /** Another set from the same place, such as one whose files were changed since. */
  findOther(source: string, dataHash: string): ImportMemory | null;
  save(memory: ImportMemory): void;
}

/** One small file for each set of data and cluster in <home>/imports. */
export function openMemories(home: string, clusterId: string): ImportMemories {
  const folder = join(home, 'imports');
  const fileOf = (dataHash: string): string =>
    join(folder, `${clusterId}-${dataHash.slice(0, 16)}.json`);
  const read = (file: string): ImportMemory | null => {
    if (!existsSync(file)) return null;
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as ImportMemory;
    } catch (cause) {
      throw new MarqueeError(
        'MARQUEE_IMPORT_MEMORY',
        `${file} can't be read. It says which times an earlier import used; without it the same ` +
          'data would be sent as new events. Remove it if that is what you want.',
        { cause },
      );
    }
  };
  return {
    find: (dataHash) => read(fileOf(dataHash)),
    findOther(source, dataHash) {
      if (!existsSync(folder)) return null;
      const files = readdirSync(folder).filter(
        (name) => name.startsWith(`${clusterId}-`) && name.endsWith('.json'),
      );
      const found = files.map((name) => read(join(folder, name)));
      return found.find((m) => m?.source === source && m.dataHash !== dataHash) ?? null;
    },
    save(memory) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const file = fileOf(memory.dataHash);
      writeFileSync(`${file}.part`, `${JSON.stringify(memory, null, 2)}\n`);
      renameSync(`${file}.part`, file);
    },
  };
}

/** Live traffic as it relates to what was sent before. */
export type LivePlan =
  | { readonly kind: 'new'; readonly untilMs: number }
  /** The same events again: a resend of what is there, and the rest of what is not. */
  | { readonly kind: 'again'; readonly untilMs: number; readonly before: ImportMemory }
  /** Sent before, and by now too old to be sent again. */
  | { readonly kind: 'past'; readonly before: ImportMemory };

/**
 * Decides the end of the window. The same data keeps the times that it was first sent with, so that
 * an import that was interrupted can be run again, and one that was finished changes nothing. An
 * `until` that was asked for always holds.
 */
export function planLive(
  before: ImportMemory | null,
  askedUntilMs: number | null,
  spanMs: number,
  nowMs: number,
  lateHorizonMs: number,
): LivePlan {
  if (askedUntilMs !== null && before?.untilMs !== askedUntilMs)
    return { kind: 'new', untilMs: askedUntilMs };
  if (before === null) return { kind: 'new', untilMs: nowMs };
  const window = windowBefore(before.untilMs, spanMs);
  if (stillCounts(window, nowMs, lateHorizonMs))
    return { kind: 'again', untilMs: before.untilMs, before };
  return { kind: 'past', before };
}
