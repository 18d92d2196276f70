import type { KafkaRecord } from '../../../common/kafka/record.ts';
import type { OpenLedgerRow } from './ledger.ts';

/** Records of one partition on their way into the tables: they continue from where it stands. */
export interface PartitionBatch {
  readonly partition: number;
  /** Of the task that they were fetched for. */
  readonly epoch: number;
  /** The position: one past the last offset that is in the tables. */
  readonly from: number;
  /** The position after it; beyond the last record, where markers follow. */
  readonly next: number;
  readonly records: readonly KafkaRecord[];
  readonly openLedgerRow: OpenLedgerRow | null;
}
