import { expect, test } from 'vitest';
import { renderArchive } from '../../bench/archive/report.ts';
import type { ArchiveReport } from '../../bench/archive/report.ts';
import type { ArchiveResult } from '../../bench/archive/run.ts';
import { MINUTE_MS } from '../../../common/time.ts';

const contents = { rows: 1_000_000, ids: 1_000_000, sum: '1' };

function run(
  system: string,
  round: number,
  rowsPerSecond: number,
  over: Partial<ArchiveResult> = {},
): ArchiveResult {
  return {
    system,
    round,
    rows: 1_000_000,
    workMs: 1e9 / rowsPerSecond,
    warmUpMs: 900,
    files: 8,
    fileBytes: 26e6,
    cpu: { client: 7, postgres: 0.1, broker: 0.5, store: 0.4, otherCores: 0 },
    peakRss: 5e8,
    contents,
    ...over,
  };
}

const report: ArchiveReport = {
  command: './marquee bench archive',
  startedAt: new Date(0),
  load: {
    plan: { seed: 7, actions: 1_000_000, users: 5, movies: 3, endMs: 0, spanMs: MINUTE_MS },
    codec: 'gzip',
    actions: 1_000_000,
    jsonTopic: 'json',
    counts: [],
    avroBytes: 100,
    jsonBytes: 400,
  },
  runs: [
    run('Marquee archive', 0, 50_000),
    run('Iceberg sink', 0, 20_000),
    run('Marquee archive', 1, 200_000),
    run('Iceberg sink', 1, 100_000),
    run('Marquee archive', 2, 90_000),
    run('Iceberg sink', 2, 30_000),
    run('Marquee archive', 3, 225_000),
    run('Iceberg sink', 3, 100_000),
  ],
  limits: [1, 2, 3].map((round) => ({
    round,
    threads: 1,
    runs: [
      { seconds: 2, cpu: 2 },
      { seconds: 1, cpu: 1 },
    ],
    bytes: 29e6,
    peak: 7e8,
    ...contents,
  })),
  growth: [run('Marquee archive', 1, 260_000, { rows: 10_000_000, workMs: 4e4, peakRss: 6.3e8 })],
  findings: ['Iceberg sink, run 2: 9 rows'],
  settings: [],
};

test('warm-up runs are shown apart and count nowhere', () => {
  const text = renderArchive(report);
  expect(text).toMatch(/\| Marquee archive \| 3 \| 200,000 \(90,000 to 225,000\) \|/);
  expect(text).toMatch(/\| Marquee archive, warm-up run \| 1 \| 50,000 \|/);
});

test('ratios are taken within a round, and each target says by how much it was missed', () => {
  const text = renderArchive(report);
  expect(text).toContain('| rows/s | 2.25 |');
  expect(text).toContain('| rate / Iceberg sink | >= 2.00 | 2.25 | met |');
  expect(text).toContain(
    '| rows/s, sorted, uploaded, verified | >= 250,000 | 200,000 | missed by 20 % |',
  );
  expect(text).toContain('| the same of 10,000,000 rows | >= 250,000 | 250,000 | met |');
  expect(text).toContain('| peak memory, any backlog, MB | <= 600 | 630 | missed by 5 % |');
  expect(text).toContain('at most 250,000 rows/s');
  expect(text).toContain('- Iceberg sink, run 2: 9 rows');
});

test('what was not run is no figure', () => {
  const text = renderArchive({ ...report, runs: [], limits: [], growth: [], findings: [] });
  expect(text).toContain('| rate / Iceberg sink | >= 2.00 | not measured |  |');
  expect(text).not.toContain('NaN');
  expect(text).not.toContain('Infinity');
});
