import { HOUR_MS, MINUTE_MS } from '../../common/time.ts';

/** What an operator may set for the processors; units are in the names. */
export interface RuntimeSettings {
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly fetchBytesMax: number;
  readonly partitionBytesMax: number;
  readonly fetchWaitMs: number;
  /** How soon partitions added to a topic are noticed. */
  readonly metadataMaxAgeMs: number;
  /** Fetched and not yet applied, over all partitions of a processor. */
  readonly queueBytesMax: number;
  /** An event that is received later than this after it happened is too late for the tables. */
  readonly lateHorizonMs: number;
  readonly futureToleranceMs: number;
  readonly recordBytesMax: number;
  /** Bounds on the server for what a stopped process can hold. */
  readonly statementTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  readonly takeOverLockTimeoutMs: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  readonly drainTimeoutMs: number;
  /** Work is due, nothing is known to be away, and no batch was committed for so long: give up. */
  readonly stallTimeoutMs: number;
  readonly lagIntervalMs: number;
  readonly kafkaCommitIntervalMs: number;
}

export const DEFAULT_SETTINGS: RuntimeSettings = Object.freeze({
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 30_000,
  heartbeatIntervalMs: 1_000,
  fetchBytesMax: 4 * 1024 * 1024,
  partitionBytesMax: 4 * 1024 * 1024,
  fetchWaitMs: 250,
  metadataMaxAgeMs: 30_000,
  queueBytesMax: 8 * 1024 * 1024,
  lateHorizonMs: 24 * HOUR_MS,
  futureToleranceMs: 5 * MINUTE_MS,
  recordBytesMax: 1024 * 1024,
  statementTimeoutMs: 30_000,
  idleInTransactionTimeoutMs: 5_000,
  takeOverLockTimeoutMs: 3_000,
  retryFirstMs: 100,
  retryMaxMs: 5_000,
  drainTimeoutMs: 10_000,
  stallTimeoutMs: MINUTE_MS,
  lagIntervalMs: 2_000,
  kafkaCommitIntervalMs: 1_000,
});
