import { decodeProduceRequest } from './produce-decoder.ts';
import type { SentBatch } from './produce-decoder.ts';
import type { ProducerCluster } from '../../../sdk/src/cluster.ts';

/** A fake broker's answer to a batch: an error code, a broken connection, or none. */
export type Behaviour = (batch: SentBatch, attempt: number) => number | Error | 'hang';

export interface FakeCluster extends ProducerCluster {
  /** Every batch that arrived, in order, whatever became of it. */
  readonly sent: SentBatch[];
  /** Values in the log by partition, appended as Kafka would: resends of a sequence are known. */
  readonly log: Map<number, string[]>;
  readonly identities: number;
  readonly loads: number;
  readonly inFlightMax: number;
}

/** A cluster of one broker that keeps producer sequences as Kafka does. */
export function createFakeCluster(options: {
  readonly partitions: number;
  readonly behave?: Behaviour;
  /** Fails while it returns an error. */
  readonly load?: (loads: number) => Error | null;
  readonly leaders?: (partitions: number) => number[];
}): FakeCluster {
  const sent: SentBatch[] = [];
  const log = new Map<number, string[]>();
  const sequences = new Map<string, number>();
  let identities = 0;
  let loads = 0;
  let inFlight = 0;
  let inFlightMax = 0;

  async function take(batch: SentBatch): Promise<number> {
    sent.push(batch);
    const verdict = options.behave?.(batch, sent.length) ?? 0;
    if (verdict === 'hang') return new Promise(() => undefined);
    if (verdict instanceof Error) {
      // The worst kind: stored, and the answer lost.
      if (verdict.message === 'answer lost') append(batch);
      throw verdict;
    }
    return verdict === 0 ? append(batch) : verdict;
  }

  function append(batch: SentBatch): number {
    const key = `${batch.producerId}/${batch.partition}`;
    const next = sequences.get(key) ?? 0;
    if (batch.sequence < next) return 46;
    if (batch.sequence > next) return 45;
    sequences.set(key, next + batch.values.length);
    const list = log.get(batch.partition) ?? [];
    log.set(batch.partition, [...list, ...batch.values]);
    return 0;
  }

  return {
    sent,
    log,
    get identities() {
      return identities;
    },
    get loads() {
      return loads;
    },
    get inFlightMax() {
      return inFlightMax;
    },
    load() {
      loads += 1;
      const fault = options.load?.(loads) ?? null;
      return fault === null ? Promise.resolve() : Promise.reject(fault);
    },
    leaders: () =>
      options.leaders?.(options.partitions) ?? Array.from({ length: options.partitions }, () => 1),
    initProducerId() {
      identities += 1;
      return Promise.resolve({ producerId: BigInt(identities), producerEpoch: 0 });
    },
    async produce(_leader, body) {
      inFlight += 1;
      inFlightMax = Math.max(inFlightMax, inFlight);
      try {
        await Promise.resolve();
        const batches = await decodeProduceRequest(body);
        const codes: { topic: string; partition: number; code: number }[] = [];
        for (const batch of batches) {
          codes.push({ topic: batch.topic, partition: batch.partition, code: await take(batch) });
        }
        return encodeAnswer(codes);
      } finally {
        inFlight -= 1;
      }
    },
    disconnect: () => Promise.resolve(),
  };
}

function encodeAnswer(
  codes: readonly { topic: string; partition: number; code: number }[],
): Buffer {
  const parts: Buffer[] = [];
  const int = (bytes: number, value: number): void => {
    const part = Buffer.alloc(bytes);
    part.writeIntBE(value, 0, bytes);
    parts.push(part);
  };
  int(4, codes.length);
  for (const { topic, partition, code } of codes) {
    int(2, topic.length);
    parts.push(Buffer.from(topic));
    int(4, 1);
    int(4, partition);
    int(2, code);
    parts.push(Buffer.alloc(24));
  }
  int(4, 0);
  return Buffer.concat(parts);
}
