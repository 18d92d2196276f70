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

  return {
    foldIn(history) {
      matrix.set(gram);
      right.fill(0);
      let known = 0;
      for (const { movieId, weight, lastAt } of history) {
        const place = model.placeOf.get(movieId);
        if (place === undefined || weight <= 0) continue;
        const y = values.subarray(place * dimensions, (place + 1) * dimensions);
        const share = lastAt < settings.cut ? settings.oldShare : 1;
        addOuter(matrix, y, share * settings.alpha * weight);
        for (let i = 0; i < dimensions; i++)
          right[i] =
            (right[i] as number) + share * (1 + settings.alpha * weight) * (y[i] as number);
        known += share;
      }
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
  for (let at = 0; at < values.length; at += dimensions)
    addOuter(gram, values.subarray(at, at + dimensions), 1);
  return gram;
}

function addOuter(to: Float64Array, y: Float32Array, factor: number): void {
  const n = y.length;
  for (let i = 0; i < n; i++) {
    const scaled = factor * (y[i] as number);
    if (scaled === 0) continue;
    for (let j = 0; j <= i; j++) {
      const at = i * n + j;
      to[at] = (to[at] as number) + scaled * (y[j] as number);
    }
  }
}

/** A x = b for a symmetric positive definite A of which the lower triangle is given; A and b are used up. */
function solve(a: Float64Array, b: Float64Array, n: number): Float64Array {
  // Cholesky: A = L L'.
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j] as number;
      for (let k = 0; k < j; k++) sum -= (a[i * n + k] as number) * (a[j * n + k] as number);
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
