import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRecentRecords } from '../../../../serving/log/recent-records.ts';

const idOf = (n: number): Buffer => {
  const id = Buffer.alloc(16, 0xab);
  id.writeUInt32BE(n, 12);
  return id;
};

it('has the latest records as they were, as many as fit, and no others', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 20 }),
      (sizes, records) => {
        const recent = createRecentRecords({ records, bytes: 1_000 });
        const kept: { n: number; body: Buffer }[] = [];
        sizes.forEach((size, n) => {
          const body = Buffer.alloc(size, n % 251);
          const around = Buffer.concat([Buffer.from('<'), body, Buffer.from('>')]);
          recent.add(idOf(n), around, 1, 1 + size);
          if (size <= 250) kept.push({ n, body });
          let bytes = 0;
          let isSure = true;
          kept.toReversed().forEach((one, age) => {
            bytes += one.body.length;
            // At the ring's end less than a record's length may stay unused.
            isSure &&= age < records && bytes <= 1_000 - 250;
            const found = recent.find(idOf(one.n));
            if (isSure) expect(found).toEqual(one.body);
            else if (found !== null) expect(found).toEqual(one.body);
            if (age >= records || bytes > 1_000) expect(found).toBeNull();
          });
        });
      },
    ),
  );
});

it('finds none by the end of one id and the begin of the next', () => {
  const recent = createRecentRecords({ records: 4, bytes: 100 });
  for (let n = 0; n < 3; n++) recent.add(Buffer.alloc(16, n), Buffer.from([n]), 0, 1);
  expect(recent.find(Buffer.from([...Buffer.alloc(8, 1), ...Buffer.alloc(8, 2)]))).toBeNull();
  expect(recent.find(Buffer.alloc(16, 2))).toEqual(Buffer.from([2]));
});
