import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { MarqueeError } from '../error.ts';
import { CODEC } from './record-batch-header.ts';

/** A batch of the largest size that our topics take, at zlib's usual ratios; above it is a bomb. */
const OUTPUT_BYTES_MAX = 512 * 1024 * 1024;
const CHUNK_BYTES_MAX = 1024 * 1024;
const CHUNK_BYTES_MIN = 1024;

const gunzipOffThread = promisify(gunzip);
const zstdOffThread = promisify(zstdDecompress);

/**
 * The records of a batch, out of Kafka's compression. Works on libuv's threads, so the event loop
 * goes on. Throws MarqueeError MARQUEE_KAFKA_CODEC for snappy and lz4.
 */
export async function decompress(codec: number, body: Buffer): Promise<Buffer> {
  if (codec === CODEC.none) return body;
  // One round trip to the thread pool per chunk, and what a chunk has too much stays with it.
  const chunkSize = Math.min(
    CHUNK_BYTES_MAX,
    codec === CODEC.gzip ? gzipSize(body) : Math.max(65_536, body.length * 8),
  );
  const options = { chunkSize, maxOutputLength: OUTPUT_BYTES_MAX };
  if (codec === CODEC.gzip) return gunzipOffThread(body, options);
  if (codec === CODEC.zstd) return zstdOffThread(body, options);
  throw new MarqueeError(
    'MARQUEE_KAFKA_CODEC',
    `This client can't read ${nameOf(codec)}: produce with gzip, ` +
      'or read with MARQUEE_KAFKA_CLIENT=rdkafka.',
  );
}

function nameOf(codec: number): string {
  const found = Object.entries(CODEC).find(([, number]) => number === codec);
  return found?.[0] ?? `compression ${codec}`;
}

/** RFC 1952, 2.3.1: the last four bytes are the input's size. A hint: nobody vouches for it. */
function gzipSize(body: Buffer): number {
  const size = body.length < 18 ? 0 : body.readUInt32LE(body.length - 4);
  return Math.max(CHUNK_BYTES_MIN, size + 16);
}
