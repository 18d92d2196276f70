/** Remedy of one partition's error. Codes and names are those of the Kafka protocol. */
export type Remedy =
  /** The batch is in the log. */
  | 'stored'
  | 'retry'
  /** The leader is elsewhere or the topic is not there (yet): ask for metadata, then retry. */
  | 'refresh'
  /** The broker has lost track of this producer: take a new id, then retry. */
  | 'new_id'
  /** Too many bytes at once: send the halves. */
  | 'split'
  /** No retry helps. */
  | 'fail';

const ERRORS: Readonly<Record<number, readonly [name: string, remedy: Remedy]>> = {
  2: ['CORRUPT_MESSAGE', 'retry'],
  3: ['UNKNOWN_TOPIC_OR_PARTITION', 'refresh'],
  5: ['LEADER_NOT_AVAILABLE', 'refresh'],
  6: ['NOT_LEADER_OR_FOLLOWER', 'refresh'],
  7: ['REQUEST_TIMED_OUT', 'retry'],
  8: ['BROKER_NOT_AVAILABLE', 'refresh'],
  9: ['REPLICA_NOT_AVAILABLE', 'refresh'],
  10: ['MESSAGE_TOO_LARGE', 'split'],
  13: ['NETWORK_EXCEPTION', 'refresh'],
  17: ['INVALID_TOPIC_EXCEPTION', 'fail'],
  18: ['RECORD_LIST_TOO_LARGE', 'split'],
  19: ['NOT_ENOUGH_REPLICAS', 'retry'],
  20: ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'retry'],
  // Mended by an operator's grant, and what waits meanwhile is bounded.
  29: ['TOPIC_AUTHORIZATION_FAILED', 'retry'],
  31: ['CLUSTER_AUTHORIZATION_FAILED', 'retry'],
  32: ['INVALID_TIMESTAMP', 'fail'],
  45: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'new_id'],
  46: ['DUPLICATE_SEQUENCE_NUMBER', 'stored'],
  47: ['INVALID_PRODUCER_EPOCH', 'new_id'],
  56: ['KAFKA_STORAGE_ERROR', 'refresh'],
  59: ['UNKNOWN_PRODUCER_ID', 'new_id'],
  74: ['FENCED_LEADER_EPOCH', 'refresh'],
  75: ['UNKNOWN_LEADER_EPOCH', 'refresh'],
  87: ['INVALID_RECORD', 'fail'],
  89: ['THROTTLING_QUOTA_EXCEEDED', 'retry'],
  90: ['PRODUCER_FENCED', 'new_id'],
};

export function remedyOf(errorCode: number): Remedy {
  return errorCode === 0 ? 'stored' : (ERRORS[errorCode]?.[1] ?? 'fail');
}

export function errorName(errorCode: number): string {
  return ERRORS[errorCode]?.[0] ?? `error ${errorCode}`;
}
