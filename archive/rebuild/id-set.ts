const LANES = 4;
const FIRST_SLOTS = 1 << 12;

/** Event ids that were met: open addressing over 16 bytes each, since a date has millions. */
export interface IdSet {
  /** False when the id at `at` was in the set already. */
  add(ids: Uint8Array, at: number): boolean;
}

export function createIdSet(): IdSet {
  let slots = FIRST_SLOTS;
  let keys = new Uint32Array(slots * LANES);
  let used = 0;

  /** The slot that holds the key, or the empty one where it belongs. All zeroes are no UUIDv7. */
  function slotOf(of: Uint32Array, key: Uint32Array, from: number): number {
    const mask = of.length / LANES - 1;
    const mixed = Math.imul((key[from + 3] as number) ^ (key[from + 1] as number), 0x9e3779b1);
    for (let slot = (mixed ^ (key[from + 2] as number)) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * LANES;
      const empty = of[at] === 0 && of[at + 1] === 0;
      if (empty || sameKey(of, at, key, from)) return at;
    }
  }

  function grow(): void {
    const larger = new Uint32Array(keys.length * 2);
    for (let at = 0; at < keys.length; at += LANES) {
      if (keys[at] === 0 && keys[at + 1] === 0) continue;
      larger.set(keys.subarray(at, at + LANES), slotOf(larger, keys, at));
    }
    keys = larger;
    slots *= 2;
  }

  const key = new Uint32Array(LANES);
  const bytes = new Uint8Array(key.buffer);
  return {
    add(ids, from) {
      for (let i = 0; i < bytes.length; i++) bytes[i] = ids[from + i] as number;
      const at = slotOf(keys, key, 0);
      if (sameKey(keys, at, key, 0)) return false;
      keys.set(key, at);
      if (++used * 2 > slots) grow();
      return true;
    },
  };
}

function sameKey(a: Uint32Array, at: number, b: Uint32Array, from: number): boolean {
  return (
    a[at] === b[from] &&
    a[at + 1] === b[from + 1] &&
    a[at + 2] === b[from + 2] &&
    a[at + 3] === b[from + 3]
  );
}
