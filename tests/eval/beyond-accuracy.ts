import type { Catalogue } from '../../serving/ranking/catalogue.ts';
import { mean, ndcg } from './figures.ts';

export interface JudgedList {
  readonly user: string;
  /** At most 10, the best first. */
  readonly movieIds: readonly number[];
}

interface Rating {
  readonly userId: string;
  readonly movieId: string;
  readonly rating: string;
}

interface World {
  readonly train: readonly Rating[];
  readonly test: readonly Rating[];
  readonly catalogue: Catalogue;
  /** Users who rated the movie. */
  popularityOf(movieId: number): number;
}

interface Figure {
  readonly name: string;
  readonly value: number;
}

const LIKED = 4;

/** Lists of 10 against what users liked later, and what else is to be said of them. */
export function judge(lists: readonly JudgedList[], world: World): readonly Figure[] {
  const relevant = likedBy(world.test);
  const liked = likedBy(world.train);
  const judged = lists.filter(({ user }) => relevant.has(user));
  const head = headOf(world);
  const shown = lists.flatMap(({ movieIds }) => movieIds);
  return [
    {
      name: 'NDCG@10',
      value: mean(judged.map((list) => ndcg(list.movieIds, relevant.get(list.user) ?? new Set()))),
    },
    { name: 'coverage', value: new Set(shown).size / world.catalogue.movieIds.length },
    { name: 'head share', value: mean(shown.map((movieId) => Number(head.has(movieId)))) },
    {
      name: 'miscalibration',
      value: mean(
        lists.flatMap(({ user, movieIds }) => {
          const taste = liked.get(user);
          return taste === undefined ? [] : [miscalibration(taste, movieIds, world.catalogue)];
        }),
      ),
    },
  ];
}

function likedBy(ratings: readonly Rating[]): ReadonlyMap<string, ReadonlySet<number>> {
  const found = new Map<string, Set<number>>();
  for (const { userId, movieId, rating } of ratings) {
    if (Number(rating) < LIKED) continue;
    const movies = found.get(userId) ?? new Set();
    found.set(userId, movies.add(Number(movieId)));
  }
  return found;
}

/** The most rated movies that hold half of all ratings together. */
function headOf({ train, popularityOf }: World): ReadonlySet<number> {
  const movies = [...new Set(train.map(({ movieId }) => Number(movieId)))];
  movies.sort((a, b) => popularityOf(b) - popularityOf(a));
  const head = new Set<number>();
  let ratings = 0;
  for (const movieId of movies) {
    if (ratings >= train.length / 2) break;
    head.add(movieId);
    ratings += popularityOf(movieId);
  }
  return head;
}

/** Kullback-Leibler's divergence of the list's genres from the user's (Steck, RecSys 2018). */
function miscalibration(
  taste: ReadonlySet<number>,
  list: readonly number[],
  catalogue: Catalogue,
): number {
  const wanted = genreShares([...taste], catalogue);
  const given = genreShares(list, catalogue);
  let divergence = 0;
  wanted.forEach((share, genre) => {
    const smoothed = 0.99 * (given[genre] ?? 0) + 0.01 * share;
    if (share > 0) divergence += share * Math.log(share / smoothed);
  });
  return divergence;
}

/** Each movie counts once, in equal parts for its genres. */
function genreShares(movieIds: readonly number[], catalogue: Catalogue): readonly number[] {
  const shares = catalogue.genres.map(() => 0);
  let movies = 0;
  for (const movieId of movieIds) {
    const genres = catalogue.genresOf[catalogue.placeOf.get(movieId) ?? -1] ?? [];
    if (genres.length > 0) movies++;
    for (const genre of genres) shares[genre] = (shares[genre] ?? 0) + 1 / genres.length;
  }
  return shares.map((share) => (movies === 0 ? 0 : share / movies));
}
