import { MarqueeError } from '../../common/error.ts';
import type { Recommender } from '../../serving/answers/recommender.ts';
import type { Dependency } from '../../serving/api/routes/operations.ts';
import type { Config } from '../config/config.ts';

/** What answers, and what it knows of the servers that it stands upon. */
export interface OpenRecommender {
  readonly recommender: Recommender;
  /** True when any source can answer. */
  isReady(): boolean;
  dependencies(): readonly Dependency[];
  close(): Promise<void>;
}

export type Open = (config: Config) => Promise<OpenRecommender>;

/** Opens what answers recommendations. Nothing does yet. */
export function openRecommender(config: Config): Promise<OpenRecommender> {
  const message = `there is nothing yet that answers recommendations (home ${config.home})`;
  return Promise.reject(new MarqueeError('MARQUEE_NO_RECOMMENDER', message));
}
