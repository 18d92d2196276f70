import type { KafkaClientName } from '../../connectors/kafka/create-consumer.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { Log } from '../../common/log.ts';
import type { Processor } from '../runtime/processor.ts';
import type { RuntimeSettings } from '../runtime/settings.ts';
import type { LivePartition, ReplayStart } from './replay-plan.ts';
import type { ShadowPlace } from './shadow-tables.ts';

export type ReplayFrom =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'offset'; readonly offset: number }
  /** Epoch ms of receipt. */
  | { readonly kind: 'time'; readonly ms: number };

export interface ReplayOptions {
  readonly processor: Processor;
  readonly brokers: readonly string[];
  readonly kafkaClient: KafkaClientName;
  readonly registryUrl: string;
  /** Of marquee_writer. */
  readonly postgresUrl: string;
  readonly settings: RuntimeSettings;
  readonly log: Log;
  readonly from: ReplayFrom;
  /**
   * `swap` puts the replayed tables in the place of the live ones; `compare` changes nothing;
   * `build` makes the tables up to where the live ones stand now, and leaves them.
   */
  readonly mode: 'swap' | 'compare' | 'build';
  /** Leaves in the replay schema what would be dropped at the end. */
  readonly keep?: boolean;
  /** Events from before the log: an archive. `from` has no meaning then. */
  readonly history?: ReplayHistory;
  /**
   * Epoch ms: only what was received before. Not with `swap`, whose tables stand where live stands.
   */
  readonly until?: number;
  readonly signal?: AbortSignal;
  onProgress?(progress: ReplayProgress): void;
}

/** Events that come into the copies before those of the log. */
export interface ReplayHistory {
  /**
   * Offsets from which each partition goes on from the log. Asked in the snapshot in which `live`
   * was read.
   */
  plan(session: Session, live: readonly LivePartition[]): Promise<ReplayStart[]>;
  /** Puts into the copies what lies before the starts. */
  fill(place: ShadowPlace, progress: (done: number, due: number) => void): Promise<void>;
  /** In the transaction of the swap. */
  swapped(session: Session): Promise<void>;
}

export interface ReplayProgress {
  readonly phase: 'reading the archive' | 'copying' | 'replaying' | 'swapping' | 'comparing';
  /**
   * Offsets read again, and to be read: where the live processor stands now. Events, when the
   * archive is read.
   */
  readonly done: number;
  readonly due: number;
}
