import type { Catalogue } from '../ranking/catalogue.ts';
import type { Trending } from '../ranking/trending.ts';
import type { Rankers } from './rankers.ts';

/** What lists are made from, as of one moment. */
export interface ListSources {
  readonly catalogue: Catalogue;
  /** Null where no model serves. */
  readonly rankers: Rankers | null;
  /** Which change of the active model made it serve; 0 where none does. */
  readonly generation: number;
  readonly trending: Trending | null;
}
