/** Lets so many in at once; who finds it full is turned away at once instead of waiting. */
export interface Gate {
  enter(): boolean;
  leave(): void;
  readonly inside: number;
}

export function createGate(max: number): Gate {
  let inside = 0;
  return {
    enter() {
      if (inside >= max) return false;
      inside++;
      return true;
    },
    leave() {
      inside--;
    },
    get inside() {
      return inside;
    },
  };
}
