import type { Algorithm, ListIdentity, ListItem } from './list.ts';
import { reasonText } from './reason-text.ts';

/** What the serve log says of a list as a whole. */
export interface ServeFields {
  readonly algorithm: string;
  readonly model_version: string | null;
  readonly surface: string;
  readonly surface_version: string;
  readonly experiment: null;
  readonly arm: string | null;
  readonly movie_ids: readonly number[];
  readonly scores: readonly number[];
  readonly reasons: readonly string[];
  readonly propensities: readonly number[];
}

export function servedListPart(
  list: Omit<ListIdentity, 'userId'> & { readonly algorithm: Algorithm },
  items: readonly ListItem[],
): ServeFields {
  return {
    algorithm: list.algorithm,
    model_version: list.modelVersion,
    surface: list.surface,
    surface_version: list.surfaceVersion,
    experiment: null,
    arm: list.arm,
    movie_ids: items.map(({ movieId }) => movieId),
    scores: items.map(({ score }) => score),
    reasons: items.map(({ reason }) => reasonText(reason)),
    // Empty says that all are 1.
    propensities: items.every(({ propensity }) => propensity === 1)
      ? []
      : items.map(({ propensity }) => propensity),
  };
}
