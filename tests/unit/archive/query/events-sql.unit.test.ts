import { expect, test } from 'vitest';
import { splitFiles } from '../../../../archive/query/events-sql.ts';
import { hotDatesOf } from '../../../../archive/query/manifest-reader.ts';
import type { ListedFile, ManifestSnapshot } from '../../../../archive/query/manifest-reader.ts';

const file = (path: string, date: string, generation: number): ListedFile => ({
  ...{ path, date, generation, topic: 'user-actions.v1', partition: null },
  ...{ fromOffset: null, toOffset: null, rows: 1, bytes: 1, sha256: '', recordedAt: '' },
});
const manifest: ManifestSnapshot = {
  asOf: '',
  files: [
    file('merged', '2026-11-10', 1),
    file('as-copied', '2026-11-11', 0),
    file('merged-beside-another', '2026-11-12', 1),
    file('another', '2026-11-12', 0),
    file('merged-of-a-hot-date', '2026-11-20', 2),
  ],
  hot: [{ partition: 0, from: 5, to: 9 }],
  hotDates: ['2026-11-20'],
  dropped: 0,
};

test('only a merged file that is alone with its date, with no hot rows, has each event once', () => {
  const { single, several } = splitFiles(manifest);
  expect(single.map(({ path }) => path)).toEqual(['merged']);
  expect([...single, ...several].map(({ path }) => path).toSorted()).toEqual(
    manifest.files.map(({ path }) => path).toSorted(),
  );
});

test('hot dates are read only while some offsets are not archived', () => {
  expect(hotDatesOf(manifest)).toEqual(['2026-11-20']);
  expect(hotDatesOf({ ...manifest, hot: [] })).toEqual([]);
});
