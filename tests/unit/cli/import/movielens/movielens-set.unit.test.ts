import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseTitle } from '../../../../../cli/import/movielens/fields.ts';
import {
  countTooLate,
  ratingActions,
  readMovieLens,
} from '../../../../../cli/import/movielens/movielens-set.ts';
import { createRejects } from '../../../../../cli/import/rejects.ts';
import { parseUuid, uuidTimeMs } from '../../../../../common/uuid.ts';
import { SMALL_SET, writeMovieLens } from '../../../../support/movielens.ts';
import type { MovieLensRows } from '../../../../support/movielens.ts';

const NOW = Date.UTC(2026, 0);

async function read(rows: MovieLensRows, lineEnd?: string) {
  using set = writeMovieLens(rows, lineEnd);
  const rejects = createRejects(join(set.folder, 'rejected.txt'), 100);
  const found = await readMovieLens(set.folder, { moviesOnly: false, nowMs: NOW }, rejects);
  rejects.close();
  return { set: found, rejects: rejects.shown(), kinds: Object.fromEntries(rejects.byKind()) };
}

describe('a MovieLens set', () => {
  it('becomes movies with year, genres, ids and tags', async () => {
    const { set, rejects } = await read(SMALL_SET);
    expect(rejects).toEqual([]);
    const newestTag = 1_200_000;
    expect([...set.catalogue.movies.values()]).toEqual([
      {
        movie_id: 1,
        title: 'Toy Story',
        year: 1995,
        genres: ['Adventure', 'Animation', 'Children'],
        tags: ['Pixar', 'fun'],
        imdb_id: 'tt0114709',
        tmdb_id: 862,
        updated_at: newestTag,
      },
      {
        movie_id: 2,
        title: 'American President, The',
        year: 1995,
        genres: ['Comedy', 'Drama'],
        tags: ['fun'],
        imdb_id: 'tt0112346',
        tmdb_id: 9087,
        updated_at: newestTag,
      },
      {
        movie_id: 3,
        title: 'Babylon 5',
        year: null,
        genres: ['Sci-Fi'],
        tags: [],
        imdb_id: 'tt0105946',
        tmdb_id: null,
        updated_at: newestTag,
      },
      {
        movie_id: 4,
        title: 'Desu nôto',
        year: 2006,
        genres: [],
        tags: [],
        imdb_id: 'tt0877057',
        tmdb_id: 419787,
        updated_at: newestTag,
      },
      {
        movie_id: 5,
        title: '"Great" Escape',
        year: 1963,
        genres: ['War'],
        tags: ['"artsy", slow'],
        imdb_id: null,
        tmdb_id: null,
        updated_at: newestTag,
      },
    ]);
  });

  it('orders ratings by time, then user, then movie, and keeps a change of mind', async () => {
    const { set } = await read(SMALL_SET);
    const { ratings } = set;
    const rows = Array.from({ length: ratings?.count ?? 0 }, (_, i) => [
      ratings?.seconds[i],
      ratings?.users[i],
      ratings?.movies[i],
      ratings?.stars[i],
    ]);
    expect(rows).toEqual([
      [900, 2, 4, 2.5],
      [1000, 1, 1, 4],
      [1000, 1, 2, 5],
      [1000, 2, 1, 0.5],
      [1500, 3, 5, 2],
      [2000, 3, 3, 3],
      [3000, 1, 1, 1.5],
    ]);
  });

  it('reads CRLF files to the same', async () => {
    const { set, rejects } = await read(SMALL_SET, '\r\n');
    const { set: same } = await read(SMALL_SET);
    expect(rejects).toEqual([]);
    expect(set.catalogue.movies).toEqual(same.catalogue.movies);
    expect({ ...set.ratings, hash: '' }).toEqual({ ...same.ratings, hash: '' });
  });

  it('reports each bad row by file, line and reason, and takes the others', async () => {
    const { set, rejects, kinds } = await read({
      movies: [
        ...SMALL_SET.movies,
        '0,Nothing (2000),Drama',
        '1,Toy Story again (1995),Drama',
        'seven,Seven (1995),Crime',
        '8, ,Drama',
        '9,Two columns only',
        Buffer.from([...Buffer.from('10,Caf'), 0xe9, ...Buffer.from(' (1999),Drama')]),
      ],
      links: [...SMALL_SET.links, '5,tt12,1', '77,0000001,1', '1,0114709,862', '5,0057115,x'],
      tags: [...SMALL_SET.tags, '1,77,nice,1', '1,1,,1', '1,1,soon,1767225601', 'x,1,y,1'],
      ratings: [
        ...SMALL_SET.ratings,
        '1,1,4.0', // 9
        '1,1,5.5,1000',
        '1,1,0,1000',
        '1,1,four,1000',
        '01,1,4.0,1000',
        '1,77,4.0,1000',
        '1,2,5.0,1000', // 15: as in line 3
        '1,2,5.0,1767225601000',
        '1,2,5.0,-5',
        '1,"2,5.0,1000',
      ],
    });
    expect(rejects).toEqual([
      'movies.csv:7: movieId "0" is not a number from 1',
      'movies.csv:8: movie 1 again, as in line 2',
      'movies.csv:9: movieId "seven" is not a number from 1',
      'movies.csv:10: title is empty',
      'movies.csv:11: 2 columns instead of 3',
      'movies.csv:12: invalid UTF-8',
      'links.csv:6: imdbId "tt12" is not a number',
      'links.csv:7: unknown movie 77',
      'links.csv:8: movie 1 again',
      'links.csv:9: tmdbId "x" is not a number from 1',
      'tags.csv:7: unknown movie 77',
      'tags.csv:8: the tag is empty',
      'tags.csv:9: timestamp 1767225601 is in the future (2026-01-01T00:00:01.000Z)',
      'tags.csv:10: userId "x" is not a number from 1',
      'ratings.csv:9: 3 columns instead of 4',
      'ratings.csv:10: rating 5.5 is not from 0.5 to 5',
      'ratings.csv:11: rating 0 is not from 0.5 to 5',
      'ratings.csv:12: rating "four" is not a number',
      'ratings.csv:13: userId "01" is not a number from 1',
      'ratings.csv:14: unknown movie 77',
      'ratings.csv:16: timestamp "1767225601000" is not in seconds since 1970',
      'ratings.csv:17: timestamp "-5" is not in seconds since 1970',
      'ratings.csv:18: broken quotes',
      'ratings.csv:15: the same rating as in line 3',
    ]);
    expect(kinds).toEqual({
      'bad number': 10,
      'bad line': 4,
      'unknown movie': 3,
      duplicate: 3,
      'bad text': 2,
      'out of range': 2,
    });
    expect(set.catalogue.movies.size).toBe(5);
    expect(set.ratings?.count).toBe(SMALL_SET.ratings.length);
  });

  it('names all files that are missing', async () => {
    using set = writeMovieLens(SMALL_SET);
    rmSync(join(set.folder, 'links.csv'));
    rmSync(join(set.folder, 'ratings.csv'));
    const rejects = createRejects(join(set.folder, 'rejected.txt'), 1);
    const reading = readMovieLens(set.folder, { moviesOnly: false, nowMs: NOW }, rejects);
    await expect(reading).rejects.toMatchObject({
      code: 'MARQUEE_IMPORT_FILE',
      message: expect.stringContaining('has no links.csv, ratings.csv') as string,
    });
    const none = readMovieLens('/none/such', { moviesOnly: true, nowMs: NOW }, rejects);
    await expect(none).rejects.toMatchObject({
      message: expect.stringContaining('there is no folder /none/such') as string,
    });
  });

  it('reads the catalogue alone without ratings.csv', async () => {
    using set = writeMovieLens(SMALL_SET);
    rmSync(join(set.folder, 'ratings.csv'));
    const rejects = createRejects(join(set.folder, 'rejected.txt'), 1);
    const found = await readMovieLens(set.folder, { moviesOnly: true, nowMs: NOW }, rejects);
    expect(found.catalogue.movies.size).toBe(5);
    expect(found.ratings).toBeNull();
  });
});

