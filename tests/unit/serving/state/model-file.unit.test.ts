import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { readModelFile, writeModelFile } from '../../../../serving/state/model-file.ts';
import { modelOf } from '../ranking/models.ts';

const folder = mkdtempSync(join(tmpdir(), 'marquee-model-file-'));
const path = join(folder, 'state', 'model.bin');
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const model = {
  items: modelOf({
    movies: 3,
    neighbours: [{ movieId: 10, otherId: 20, weight: 0.5 }],
    next: [{ movieId: 30, otherId: 10, weight: 2 }],
    popularity: [3, 1, 2],
    vectors: [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
  }),
  settings: {
    blend: { kind: 'item_item' as const },
    foldIn: { alpha: 1, regularisation: 0.1, oldShare: 0.25, cut: 7 },
    counts: { movie_neighbours: 1 },
  },
  generation: 4,
};

it('gives back what was written', async () => {
  await writeModelFile(path, model);
  const read = await readModelFile(path);
  const { placeOf, ...items } = model.items;
  expect(read).toMatchObject({ ...model, items });
  expect([10, 20, 30, 40].map((id) => read?.items.placeOf.get(id))).toEqual(
    [10, 20, 30, 40].map((id) => placeOf.get(id)),
  );
});

it('is nothing where a byte changed, or is missing', async () => {
  await writeModelFile(path, model);
  const whole = readFileSync(path);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: whole.length - 1 }), fc.boolean(), async (at, cut) => {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 1;
      writeFileSync(path, cut ? whole.subarray(0, at) : damaged);
      expect(await readModelFile(path)).toBeNull();
    }),
  );
});

it('is nothing where there is none', async () => {
  expect(await readModelFile(join(folder, 'none.bin'))).toBeNull();
});
