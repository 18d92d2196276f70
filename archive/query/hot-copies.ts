import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from '../../connectors/postgres/session.ts';
import { writeHotFiles } from './hot-files.ts';
import type { HotBounds } from './manifest-reader.ts';

/** Local Parquet files of hot rows by UTC date, all of one snapshot of the manifest. */
export interface HotCopies {
  has(date: string): boolean;
  /**
   * The date's copies; where there are none, a file that can't be read: nothing is left out unsaid.
   */
  filesOf(date: string): Promise<readonly string[]>;
  /** The file that stands for a date that is not copied. */
  placeholder(date: string): Promise<string>;
  /** Copies a date's rows; `session` is in the snapshot of the manifest. */
  copy(
    session: Session,
    date: string,
    bounds: readonly HotBounds[],
    onRows: (rows: number) => void,
  ): Promise<void>;
  /** Throws all copies away, for another snapshot. */
  reset(): Promise<void>;
}

export function createHotCopies(folder: string): HotCopies {
  let copied = new Map<string, readonly string[]>();
  let snapshots = 0;
  /** Another one each time, so that nothing is told of files that are gone. */
  const current = () => join(folder, `hot-${snapshots}`);

  async function placeholder(date: string): Promise<string> {
    const path = join(current(), `date=${date}`, 'not-copied.parquet');
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, '');
    return path;
  }

  return {
    placeholder,
    has: (date) => copied.has(date),
    filesOf: async (date) => copied.get(date) ?? [await placeholder(date)],
    async copy(session, date, bounds, onRows) {
      copied.set(date, await writeHotFiles(session, current(), date, bounds, onRows));
    },
    async reset() {
      copied = new Map();
      await rm(current(), { recursive: true, force: true });
      snapshots++;
    },
  };
}
