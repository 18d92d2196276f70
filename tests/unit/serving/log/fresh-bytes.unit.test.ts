import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFreshBytes } from '../../../../serving/log/fresh-bytes.ts';

const MAX = 100;

it('gives what was written behind a place, whole and once, or nothing', () => {
  const step = fc.oneof(
    fc.record({ write: fc.integer({ min: 1, max: 120 }), next: fc.boolean() }),
    fc.record({ read: fc.nat({ max: 400 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const fresh = createFreshBytes(MAX);
      const segments: number[][] = [[]];
      let read = { segment: 0, offset: 0 };
      for (const one of steps)
        if ('write' in one) {
          if (one.next) segments.push([]);
          const segment = segments.length - 1;
          const file = segments[segment] as number[];
          const bytes = Buffer.from(Array.from({ length: one.write }, () => file.length % 251));
          fresh.wrote({ segment, offset: file.length }, bytes, bytes.length);
          file.push(...bytes);
        } else {
          // From where it stands, or as if the disk had been read up to any place.
          const file = segments[read.segment] as number[];
          if (one.read % 3 === 0)
            read = { ...read, offset: Math.min(file.length, read.offset + one.read) };
          const found = fresh.take(read);
          if (found !== null) {
            expect([...found]).toEqual(file.slice(read.offset));
            expect(found.length).toBeLessThanOrEqual(MAX);
            expect(fresh.take(read)).toBeNull();
            read = { ...read, offset: file.length };
          } else if (read.segment < segments.length - 1)
            read = { segment: read.segment + 1, offset: 0 };
        }
    }),
    { numRuns: 1_000 },
  );
});

it('keeps up with who reads all that is written', () => {
  const fresh = createFreshBytes(MAX);
  for (let n = 0, offset = 0; n < 50; n++) {
    const parts = [Buffer.alloc(30, n), Buffer.alloc(40, n + 1)];
    const at = { segment: 1, offset };
    for (const part of parts) {
      fresh.wrote({ segment: 1, offset }, part, part.length);
      offset += part.length;
    }
    expect(fresh.take(at)).toEqual(Buffer.concat(parts));
  }
});
