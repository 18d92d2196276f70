/** Rows that are worked at once: their bytes stay in the processor's cache. */
export const BLOCK_ROWS = 256;

/**
 * Passes rows [0, rows) in blocks of at most BLOCK_ROWS. A loop over all rows of a file would be
 * compiled in its middle, thrown away at its end and compiled again with the next file, which took
 * a fifth of the archive's time; what is called once a block is compiled once.
 */
export function inBlocks(rows: number, work: (from: number, to: number) => void): void {
  for (let from = 0; from < rows; from += BLOCK_ROWS) work(from, Math.min(from + BLOCK_ROWS, rows));
}
