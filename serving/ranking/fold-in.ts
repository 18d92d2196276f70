import type { HistoryRow } from './history.ts';
import type { ItemModel, Vectors } from './item-model.ts';

/** The settings that the item factors were trained with, as the model version keeps them. */
export interface FoldInSettings {
  /** Confidence is 1 + alpha x weight. */
  readonly alpha: number;
  /** Spark scales it by the number of the user's actions. */
  readonly regularisation: number;
  /** Of actions that the model has learnt from already; later ones weigh 1. */
  readonly oldShare: number;
  /** Epoch ms: what happened before is in the model. */
  readonly cut: number;
}

export interface Folder {
  /**
   * The user's vector in the space of the item factors; null when no movie of the history that says
   * something has a vector.
   *
   *     x = (Y'Y + sum g alpha w y y' + lambda n I)^-1 sum g (1 + alpha w) y
   *
   * over the history's movies (Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback
   * Datasets", ICDM 2008; lambda scaled by n as Spark does it), g = oldShare for actions before the cut.
   */
  foldIn(history: readonly HistoryRow[]): Float32Array | null;
}

/** Y'Y is made once a model. */
export function createFolder(
  model: Pick<ItemModel, 'placeOf'>,
  vectors: Vectors,
  settings: FoldInSettings,
): Folder {
  const { dimensions, values } = vectors;
  const gram = gramOf(vectors);
  const matrix = new Float64Array(dimensions * dimensions);
  const right = new Float64Array(dimensions);
  const outers = createOuters(matrix, dimensions);

  return {
    foldIn(history) {
      matrix.set(gram);
      right.fill(0);
      outers.clear();
      let known = 0;
      for (const { movieId, weight, lastAt } of history) {
        const place = model.placeOf.get(movieId);
        if (place === undefined || weight <= 0) continue;
        const y = values.subarray(place * dimensions, (place + 1) * dimensions);
        const share = lastAt < settings.cut ? settings.oldShare : 1;
        outers.add(y, share * settings.alpha * weight);
        for (let i = 0; i < dimensions; i++)
          right[i] =
            (right[i] as number) + share * (1 + settings.alpha * weight) * (y[i] as number);
        known += share;
      }
      outers.flush();
      if (known === 0) return null;
      for (let i = 0; i < dimensions; i++) {
        const at = i * dimensions + i;
        matrix[at] = (matrix[at] as number) + settings.regularisation * known;
      }
      return Float32Array.from(solve(matrix, right, dimensions));
    },
  };
}

/** The lower triangle of the sum of y y' over all places. */
function gramOf({ dimensions, values }: Vectors): Float64Array {
  const gram = new Float64Array(dimensions * dimensions);
  const outers = createOuters(gram, dimensions);
  for (let at = 0; at < values.length; at += dimensions)
    outers.add(values.subarray(at, at + dimensions), 1);
  outers.flush();
  return gram;
}

const TOGETHER = 4;

/**
 * Adds factor y y' to a matrix's lower triangle, four vectors at a time: each element is loaded and stored
 * once for four products, and they don't wait for each other. With `dot` a fold-in takes half as long.
 */
function createOuters(to: Float64Array, n: number) {
  const ys = new Float64Array(TOGETHER * n);
  const factors = new Float64Array(TOGETHER);
  let count = 0;

  function flush(): void {
    ys.fill(0, count * n);
    factors.fill(0, count);
    count = 0;
    const f0 = factors[0] as number;
    const f1 = factors[1] as number;
    const f2 = factors[2] as number;
    const f3 = factors[3] as number;
    for (let i = 0; i < n; i++) {
      const a = f0 * (ys[i] as number);
      const b = f1 * (ys[n + i] as number);
      const c = f2 * (ys[2 * n + i] as number);
      const d = f3 * (ys[3 * n + i] as number);
      const row = i * n;
      for (let j = 0; j <= i; j++)
        to[row + j] =
          (to[row + j] as number) +
          (a * (ys[j] as number) + b * (ys[n + j] as number)) +
          (c * (ys[2 * n + j] as number) + d * (ys[3 * n + j] as number));
    }
  }

  return {
    add(y: Float32Array, factor: number): void {
      ys.set(y, count * n);
      factors[count++] = factor;
      if (count === TOGETHER) flush();
    },
    /** Adds what waits for company. */
    flush(): void {
      if (count > 0) flush();
    },
    clear(): void {
      count = 0;
    },
  };
}

/** The sum of the products of a[from + k] and b[at + k] for k below n; four sums that don't wait for each other. */
function dot(a: Float64Array, from: number, b: Float64Array, at: number, n: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let k = 0;
  for (; k + TOGETHER <= n; k += TOGETHER) {
    s0 += (a[from + k] as number) * (b[at + k] as number);
    s1 += (a[from + k + 1] as number) * (b[at + k + 1] as number);
    s2 += (a[from + k + 2] as number) * (b[at + k + 2] as number);
    s3 += (a[from + k + 3] as number) * (b[at + k + 3] as number);
  }
  for (; k < n; k++) s0 += (a[from + k] as number) * (b[at + k] as number);
  return s0 + s1 + (s2 + s3);
}

/** A x = b for a symmetric positive definite A of which the lower triangle is given; A and b are used up. */
function solve(a: Float64Array, b: Float64Array, n: number): Float64Array {
  // Cholesky: A = L L'.
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const sum = (a[i * n + j] as number) - dot(a, i * n, a, j * n, j);
      if (i !== j) a[i * n + j] = sum / (a[j * n + j] as number);
      else if (sum > 0) a[i * n + i] = Math.sqrt(sum);
      else throw new RangeError('fold-in: the matrix is not positive definite');
    }
  }
  for (let i = 0; i < n; i++) {
    let sum = b[i] as number;
    for (let k = 0; k < i; k++) sum -= (a[i * n + k] as number) * (b[k] as number);
    b[i] = sum / (a[i * n + i] as number);
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = b[i] as number;
    for (let k = i + 1; k < n; k++) sum -= (a[k * n + i] as number) * (b[k] as number);
    b[i] = sum / (a[i * n + i] as number);
  }
  return b;
}
