import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Rows of each file below its header; a Buffer stands for bytes that are no UTF-8. */
export interface MovieLensRows {
  readonly movies: readonly (string | Buffer)[];
  readonly links: readonly (string | Buffer)[];
  readonly tags: readonly (string | Buffer)[];
  readonly ratings: readonly (string | Buffer)[];
}

const HEADERS = {
  movies: 'movieId,title,genres',
  links: 'movieId,imdbId,tmdbId',
  tags: 'userId,movieId,tag,timestamp',
  ratings: 'userId,movieId,rating,timestamp',
} as const;

export interface MovieLensFolder extends Disposable {
  readonly folder: string;
}

/** A folder in MovieLens' layout, removed at the end of its block. */
export function writeMovieLens(rows: MovieLensRows, lineEnd = '\n'): MovieLensFolder {
  const folder = mkdtempSync(join(tmpdir(), 'marquee-movielens-'));
  for (const [name, header] of Object.entries(HEADERS)) {
    const lines = [header, ...rows[name as keyof MovieLensRows]];
    const bytes = lines.map((line) => Buffer.concat([Buffer.from(line), Buffer.from(lineEnd)]));
    writeFileSync(join(folder, `${name}.csv`), Buffer.concat(bytes));
  }
  return {
    folder,
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const SMALL_SET: MovieLensRows = {
  movies: [
    '1,Toy Story (1995),Adventure|Animation|Children',
    '2,"American President, The (1995)",Comedy|Drama',
    '3,Babylon 5,Sci-Fi',
    '4,Desu nôto (2006–2007),(no genres listed)',
    '5,"""Great"" Escape (1963) ",War',
  ],
  links: ['1,0114709,862', '2,0112346,9087', '3,0105946,', '4,0877057,419787'],
  tags: [
    '1,1,Pixar,1000',
    '2,1,fun,1100',
    '3,1,pixar,1200',
    '1,5,"""artsy"", slow",900',
    '2,2,fun,1150',
  ],
  ratings: [
    '1,1,4.0,1000',
    '1,2,5.0,1000',
    '2,1,0.5,1000',
    '2,4,2.5,900',
    '3,3,3.0,2000',
    '3,5,2.0,1500',
    // The same user and movie at another time: a change of mind.
    '1,1,1.5,3000',
  ],
};
