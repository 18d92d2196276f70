import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../../common/random.ts';

const DRAWN = 50_000;

/** How a run draws the users that it asks for. */
export type Draw = 'zipf' | 'evenly';

/** Indexes below `n`: the k-th with a chance of 1/k (Zipf), or all alike and few of them twice. */
function drawIndexes(n: number, draw: Draw, seed: number): number[] {
  const random = createRandom(seed, draw);
  if (draw === 'evenly')
    return n <= DRAWN
      ? Array.from({ length: n }, (_, i) => i)
      : Array.from({ length: DRAWN }, () => random.below(n));
  const sums = new Float64Array(n);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    sum += 1 / (i + 1);
    sums[i] = sum;
  }
  return Array.from({ length: DRAWN }, () => {
    const wanted = random.next() * sum;
    let low = 0;
    let high = n - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

export interface UrlsOptions {
  readonly workDir: string;
  readonly name: string;
  readonly server: string;
  readonly users: number;
  readonly draw: Draw;
  readonly seed: number;
  path(index: number): string;
}

/** A file with a URL a line, of which the generator draws one for each request. */
export function writeUrls(options: UrlsOptions): string {
  const { workDir, name, server, users, draw, seed, path } = options;
  const file = join(workDir, `${name}.urls`);
  const lines = drawIndexes(users, draw, seed).map((index) => `${server}${path(index)}\n`);
  writeFileSync(file, lines.join(''));
  return file;
}
