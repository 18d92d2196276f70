import { ByteReader, ByteWriter } from './bytes.ts';

/** Produce, version 7: the same bytes on every broker from Kafka 2.1 to 4.x. */
export const PRODUCE = { apiKey: 0, apiVersion: 7, apiName: 'Produce' } as const;

export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly batch: Buffer;
}

export interface PartitionResult {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: number;
}

const NO_TRANSACTIONAL_ID = -1;
const ALL_REPLICAS = -1;

/** The request's body; waits for all in-sync replicas. */
export function encodeProduce(batches: readonly PartitionBatch[], timeoutMs: number): Buffer {
  return new ByteWriter()
    .int16(NO_TRANSACTIONAL_ID)
    .int16(ALL_REPLICAS)
    .int32(timeoutMs)
    .array([...Map.groupBy(batches, ({ topic }) => topic)], (writer, [topic, list]) =>
      writer
        .string(topic)
        .array(list, (w, { partition, batch }) =>
          w.int32(partition).int32(batch.length).raw(batch),
        ),
    )
    .finish();
}

export function decodeProduce(body: Buffer): PartitionResult[] {
  return new ByteReader(body)
    .array((reader) => {
      const topic = reader.string();
      return reader.array((r): PartitionResult => {
        const partition = r.int32();
        const errorCode = r.int16();
        const baseOffset = r.int64();
        r.int64(); // append time
        r.int64(); // log start
        return { topic, partition, errorCode, baseOffset };
      });
    })
    .flat();
}
