/** A record as it stands in a log. */
export interface KafkaRecord {
  readonly offset: number;
  /** Epoch milliseconds: the broker's append time on a LogAppendTime topic, else the producer's. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Header values are bytes; a repeated header keeps its last value. */
  readonly headers: Readonly<Record<string, Buffer>>;
}
