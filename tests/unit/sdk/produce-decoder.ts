import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);
const Decoder = load('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => unknown;
const decodeBatch = load('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: unknown,
) => Promise<{
  readonly producerId: string;
  readonly firstSequence: number;
  readonly records: readonly { readonly value: Buffer }[];
}>;

export interface SentBatch {
  readonly topic: string;
  readonly partition: number;
  readonly producerId: number;
  readonly sequence: number;
  /** Values as text. */
  readonly values: readonly string[];
}

/** Reads a Produce request as a broker would, with kafkajs's decoder of record batches. */
export async function decodeProduceRequest(body: Buffer): Promise<SentBatch[]> {
  const sent: SentBatch[] = [];
  let at = 8;
  const int32 = (): number => {
    at += 4;
    return body.readInt32BE(at - 4);
  };
  for (let topics = int32(); topics > 0; topics -= 1) {
    const length = body.readInt16BE(at);
    const topic = body.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    for (let partitions = int32(); partitions > 0; partitions -= 1) {
      const partition = int32();
      const size = int32();
      const batch = await decodeBatch(new Decoder(body.subarray(at, at + size)));
      at += size;
      sent.push({
        topic,
        partition,
        producerId: Number(batch.producerId),
        sequence: batch.firstSequence,
        values: batch.records.map(({ value }) => value.toString()),
      });
    }
  }
  return sent;
}
