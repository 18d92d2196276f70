import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MarqueeError } from '../../common/error.ts';
import type { History } from '../../archive/backfill/history.ts';
import { openJsonHistory } from './json/json-lines.ts';
import { openMovieLensHistory } from './movielens/movielens-history.ts';
import type { HistoryOptions } from './movielens/movielens-history.ts';

const MOVIELENS_FILE = /^(?:movies|links|tags|ratings)\.csv$/;
/** A .json may be anything; given by its name it is read. */
const JSON_LINES = /\.(?:jsonl|ndjson)(?:\.gz)?$/;

/**
 * The histories of a path: a folder in MovieLens' layout, a file of JSON lines, or a folder of such
 * files, by name. Throws MARQUEE_IMPORT_FILE when it is something else.
 */
export async function openHistories(path: string, options: HistoryOptions): Promise<History[]> {
  if (!existsSync(path)) throw notHistory(`there is no ${path}`);
  if (!statSync(path).isDirectory()) {
    if (path.endsWith('.csv'))
      throw notHistory(`${path} is one file of a MovieLens set: give its folder`);
    return [await openJsonHistory(path, options.rejects)];
  }
  const names = readdirSync(path).sort();
  if (names.some((name) => MOVIELENS_FILE.test(name)))
    return [await openMovieLensHistory(path, options)];
  const files = names.filter((name) => JSON_LINES.test(name));
  if (files.length === 0) throw notHistory(`${path} holds no such file`);
  const histories: History[] = [];
  for (const file of files)
    histories.push(await openJsonHistory(join(path, file), options.rejects));
  return histories;
}

function notHistory(what: string): MarqueeError {
  return new MarqueeError(
    'MARQUEE_IMPORT_FILE',
    `${what}. History is a MovieLens folder (movies.csv, links.csv, tags.csv and ratings.csv), or ` +
      'JSON lines: a file with an action a line, or a folder of .jsonl or .ndjson files, also .gz',
  );
}
