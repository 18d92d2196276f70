"""The item-item model: a regression of each movie on the others. Pure numpy and scipy.

Dense: EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019) on a matrix X
of weights (users x movies): with P = (X'X + cI)^-1, B = I - P / diag(P). A user's scores are x B.

Sparse: the same regression for each movie on its strongest neighbours alone (as fsSLIM selects
them: Ning, Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems", ICDM 2011; solved
locally as in Steck, "Markov Random Fields for Collaborative Filtering", NeurIPS 2019):
b = (G_NN + cI)^-1 g_N. Solving again over the neighbours ranks better than cutting B to them.
"""

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve, lapack


def gram_block(
    x: sparse.csr_matrix | sparse.csc_matrix, columns: sparse.csc_matrix, start: int, end: int
) -> np.ndarray:
    """Rows [start, end) of X'X as float32, as far as the columns of `x` go. `columns` is X by
    columns."""
    return (columns[:, start:end].T @ x).astype(np.float32).toarray()


def ease(gram: np.ndarray, regularisation: float) -> np.ndarray:
    """B of EASE from X'X (movies x movies, float32), which is overwritten: no second copy is
    made."""
    count = len(gram)
    gram[np.diag_indices(count)] += regularisation
    # Column-major is what LAPACK takes in place; the matrix is symmetric, so its transpose will do.
    matrix, problem = lapack.spotrf(gram.T, lower=1, overwrite_a=1, clean=0)
    if problem != 0:
        raise ArithmeticError(f"X'X + cI is not positive definite (LAPACK spotrf: {problem})")
    matrix, problem = lapack.spotri(matrix, lower=1, overwrite_c=1)
    if problem != 0:
        raise ArithmeticError(f"X'X + cI has no inverse (LAPACK spotri: {problem})")
    diagonal = np.diag(matrix).copy()
    mirror_lower(matrix)
    model = matrix.T  # symmetric so far: row-major from here on, rows are what a user did
    model /= -diagonal[np.newaxis, :]
    model[np.diag_indices(count)] = 0.0
    return model


def mirror_lower(matrix: np.ndarray, block: int = 1024) -> None:
    """Copies the lower triangle onto the upper one, in place and by blocks."""
    for start in range(0, len(matrix), block):
        end = min(start + block, len(matrix))
        corner = matrix[start:end, start:end]
        corner[:] = np.tril(corner) + np.tril(corner, -1).T
        matrix[start:end, end:] = matrix[end:, start:end].T


def neighbours_of(row: np.ndarray, norms: np.ndarray, movie: int, count: int) -> np.ndarray:
    """The `count` movies that go with `movie` most: by cosine of their columns, ties by place.

    row: the movie's row of X'X; norms: square roots of its diagonal.
    """
    cosine = np.divide(row, norms, out=np.zeros_like(row), where=norms > 0)
    cosine[movie] = 0.0
    candidates = np.flatnonzero(cosine > 0)
    if len(candidates) > count:
        best = np.lexsort((candidates, -cosine[candidates]))[:count]
        candidates = np.sort(candidates[best])
    return candidates


def regress(
    gram_nn: np.ndarray, g_n: np.ndarray, regularisation: float, positive: bool
) -> np.ndarray:
    """(G_NN + cI)^-1 g_N. With `positive`, neighbours below 0 are left out, and the rest solved
    again."""
    kept = np.arange(len(g_n))
    while len(kept):
        matrix = gram_nn[np.ix_(kept, kept)].astype(np.float64)
        matrix[np.diag_indices(len(kept))] += regularisation
        weights = cho_solve(cho_factor(matrix, lower=True, overwrite_a=True), g_n[kept])
        if not positive or (weights >= 0).all():
            result = np.zeros(len(g_n))
            result[kept] = weights
            return result
        kept = kept[weights > 0]
    return np.zeros(len(g_n))


def sparse_block(
    rows: np.ndarray,
    start: int,
    norms: np.ndarray,
    gram_nn: Callable[[np.ndarray], np.ndarray],
    *,
    neighbours: int,
    regularisation: float,
    positive: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sparse model of the movies from `start` on: (neighbour, movie, weight), one entry each.

    rows: these movies' rows of X'X; norms: square roots of its diagonal; gram_nn: its part for some
    movies, which is asked for once a movie, so that X'X need not be in memory.
    """
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for movie, row in enumerate(rows, start):
        near = neighbours_of(row, norms, movie, neighbours)
        if len(near) == 0:
            continue
        weights = regress(gram_nn(near), row[near], regularisation, positive)
        kept = weights != 0
        found.append((near[kept], np.full(kept.sum(), movie), weights[kept].astype(np.float32)))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    near, movies, weights = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return near, movies, weights


def column_norms(columns: sparse.csc_matrix) -> np.ndarray:
    return np.sqrt(np.asarray(columns.multiply(columns).sum(axis=0)).ravel())


def gram_of_columns(columns: sparse.csc_matrix, chosen: np.ndarray) -> np.ndarray:
    """The part of X'X for some movies, from their columns of X."""
    part = columns[:, chosen]
    return (part.T @ part).toarray()
