import type { Ratings } from './ratings.ts';

/** What was measured elsewhere on one set of data, to read beside. */
export interface Reference {
  readonly data: string;
  /** NDCG@10 in the live protocol. */
  readonly live: readonly { readonly name: string; readonly ndcg: string }[];
  /** Differences to lists without order. */
  readonly places: readonly {
    readonly name: string;
    readonly visit: string;
    readonly pause: string;
  }[];
}

/** Measured in November 2026 with programs of their own: numpy, scipy and the Python package `implicit`. */
const ML_LATEST_SMALL: Reference = {
  data: 'ml-latest-small',
  live: [
    { name: 'item-item, 100 neighbours, boost and what comes next', ndcg: '0.1392 [0.125, 0.154]' },
    { name: 'item-item, 100 neighbours, boost of the newest', ndcg: '0.1327' },
    { name: 'item-item, 100 neighbours, no order', ndcg: '0.1260' },
    { name: 'item-item, 50 neighbours, boost of the newest', ndcg: '0.1296' },
    { name: 'item-item, 50 neighbours, no order', ndcg: '0.1215' },
    { name: 'item-item, full retrain on 80 %, low ratings no like', ndcg: '0.1297' },
    { name: 'item-item, full retrain on 80 %', ndcg: '0.1257' },
    { name: 'item-item of the 50 %, fresh history', ndcg: '0.1201 to 0.1235' },
    { name: 'the same, cut to 100 (20) neighbours', ndcg: '0.1178 (0.1135)' },
    { name: 'item-item of the 50 %, stale history', ndcg: '0.0949 to 0.0984' },
    { name: 'ALS, fold-in, old actions at a quarter', ndcg: '0.1073' },
    { name: 'ALS, full retrain on 80 %, 32 factors', ndcg: '0.1041' },
    { name: 'ALS, fold-in', ndcg: '0.0995' },
    {
      name: "ALS, mean of the last 10 movies' factors, dot product (cosine)",
      ndcg: '0.0963 (0.0754)',
    },
    { name: 'ALS, stale batch list', ndcg: '0.0814' },
  ],
  places: [
    {
      name: 'boost and what comes next, fading',
      visit: '+0.028 [0.022, 0.035]',
      pause: '-0.0016 [-0.003, -0.0005]',
    },
    { name: 'the same without fading', visit: '', pause: '-0.008' },
  ],
};

/** Of these data and no others; null for any that nothing was measured on. */
export function referenceOf({ count, byUser }: Ratings): Reference | null {
  const movies = new Set([...byUser.values()].flat().map(({ movieId }) => movieId)).size;
  return count === 100_836 && byUser.size === 610 && movies === 9_724 ? ML_LATEST_SMALL : null;
}
