import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHistories } from '../../../../cli/import/history-files.ts';
import { ratingActions, readMovieLens } from '../../../../cli/import/movielens/movielens-set.ts';
import { importIdOf } from '../../../../cli/import/import-id.ts';
import { createRejects } from '../../../../cli/import/rejects.ts';
import type { Rejects } from '../../../../cli/import/rejects.ts';
import { formatUuid } from '../../../../common/uuid.ts';
import type { History, HistoryItem } from '../../../../archive/backfill/history.ts';
import { jsonLines } from '../../../support/history.ts';
import { SMALL_SET, writeMovieLens } from '../../../support/movielens.ts';

const PLANNED = Date.UTC(2026, 10, 20);
const SEED = 7;

let folder = '';
let rejects: Rejects;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'marquee-history-'));
  rejects = createRejects(join(folder, 'rejected.txt'), 100);
});
afterEach(() => {
  rejects.close();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

const open = (path: string, movies: number[] = []) =>
  openHistories(path, {
    rejects,
    publish(set) {
      movies.push(set.catalogue.movies.size);
      return Promise.resolve();
    },
  });

async function read(history: History | undefined, from = 0): Promise<HistoryItem[]> {
  const items: HistoryItem[] = [];
  for await (const portion of history?.items(from) ?? []) items.push(...portion);
  return items;
}

async function itemsOf(path: string, from = 0): Promise<HistoryItem[]> {
  const [history] = await open(path);
  await history?.begin(PLANNED);
  return read(history, from);
}

const ids = (items: readonly HistoryItem[]) =>
  items.map(({ event }) => (event === null ? null : formatUuid(event.event_id)));

describe('a file of JSON lines', () => {
  it('has a place for each line, and one for each that could not be used', async () => {
    const [one, two] = jsonLines(SEED, 2);
    const file = write('log.jsonl', `\uFEFF${one ?? ''}\r\n\n{"user_id":1}\r\n${two ?? ''}`);
    const items = await itemsOf(file);
    expect(items.map(({ place, event }) => [place, event === null])).toEqual([
      [0, false],
      [2, true],
      [3, false],
    ]);
    expect(rejects.shown()).toEqual(['log.jsonl:3: user_id is 1: expected is a string']);
    expect(ids(await itemsOf(file, 3))).toEqual(ids(items).slice(2));
  });

  it('reports a line once, however often it is read', async () => {
    const [history] = await open(write('log.jsonl', 'x\n{}\n'));
    await history?.begin(PLANNED);
    for (let n = 0; n < 2; n++) expect((await read(history)).length).toBe(2);
    expect(rejects.count()).toBe(2);
  });

  it('of a line that fills memory loses that line alone', async () => {
    const [one = ''] = jsonLines(SEED, 1);
    const items = await itemsOf(write('log.jsonl', `${'x'.repeat(3_000_000)}\n${one}\n`));
    expect(items.map(({ event }) => event === null)).toEqual([true, false]);
    expect(rejects.shown()).toEqual(['log.jsonl:1: line of over 262144 bytes']);
  });

  it('gives the same events packed, under a hash of its own', async () => {
    const text = jsonLines(SEED, 5_000).join('\n');
    const plain = write('log.jsonl', text);
    const packed = write('log.jsonl.gz', gzipSync(text));
    expect(ids(await itemsOf(packed))).toEqual(ids(await itemsOf(plain)));
    const [a] = await open(plain);
    const [b] = await open(packed);
    expect(a?.sha256).not.toBe(b?.sha256);
  });

  it('that is cut off while packed, or changes while it is read, is refused', async () => {
    const packed = gzipSync(jsonLines(SEED, 5_000).join('\n'));
    const cut = write('log.jsonl.gz', packed.subarray(0, packed.length - 100));
    await expect(itemsOf(cut)).rejects.toMatchObject({ code: 'MARQUEE_IMPORT_FILE' });
    const file = write('log.jsonl', jsonLines(SEED, 10).join('\n'));
    const [history] = await open(file);
    write('log.jsonl', jsonLines(SEED, 11).join('\n'));
    await expect(read(history)).rejects.toThrow(/changed while it was read/);
  });
});

describe('a folder', () => {
  it('of JSON lines is a history a file, by name', async () => {
    for (const name of ['b.ndjson', 'a.jsonl', 'notes.txt', 'package.json'])
      write(name, `${name}\n`);
    expect((await open(folder)).map(({ name }) => name)).toEqual(['a.jsonl', 'b.ndjson']);
  });

  it('with neither, a csv file, and nothing at all are refused', async () => {
    for (const path of [folder, write('ratings.csv', 'x'), join(folder, 'none')])
      await expect(open(path)).rejects.toMatchObject({
        code: 'MARQUEE_IMPORT_FILE',
        message: expect.stringMatching(/movies\.csv.*MovieLens|MovieLens/) as string,
      });
  });
});

describe('a MovieLens folder', () => {
  it('gives what the import sends as recorded, ids included, in order of time', async () => {
    using set = writeMovieLens(SMALL_SET);
    const movies: number[] = [];
    const [history] = await open(set.folder, movies);
    await history?.begin(PLANNED);
    const items = await read(history);
    expect(movies).toEqual([5]);
    const found = await readMovieLens(set.folder, { moviesOnly: false, nowMs: PLANNED }, rejects);
    expect(history?.sha256).toBe(found.dataHash);
    const importId = importIdOf(found.dataHash, null);
    const sent = [...ratingActions(found.ratings ?? fail(), importId, null)];
    expect(ids(items)).toEqual(sent.map(({ eventId }) => eventId));
    expect(items.map(({ place }) => place)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(items[0]?.event).toMatchObject({
      ...{ user_id: '2', action: 'rate', movie_id: 4, value: 2.5, occurred_at: 900_000 },
      ...{ app: 'movielens', app_version: null, device: null, properties: { import: importId } },
    });
  });

  it('has places after the last rating for the lines that could not be used', async () => {
    using set = writeMovieLens({ ...SMALL_SET, ratings: ['1,1,9.0,1000', '1,1,4.0,1000', 'x'] });
    const items = await itemsOf(set.folder);
    expect(items.map(({ place, event }) => [place, event?.value])).toEqual([
      [0, 4],
      [1, undefined],
      [2, undefined],
    ]);
    expect(rejects.count()).toBe(2);
  });

  it('is another history once its movies or its ratings change', async () => {
    const hashes = new Set<string | undefined>();
    for (const rows of [
      SMALL_SET,
      { ...SMALL_SET, movies: [...SMALL_SET.movies, '6,Heat (1995),Crime'] },
      { ...SMALL_SET, ratings: [...SMALL_SET.ratings, '9,1,4.0,4000'] },
    ]) {
      using set = writeMovieLens(rows);
      hashes.add((await open(set.folder))[0]?.sha256);
    }
    expect(hashes.size).toBe(3);
  });
});

function fail(): never {
  throw new Error('no ratings');
}
