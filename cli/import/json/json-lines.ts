import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { History, HistoryItem } from '../../../archive/backfill/history.ts';
import { isFault } from '../row-fault.ts';
import { parseAction } from './json-action.ts';
import type { Rejects } from '../rejects.ts';
import { changed, hashFile, readBytes, splitLines, unreadable } from '../text-lines.ts';
import type { TextLine } from '../text-lines.ts';

/** 32 properties of 1,024 characters, each of up to six bytes, and the rest. */
const LINE_BYTES_MAX = 256 * 1024;
/** Memory of a line beside its text. */
const LINE_BYTES_MORE = 64;

/**
 * A file of JSON lines, an action a line; its places are its lines from 0. Lines that can't be used
 * go to `rejects`, each once. Throws MARQUEE_IMPORT_FILE.
 */
export async function openJsonHistory(file: string, rejects: Rejects): Promise<History> {
  const name = basename(file);
  const sha256 = await hashFile(file);
  let plannedAt = Infinity;
  let reported = 0;

  function itemOf({ number, bytes }: TextLine): HistoryItem | null {
    if (bytes?.length === 0) return null;
    const found =
      bytes === null
        ? { kind: 'bad line' as const, reason: `line of over ${LINE_BYTES_MAX} bytes` }
        : parseAction(bytes, plannedAt);
    const place = number - 1;
    const weight = (bytes?.length ?? 0) + LINE_BYTES_MORE;
    if (!isFault(found)) return { place, bytes: weight, event: found };
    // A file that is read again after a fault has said so before.
    if (number > reported) rejects.add(name, number, found);
    reported = Math.max(reported, number);
    return { place, bytes: LINE_BYTES_MORE, event: null };
  }

  return {
    name,
    sha256,
    begin(plannedAtMs) {
      plannedAt = plannedAtMs;
      return Promise.resolve();
    },
    async *items(from) {
      const sum = createHash('sha256');
      const bytes = readBytes(file, (piece) => {
        sum.update(piece);
      });
      const lines = splitLines(bytes, LINE_BYTES_MAX);
      for await (const chunk of readable(file, lines))
        yield chunk
          .filter(({ number }) => number > from)
          .map(itemOf)
          .filter((item) => item !== null);
      if (sum.digest('hex') !== sha256) throw changed(file);
    },
  };
}

/** Names the file when reading it throws; what is done with its lines throws elsewhere. */
async function* readable<T>(file: string, lines: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* lines;
  } catch (cause) {
    throw unreadable(file, cause);
  }
}
