/**
 * Sums by place of which few are touched: what was touched is known, and clearing is one addition
 * (the stamp of an older round means 0). So a list costs what its history's neighbours are, not what
 * the catalogue is.
 */
export class Accumulator {
  readonly #sums: Float64Array;
  readonly #stamps: Uint32Array;
  readonly #touched: Uint32Array;
  #count = 0;
  #round = 1;

  /** For so many places. */
  constructor(places: number) {
    this.#sums = new Float64Array(places);
    this.#stamps = new Uint32Array(places);
    this.#touched = new Uint32Array(places);
  }

  clear(): void {
    this.#count = 0;
    this.#round++;
    // Stamps wrap after 2^32 rounds: then all of them are old.
    if (this.#round > 0xffff_ffff) {
      this.#stamps.fill(0);
      this.#round = 1;
    }
  }

  add(place: number, value: number): void {
    if (this.#stamps[place] === this.#round) {
      this.#sums[place] = (this.#sums[place] as number) + value;
      return;
    }
    this.#stamps[place] = this.#round;
    this.#sums[place] = value;
    this.#touched[this.#count++] = place;
  }

  get(place: number): number {
    return this.#stamps[place] === this.#round ? (this.#sums[place] as number) : 0;
  }

  has(place: number): boolean {
    return this.#stamps[place] === this.#round;
  }

  /** The places touched since `clear`, in the order of their first touch; valid until then. */
  touched(): Uint32Array {
    return this.#touched.subarray(0, this.#count);
  }

  /** Standard deviation over all places, the untouched ones included, which are 0. */
  deviation(): number {
    const n = this.#sums.length;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < this.#count; i++) {
      const value = this.#sums[this.#touched[i] as number] as number;
      sum += value;
      squares += value * value;
    }
    const mean = sum / n;
    return Math.sqrt(Math.max(0, squares / n - mean * mean));
  }
}
