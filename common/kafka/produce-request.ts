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

const ALL_REPLICAS = -1;

/** The request's body; waits for all in-sync replicas. */
export function encodeProduce(batches: readonly PartitionBatch[], timeoutMs: number): Buffer {
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  let bytes = 2 + 2 + 4 + 4;
  for (const [topic, list] of topics) {
    bytes += 2 + Buffer.byteLength(topic) + 4;
    for (const { batch } of list) bytes += 4 + 4 + batch.length;
  }
  const into = Buffer.allocUnsafe(bytes);
  let at = into.writeInt16BE(-1, 0);
  at = into.writeInt16BE(ALL_REPLICAS, at);
  at = into.writeInt32BE(timeoutMs, at);
  at = into.writeInt32BE(topics.size, at);
  for (const [topic, list] of topics) {
    at = into.writeInt16BE(Buffer.byteLength(topic), at);
    at += into.write(topic, at);
    at = into.writeInt32BE(list.length, at);
    for (const { partition, batch } of list) {
      at = into.writeInt32BE(partition, at);
      at = into.writeInt32BE(batch.length, at);
      at += batch.copy(into, at);
    }
  }
  return into;
}

export function decodeProduce(body: Buffer): PartitionResult[] {
  const results: PartitionResult[] = [];
  let at = 4;
  for (let topics = body.readInt32BE(0); topics > 0; topics -= 1) {
    const nameBytes = body.readInt16BE(at);
    const topic = body.toString('utf8', at + 2, at + 2 + nameBytes);
    at += 2 + nameBytes;
    let partitions = body.readInt32BE(at);
    at += 4;
    for (; partitions > 0; partitions -= 1) {
      const partition = body.readInt32BE(at);
      const errorCode = body.readInt16BE(at + 4);
      const baseOffset = Number(body.readBigInt64BE(at + 6));
      results.push({ topic, partition, errorCode, baseOffset });
      // Partition, error, offset, append time, log start.
      at += 4 + 2 + 8 + 8 + 8;
    }
  }
  return results;
}
