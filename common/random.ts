/** Random is a seeded stream of numbers: the same seed and name give the same ones everywhere. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform whole number in [0, below). */
  below(below: number): number;
  /** Normal with mean 0 and deviation 1. */
  normal(): number;
  pick<T>(items: readonly T[]): T;
  /** Fills with uniform bytes. */
  fill(bytes: Uint8Array): void;
}

/**
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand; public domain): 128 bits of state. Streams
 * of one seed with different names don't disturb each other: a change in what one of them is used
 * for leaves the others alone.
 */
export function createRandom(seed: number, name = ''): Random {
  let a = 0x9e3779b9;
  let b = seed | 0;
  let c = Math.floor(seed / 2 ** 32) | 0;
  let counter = 1;
  const word = (): number => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  };
  for (const char of name) {
    a = (a ^ (char.codePointAt(0) ?? 0)) | 0;
    word();
  }
  for (let round = 0; round < 15; round++) word();

  const next = (): number => word() / 2 ** 32;
  return {
    next,
    below: (below) => Math.floor(next() * below),
    // Box-Muller, without keeping the second number: a caller's draws must not depend on the past.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    pick: (items) => items[Math.floor(next() * items.length)] as (typeof items)[number],
    fill(bytes) {
      let bits = 0;
      for (let at = 0; at < bytes.length; at++) {
        if ((at & 3) === 0) bits = word();
        bytes[at] = bits & 0xff;
        bits >>>= 8;
      }
    },
  };
}

/** A draw is an index with the given weights: cumulative sums and a binary search. */
export function createWeighted(weights: Float64Array, random: Random): () => number {
  const sums = new Float64Array(weights.length);
  let sum = 0;
  weights.forEach((weight, index) => {
    sum += weight;
    sums[index] = sum;
  });
  return () => {
    const target = random.next() * sum;
    let low = 0;
    let high = weights.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) > target) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