describe('rating actions', () => {
  it('have the same ids at every import, each of its own time', async () => {
    const { set } = await read(SMALL_SET);
    const ratings = set.ratings as NonNullable<typeof set.ratings>;
    const recorded = [...ratingActions(ratings, 'import', null)];
    expect([...ratingActions(ratings, 'import', null)]).toEqual(recorded);
    expect(recorded[0]).toEqual({
      userId: '2',
      movieId: 4,
      value: 2.5,
      occurredAt: 900_000,
      eventId: expect.stringMatching(/^0000000d-bba0-7/) as string,
      properties: { import: 'import' },
    });
    const window = { fromMs: 5_000_000_000, untilMs: 5_000_043_200 };
    const live = [...ratingActions(ratings, 'import', window)];
    expect(live.map(({ occurredAt }) => Number(occurredAt) - window.fromMs)).toEqual([
      6171, 12342, 18514, 24685, 30857, 37028, 43200,
    ]);
    for (const action of [...recorded, ...live]) {
      const id = parseUuid(action.eventId as string) as Buffer;
      expect(uuidTimeMs(id)).toBe(action.occurredAt);
    }
    expect(new Set([...recorded, ...live].map(({ eventId }) => eventId)).size).toBe(14);
  });

  it('are counted as too late by the horizon', async () => {
    const { set } = await read(SMALL_SET);
    const ratings = set.ratings as NonNullable<typeof set.ratings>;
    expect(countTooLate(ratings, 2_000_000, 1_000_000)).toBe(1);
    expect(countTooLate(ratings, 2_000_001, 1_000_000)).toBe(4);
  });
});

describe('parseTitle', () => {
  it.each([
    ['Toy Story (1995)', 'Toy Story', 1995],
    ['Guilty of Romance (Koi no tsumi) (2011) ', 'Guilty of Romance (Koi no tsumi)', 2011],
    ['Angst  (1983)', 'Angst', 1983],
    ['Desu nôto (2006–2007)', 'Desu nôto', 2006],
    ['Ongoing (2011- )', 'Ongoing (2011- )', null],
    ['Ongoing (2011-)', 'Ongoing', 2011],
    ['2001: A Space Odyssey', '2001: A Space Odyssey', null],
    ['(1999)', '(1999)', null],
  ])('%s', (text, title, year) => {
    expect(parseTitle(text)).toEqual({ title, year });
  });
});
