import type { CatalogueMovie } from '../../../serving/ranking/catalogue.ts';
import type { HandMadeModel } from './load-model.ts';

/*
 * A world in which every movie says by its id whose lists it may stand in: of one model, one group of
 * users and one surface. So a list that went astray is seen in any answer.
 */
export const GROUPS = 6;
export const SURFACES = ['home', 'mail'] as const;
export type SurfaceName = (typeof SURFACES)[number];
export const MODELS = [1, 2] as const;
const USERS_OF_A_GROUP = 6;
export const LIMIT = 10;
/** More than a list's length, so that no list has to be filled up. */
const RANKED = 14;
const POPULAR = 30;

const GENRE: Readonly<Record<SurfaceName, string>> = { home: 'Home', mail: 'Mail' };
const BASE = { ranked: 10_000, batch: 50_000, popular: 90_000 } as const;

/** What the users of a group have liked; it stands on no surface. */
export const anchorOf = (group: number): number => 1 + group;

/** Movies of a model's neighbours, or of its nightly lists, for a group and a surface: best first. */
export function moviesOf(
  kind: 'ranked' | 'batch',
  model: number,
  group: number,
  surface: SurfaceName,
): number[] {
  const first = BASE[kind] + 10_000 * model + 100 * group + 50 * SURFACES.indexOf(surface);
  return Array.from({ length: RANKED }, (_, i) => first + i);
}

export function popularOf(surface: SurfaceName): number[] {
  const first = BASE.popular + 50 * SURFACES.indexOf(surface);
  return Array.from({ length: POPULAR }, (_, i) => first + i);
}

const groups = Array.from({ length: GROUPS }, (_, group) => group);

export const USERS = groups.flatMap((group) =>
  Array.from({ length: USERS_OF_A_GROUP }, (_, k) => ({ userId: `acts-${group}-${k}`, group })),
);
/** The nightly run knows them, and they have done nothing since. */
export const BATCH_USERS = groups.map((group) => ({ userId: `batch-${group}`, group }));

export function catalogue(): CatalogueMovie[] {
  const movie = (genre: string) => (movieId: number) => ({
    movieId,
    title: `Movie ${movieId}`,
    year: 1990,
    genres: [genre],
  });
  const ofSurface = SURFACES.flatMap((surface) =>
    [
      ...popularOf(surface),
      ...MODELS.flatMap((model) =>
        groups.flatMap((group) => [
          ...moviesOf('ranked', model, group, surface),
          ...moviesOf('batch', model, group, surface),
        ]),
      ),
    ].map(movie(GENRE[surface])),
  );
  return [...groups.map(anchorOf).map(movie('Anchor')), ...ofSurface];
}

export const SURFACES_YAML = `surfaces:
  home: { limit: ${LIMIT}, filter: { genres: { any: [${GENRE.home}] } } }
  mail: { limit: ${LIMIT}, filter: { genres: { any: [${GENRE.mail}] } } }
`;

export function markedModel(model: number, version: string): HandMadeModel {
  const all = SURFACES.flatMap((surface) =>
    groups.map((group) => ({ group, movies: moviesOf('ranked', model, group, surface) })),
  );
  return {
    version,
    popularity: new Map([
      ...SURFACES.flatMap(popularOf).map((id, i): [number, number] => [id, 1_000 - i]),
      ...all.flatMap(({ movies }) => movies.map((id): [number, number] => [id, 1])),
      ...groups.map((group): [number, number] => [anchorOf(group), 2]),
    ]),
    neighbours: all.flatMap(({ group, movies }) =>
      movies.map((otherId, i) => ({ movieId: anchorOf(group), otherId, weight: 1 - i / 20 })),
    ),
    lists: new Map(
      BATCH_USERS.map(({ userId, group }) => [
        userId,
        SURFACES.flatMap((surface) => moviesOf('batch', model, group, surface)),
      ]),
    ),
  };
}
