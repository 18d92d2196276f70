/** A seeded generator: the same seed gives the same numbers on every machine and run. */
export interface Random {
  /** Uniform in [0, 1), 32 bits of it. */
  next(): number;
  /** Uniform whole number in [0, below). */
  below(below: number): number;
  /** Fills with uniform bytes. */
  fill(bytes: Uint8Array): void;
}

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state, plenty for test data. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const word = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return {
    next: () => word() / 4_294_967_296,
    below: (below) => Math.floor((word() / 4_294_967_296) * below),
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

/**
 * Draws ranks 0..size-1 with a long tail: rank r has weight 1 / (r + 1)^exponent. Walker's alias
 * method (Vose 1991): two numbers a draw, whatever the size.
 */
export function createLongTail(size: number, exponent: number, random: Random): () => number {
  const weights = Float64Array.from({ length: size }, (_, rank) => (rank + 1) ** -exponent);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const chance = weights.map((weight) => (weight * size) / total);
  const alias = new Uint32Array(size);
  const small: number[] = [];
  const large: number[] = [];
  chance.forEach((value, rank) => (value < 1 ? small : large).push(rank));
  while (small.length > 0 && large.length > 0) {
    const less = small.pop() as number;
    const more = large.at(-1) as number;
    alias[less] = more;
    chance[more] = (chance[more] as number) - (1 - (chance[less] as number));
    if (chance[more] < 1) small.push(large.pop() as number);
  }
  for (const rank of [...small, ...large]) chance[rank] = 1;
  return () => {
    const rank = random.below(size);
    return random.next() < (chance[rank] as number) ? rank : (alias[rank] as number);
  };
}
