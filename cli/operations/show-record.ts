import type { Codec } from '../../connectors/registry/codec.ts';
import { DEAD_LETTER_REASONS } from '../../schemas/reasons.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import { formatUuid } from '../../common/uuid.ts';
import { readWireHeader } from '../../schemas/wire.ts';
import type { DeadLetterRecord } from '../../operations/dead-letters.ts';
import { placeOf } from '../../operations/dead-letters.ts';
import { formatTime } from '../terminal/output.ts';

/** Bytes of a value that are shown; the rest is counted. */
const SHOWN_BYTES = 1_024;

/** A decoded value made readable: ids as text, other bytes as hex, times of day added. */
export function readable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, item: unknown) => {
      const bytes = bytesOf(item);
      if (bytes !== null)
        return bytes.length === 16 ? formatUuid(bytes) : `0x${bytes.toString('hex')}`;
      if (key.endsWith('_at') && typeof item === 'number') return formatTime(item);
      return typeof item === 'bigint' ? Number(item) : item;
    }),
  );
}

/** Buffers reach a replacer as what their toJSON made of them. */
function bytesOf(item: unknown): Buffer | null {
  if (item instanceof Uint8Array) return Buffer.from(item);
  if (typeof item !== 'object' || item === null) return null;
  const { type, data } = item as { type?: unknown; data?: unknown };
  return type === 'Buffer' && Array.isArray(data) ? Buffer.from(data as number[]) : null;
}

/** The value by its schema, or why it can't be read. Throws when the registry is away. */
export async function decodeValue(
  codec: Codec,
  topic: string,
  value: Buffer | null,
): Promise<{ readonly decoded: unknown } | { readonly why: string }> {
  if (value === null) return { why: 'the value is null' };
  if (!(topic in TOPICS)) return { why: `no topic ${topic} in this version` };
  const reader = codec.reader(topic as TopicName);
  const schemaId = readWireHeader(value);
  if (schemaId !== null) await reader.ensureSchema(schemaId);
  const result = reader.decode(value) as object;
  if ('reason' in result && 'detail' in result)
    return { why: `${String(result.reason)}: ${String(result.detail)}` };
  return { decoded: readable(result) };
}

/** Offsets, hex and text, sixteen bytes a line. */
export function hexDump(bytes: Buffer, limit = SHOWN_BYTES): string {
  const lines: string[] = [];
  const shown = bytes.subarray(0, limit);
  for (let at = 0; at < shown.length; at += 16) {
    const row = shown.subarray(at, at + 16);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = [...row].map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '.'));
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${text.join('')}`);
  }
  if (bytes.length > limit) lines.push(`... ${bytes.length - limit} more bytes`);
  return lines.join('\n');
}

export async function describeDeadLetter(codec: Codec, letter: DeadLetterRecord): Promise<string> {
  const explanation = (DEAD_LETTER_REASONS as Readonly<Record<string, string>>)[letter.reason];
  const lines = [
    `place            ${placeOf(letter)}`,
    `reason           ${letter.reason}: ${explanation ?? ''}`,
    `detail           ${letter.detail}`,
    `app              ${letter.app ?? '-'}`,
    `received         ${formatTime(letter.receivedAt)}`,
    `first received   ${formatTime(letter.firstReceivedAt)}`,
    `schema id        ${letter.schemaId ?? '-'}`,
    `replays before   ${letter.replayCount}`,
    `published        ${formatTime(letter.publishedAt)}`,
    `redriven         ${formatTime(letter.redrivenAt)} (${letter.redriveCount} times)`,
    `key              ${letter.key === null ? 'null' : JSON.stringify(letter.key.toString())}`,
    ...Object.entries(letter.headers).map(
      ([name, value]) => `header           ${name}: ${JSON.stringify(value.toString())}`,
    ),
  ];
  const decoded = await decodeValue(codec, letter.topic, letter.value).catch((error: unknown) => ({
    why: error instanceof Error ? error.message : String(error),
  }));
  lines.push(
    'why' in decoded
      ? `decoded          cannot be read (${decoded.why})`
      : `decoded\n${JSON.stringify(decoded.decoded, null, 2)}`,
  );
  if (letter.value !== null)
    lines.push(`value            ${letter.value.length} bytes\n${hexDump(letter.value)}`);
  return lines.join('\n');
}
