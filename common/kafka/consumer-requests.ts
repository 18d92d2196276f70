import type { ApiRequest } from './api-request.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import type { AbortedTransaction } from './record-batch-decoder.ts';

/**
 * The three requests that Marquee speaks itself, over kafkajs's connections, because kafkajs knows
 * them only in versions without topic ids: Fetch 13 (KIP-516: reads a topic by its id, so a topic
 * made again under the same name can't be read by mistake), Metadata 12 (gives that id), and
 * ListOffsets 5 (kafkajs asks for the last stable offset where the high watermark is wanted).
 */
export const FETCH = { key: 1, version: 13 } as const;
export const METADATA = { key: 3, version: 12 } as const;

export const NO_ERROR = 0;
export const OFFSET_OUT_OF_RANGE = 1;
/** Error codes that say "this broker doesn't know that topic (id)". */
export const TOPIC_UNKNOWN_CODES: ReadonlySet<number> = new Set([3, 100, 103]);
/** Leader moved, or its storage is away: new metadata tells where to go on. */
export const STALE_LEADER_CODES: ReadonlySet<number> = new Set([5, 6, 9, 56, 74, 75]);

const READ_COMMITTED = 1;
const READ_UNCOMMITTED = 0;

export interface FetchPartition {
  readonly partition: number;
  readonly offset: number;
}

export interface FetchRequest {
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly partitionMaxBytes: number;
  readonly topics: readonly {
    readonly id: string;
    readonly partitions: readonly FetchPartition[];
  }[];
}

export interface FetchedPartition {
  readonly topicId: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches; the last one may be cut short. */
  readonly records: Buffer;
}

export interface FetchResponse {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

/** A read_committed fetch without a fetch session. */
export function fetchRequest(request: FetchRequest): ApiRequest<FetchResponse> {
  const body = flexible()
    .int32(-1)
    .int32(request.maxWaitMs)
    .int32(1)
    .int32(request.maxBytes)
    .int8(READ_COMMITTED)
    .int32(0)
    .int32(-1)
    .compactArray(request.topics, (w, topic) =>
      w
        .raw(Buffer.from(topic.id, 'hex'))
        .compactArray(topic.partitions, (p, { partition, offset }) =>
          p
            .int32(partition)
            .int32(-1)
            .int64(offset)
            .int32(-1)
            .int64(-1)
            .int32(request.partitionMaxBytes)
            .noTags(),
        )
        .noTags(),
    )
    .compactArray([], () => undefined)
    .compactString('')
    .noTags()
    .finish();
  return {
    apiKey: FETCH.key,
    apiVersion: FETCH.version,
    apiName: 'Fetch',
    body,
    decode: decodeFetch,
  };
}

function decodeFetch(payload: Buffer): FetchResponse {
  const reader = new ByteReader(payload);
  reader.skipTags();
  reader.int32();
  const errorCode = reader.int16();
  reader.int32();
  const topics = reader.compactArray((r) => {
    const topicId = r.bytes(16).toString('hex');
    const partitions = r.compactArray((p) => decodeFetchedPartition(p, topicId));
    r.skipTags();
    return partitions;
  });
  return { errorCode, partitions: topics.flat() };
}

function decodeFetchedPartition(reader: ByteReader, topicId: string): FetchedPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  reader.int64();
  reader.int64();
  const aborted = reader.compactArray((r) => {
    const transaction = { producerId: r.int64(), firstOffset: r.int64() };
    r.skipTags();
    return transaction;
  });
  reader.int32();
  const records = reader.compactNullableBytes() ?? Buffer.alloc(0);
  reader.skipTags();
  return { topicId, partition, errorCode, highWatermark, aborted, records };
}

export interface TopicMetadata {
  readonly errorCode: number;
  /** 32 hex digits. */
  readonly topicId: string;
  readonly partitions: readonly { readonly partition: number; readonly leader: number }[];
}

/** Metadata of one topic; never creates it. */
export function topicMetadataRequest(topic: string): ApiRequest<TopicMetadata> {
  const body = flexible()
    .compactArray([topic], (w, name) => w.raw(Buffer.alloc(16)).compactString(name).noTags())
    .int8(0)
    .int8(0)
    .noTags()
    .finish();
  return {
    apiKey: METADATA.key,
    apiVersion: METADATA.version,
    apiName: 'Metadata',
    body,
    decode: decodeTopicMetadata,
  };
}

function decodeTopicMetadata(payload: Buffer): TopicMetadata {
  const reader = new ByteReader(payload);
  reader.skipTags();
  reader.int32();
  reader.compactArray((r) => {
    r.int32();
    r.compactNullableString();
    r.int32();
    r.compactNullableString();
    r.skipTags();
  });
  reader.compactNullableString();
  reader.int32();
  const [topic] = reader.compactArray(decodeTopic);
  if (topic === undefined) throw new RangeError('metadata response without its topic');
  return topic;
}

function decodeTopic(reader: ByteReader): TopicMetadata {
  const errorCode = reader.int16();
  reader.compactNullableString();
  const topicId = reader.bytes(16).toString('hex');
  reader.int8();
  const partitions = reader.compactArray((r) => {
    r.int16();
    const partition = r.int32();
    const leader = r.int32();
    r.int32();
    for (let list = 0; list < 3; list += 1) r.compactArray((ids) => ids.int32());
    r.skipTags();
    return { partition, leader };
  });
  reader.int32();
  reader.skipTags();
  return { errorCode, topicId, partitions };
}

export interface ListedOffset {
  readonly partition: number;
  readonly errorCode: number;
  readonly offset: number;
}

/** The log's first offset, or its high watermark, of partitions led by the broker asked. */
export function listOffsetsRequest(
  topic: string,
  partitions: readonly number[],
  which: 'start' | 'end',
): ApiRequest<ListedOffset[]> {
  const body = new ByteWriter()
    .int32(-1)
    .int8(READ_UNCOMMITTED)
    .array([topic], (w, name) =>
      w.string(name).array(partitions, (p, partition) =>
        p
          .int32(partition)
          .int32(-1)
          .int64(which === 'start' ? -2 : -1),
      ),
    )
    .finish();
  return { apiKey: 2, apiVersion: 5, apiName: 'ListOffsets', body, decode: decodeListOffsets };
}

function decodeListOffsets(payload: Buffer): ListedOffset[] {
  const reader = new ByteReader(payload);
  reader.int32();
  return reader
    .array((r) => {
      r.string();
      return r.array((p) => {
        const partition = p.int32();
        const errorCode = p.int16();
        p.int64();
        const offset = p.int64();
        p.int32();
        return { partition, errorCode, offset };
      });
    })
    .flat();
}

/**
 * kafkajs writes the request header of the old, inflexible versions. The newer header is the same
 * followed by an empty tag section, which is therefore the first byte of the body here.
 */
function flexible(): ByteWriter {
  return new ByteWriter().noTags();
}
