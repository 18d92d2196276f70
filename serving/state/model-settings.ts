import { z } from 'zod';
import type { Blend } from '../ranking/item-model.ts';
import type { FoldInSettings } from '../ranking/fold-in.ts';

/** What serving needs to know of how a version was made. */
export interface ModelSettings {
  readonly blend: Blend;
  readonly foldIn: FoldInSettings;
  /** Rows by table, as the run counted them. */
  readonly counts: Readonly<Record<string, number>>;
}

/** How much an action counts that the item factors have learnt from already (measured; see docs/serving.md). */
const OLD_SHARE = 0.25;

const schema = z.object({
  als: z.object({ alpha: z.number(), regularisation: z.number() }),
  counts: z.record(z.string(), z.number()).default({}),
  live: z
    .object({
      kind: z.enum(['item_item', 'blend', 'popularity']),
      popularity_share: z.number().default(0),
      item_deviation: z.number().default(0),
      popularity_deviation: z.number().default(0),
      /** Epoch ms of the newest action that was trained on. */
      cut_ms: z.number().default(0),
    })
    .prefault({ kind: 'item_item' }),
});

/** `model_versions.settings`, in which older versions lack what came later. Throws a ZodError. */
export function readModelSettings(settings: unknown): ModelSettings {
  const { als, counts, live } = schema.parse(settings);
  return {
    blend: blendOf(live),
    foldIn: {
      alpha: als.alpha,
      regularisation: als.regularisation,
      oldShare: OLD_SHARE,
      cut: live.cut_ms,
    },
    counts,
  };
}

function blendOf(live: z.infer<typeof schema>['live']): Blend {
  if (live.kind !== 'blend') return { kind: live.kind };
  // A deviation of 0 has nothing to be measured against: then the share alone is left.
  return {
    kind: 'blend',
    popularityShare: live.popularity_share,
    itemDeviation: live.item_deviation || 1,
    popularityDeviation: live.popularity_deviation || 1,
  };
}
