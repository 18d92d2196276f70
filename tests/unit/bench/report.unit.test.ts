import { expect, test } from 'vitest';
import { renderReport, roundRatio } from '../../bench/hot-path/report.ts';
import type { RunResult } from '../../bench/hot-path/run.ts';
import { MINUTE_MS } from '../../../common/time.ts';

const contents = { rows: 10, distinctIds: 10, contentSum: '1' };

function run(system: string, round: number, rowsPerSecond: number, peakRss = 3e8): RunResult {
  return {
    system,
    round,
    rowsPerSecond,
    wholeRowsPerSecond: rowsPerSecond / 2,
    warmUpMs: 1_500,
    cpu: { client: 3, postgres: 2, broker: 1, store: 0, otherCores: 0.1 },
    peakRss,
    contents,
  };
}

const runs = [
  run('Marquee interactions', 1, 200_000),
  run('Pathway', 1, 100_000),
  run('Marquee interactions', 2, 90_000),
  run('Pathway', 2, 50_000),
  run('Marquee interactions', 3, 210_000),
  run('Pathway', 3, 100_000),
];

test('ratios are taken within a round, so a slow round weighs on both', () => {
  expect(roundRatio(runs, 'Marquee interactions', 'Pathway')).toBeCloseTo(2);
  expect(roundRatio(runs, 'Marquee interactions', 'COPY')).toBeNaN();
});

test('the report says which target is met, missed by how much, or not measured', () => {
  const text = renderReport({
    command: './marquee bench hot-path',
    startedAt: new Date(0),
    load: {
      plan: { seed: 7, actions: 10, users: 5, movies: 3, endMs: 0, spanMs: MINUTE_MS },
      codec: 'gzip',
      actions: 10,
      serves: 1,
      answers: 2,
      firstMs: 0,
      lastMs: 1,
      jsonTopic: 'json',
      copyFiles: [],
      avroBytes: 100,
      jsonBytes: 400,
    },
    systems: [],
    runs: [...runs, run('Marquee interactions', 4, 100_000, 5e8)],
    four: [],
    latency: [],
    sdk: [],
    findings: ['Pathway, run 2: 9 rows'],
    settings: [],
  });
  expect(text).toContain('| interactions / Pathway | >= 1.60 | 2.00 | met |');
  expect(text).toContain('| interactions, events/s | >= 150,000 | 150,000 | met |');
  expect(text).toContain('| memory of a processor, MB | <= 400 | 500 | missed by 25 % |');
  expect(text).toContain('| all four, actions/s | >= 60,000 | not measured |  |');
  expect(text).toContain('- Pathway, run 2: 9 rows');
});
