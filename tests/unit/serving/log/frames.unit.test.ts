import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeServedList } from '../../../../schemas/serve-parts.ts';
import { FRAME_HEAD_BYTES, parseFrames, sealFrame } from '../../../../serving/log/frames.ts';
import { recommendationServeKey } from '../../../../schemas/recommendation-serve.ts';
import { createRecentRecords } from '../../../../serving/log/recent-records.ts';
import { createFrameBuffer } from '../../../../serving/log/encode-record.ts';
import { fullServe, serve } from '../../../support/serves.ts';

interface Content {
  readonly key: Buffer;
  readonly value: Buffer;
}

function frameOf({ key, value }: Content): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(FRAME_HEAD_BYTES), key, value]);
  sealFrame(bytes, 0, 2, key.length, bytes.length);
  return bytes;
}

/** Bytes that look like a frame's beginning are among them. */
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.constantFrom(Uint8Array.of(0xff, 0xf5), Uint8Array.of(0xff, 0xf5, 0, 0, 0, 0, 1, 2)),
);
const anyContent = fc
  .tuple(anyBytes, anyBytes)
  .map(([key, value]): Content => ({ key: Buffer.from(key), value: Buffer.from(value) }));
const anyContents = fc.array(anyContent, { minLength: 1, maxLength: 12 });

/** What was read, as text that compares quickly. */
function contentsOf(bytes: Buffer, last = true): string[] {
  return parseFrames(bytes, last).frames.map(shown);
}
function shown({ key, value }: Content): string {
  return `${key.toString('hex')}/${value.toString('hex')}`;
}

describe('frames', () => {
  it('are read as they were written, wherever the reading is cut', () => {
    fc.assert(
      fc.property(anyContents, fc.integer({ min: 1, max: 90 }), (contents, step) => {
        const bytes = Buffer.concat(contents.map(frameOf));
        const read: string[] = [];
        let [from, to] = [0, 0];
        while (from < bytes.length) {
          to = Math.min(bytes.length, to + step);
          const { frames, consumed, damaged } = parseFrames(
            bytes.subarray(from, to),
            to === bytes.length,
          );
          expect(damaged).toBe(0);
          read.push(...frames.map(shown));
          from += consumed;
        }
        expect(read).toEqual(contents.map(shown));
      }),
    );
  });

  it('cut short anywhere, lose none but the one that is cut', () => {
    fc.assert(
      fc.property(anyContents, fc.nat(), (contents, cutAt) => {
        const frames = contents.map(frameOf);
        const whole = Buffer.concat(frames);
        const cut = whole.subarray(0, cutAt % (whole.length + 1));
        let end = 0;
        const kept = frames.filter((frame) => (end += frame.length) <= cut.length).length;
        expect(contentsOf(cut)).toEqual(contents.slice(0, kept).map(shown));
      }),
    );
  });

  it('lose by a flipped bit none but the one that it hits, and none becomes another', () => {
    fc.assert(
      fc.property(anyContents, fc.nat(), (contents, bit) => {
        const frames = contents.map(frameOf);
        const bytes = Buffer.concat(frames);
        const at = Math.floor(bit / 8) % bytes.length;
        bytes[at] = (bytes[at] as number) ^ (1 << (bit % 8));
        let end = 0;
        const hit = frames.findIndex((frame) => (end += frame.length) > at);
        const expected = contents.map(shown).filter((_, n) => n !== hit);
        expect(contentsOf(bytes)).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it('lose by any damage none that lies before it or well behind', () => {
    const garbage = fc.uint8Array({ minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(anyContents, garbage, anyContents, (before, middle, after) => {
        const parts = [...before.map(frameOf), Buffer.from(middle), ...after.map(frameOf)];
        const { frames, damaged } = parseFrames(Buffer.concat(parts), true);
        expect(frames.map(shown)).toEqual([...before, ...after].map(shown));
        expect(damaged).toBe(1);
      }),
    );
  });

  it('ask for more bytes where one goes on, and not where a length is beyond all bounds', () => {
    const frame = frameOf({ key: Buffer.from('k'), value: Buffer.alloc(100) });
    expect(parseFrames(frame.subarray(0, 50), false)).toMatchObject({ consumed: 0, damaged: 0 });
    const huge = Buffer.from(frame);
    huge.writeUInt32BE(0xffff_ffff, 10);
    expect(parseFrames(huge, false)).toMatchObject({ frames: [], consumed: huge.length });
  });
});

const LIST = encodeServedList(serve());

describe('a buffer of frames', () => {
  it('holds what was added, larger records than its room and text of all kinds too', () => {
    const buffer = createFrameBuffer(createRecentRecords());
    const records = [
      serve({ user_id: 'ß'.repeat(256) }),
      serve({ user_id: null }),
      ...Array.from({ length: 300 }, (_, n) => fullServe(n, n)),
      fullServe(1, 1_000),
    ];
    for (const record of records) buffer.add(record, encodeServedList(record));
    expect(buffer.records).toBe(records.length);
    const read = parseFrames(buffer.bytes.subarray(0, buffer.used), true);
    expect(read).toMatchObject({ damaged: 0, wholeEnd: buffer.used });
    expect(read.frames.map(({ key, value }) => [key.toString(), value.subarray(5, 21)])).toEqual(
      records.map((record) => [recommendationServeKey(record), record.request_id]),
    );
  });

  it('is as it was after a record that does not fit the schema', () => {
    const buffer = createFrameBuffer(createRecentRecords());
    buffer.add(serve(), LIST);
    const before = buffer.used;
    expect(() => {
      buffer.add({ ...serve(), steps: [1] as never }, LIST);
    }).toThrow();
    expect(() => {
      buffer.add(serve({ properties: { a: 'x'.repeat(5 * 1024 * 1024) } }), LIST);
    }).toThrow(/at most/);
    expect([buffer.used, buffer.records]).toEqual([before, 1]);
    buffer.add(serve(), LIST);
    expect(parseFrames(buffer.bytes.subarray(0, buffer.used), true).frames).toHaveLength(2);
  });
});
