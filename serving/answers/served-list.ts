import type { RecommendationServeSource } from '../../schemas/generated/types.ts';
import type { Algorithm, ListItem } from '../lists/list.ts';
import type { Surface } from '../ranking/surface.ts';

/** A list on its way out: what is sent of it, and what is logged. */
export interface ServedList {
  readonly userId: string | null;
  readonly surface: Surface;
  readonly source: RecommendationServeSource;
  readonly algorithm: Algorithm;
  readonly modelVersion: string | null;
  readonly profileVersion: number;
  /** Epoch ms. */
  readonly madeAt: number;
  readonly items: readonly ListItem[];
  /** Of the first item, from 1, over all pages. */
  readonly firstPosition: number;
  readonly afterRequestId: string | null;
  readonly steps: readonly string[];
  /** Lengths of the rows that the items stand in, where it is a page of rows. */
  readonly rows: readonly number[] | null;
}
