"""Histories and models -> lists. Pure."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from .holdout import History


def item_scores(model: np.ndarray | sparse.csr_matrix, histories: Sequence[History]) -> np.ndarray:
    """Users x movies, in standard deviations of each user's: what their history speaks for."""
    found = rows_of(histories, model.shape[0]) @ model
    return standardised(found.toarray() if sparse.issparse(found) else found)


def als_scores(user_factors: np.ndarray, item_factors: np.ndarray) -> np.ndarray:
    """Users x movies, in standard deviations of each user's."""
    return standardised(user_factors @ item_factors.T)


def blend(item: np.ndarray | None, als: np.ndarray | None, share: float) -> np.ndarray:
    """item + share x als; what is missing is left out."""
    if item is None or als is None:
        one = als if item is None else item
        assert one is not None
        return one.copy()
    return item + np.float32(share) * als


def standardised(scores: np.ndarray) -> np.ndarray:
    spread = scores.std(axis=1, keepdims=True, dtype=np.float32)
    return np.divide(scores, spread, out=np.zeros_like(scores, dtype=np.float32), where=spread > 0)


def rows_of(histories: Sequence[History], movies: int) -> sparse.csr_matrix:
    """The weights, users x movies; pairs that weigh nothing are left out."""
    kept = [h.weights > 0 for h in histories]
    ends = np.cumsum([0, *(int(k.sum()) for k in kept)])
    none = [np.zeros(0, np.int32)]
    return sparse.csr_matrix(
        (
            np.concatenate([h.weights[k] for h, k in zip(histories, kept, strict=True)] or none),
            np.concatenate([h.movies[k] for h, k in zip(histories, kept, strict=True)] or none),
            ends,
        ),
        shape=(len(histories), movies),
        dtype=np.float32,
    )


def top(scores: np.ndarray, hidden: np.ndarray, popularity: np.ndarray, length: int) -> np.ndarray:
    """Places of one user's best movies, best first: by score, then popularity, then place. A user
    of whom nothing is known (all scores 0) gets the popular ones.

    scores is changed: what is hidden (seen, withdrawn) can't be listed.
    """
    scores[hidden] = -np.inf
    if len(scores) > length:
        edge = np.partition(scores, len(scores) - length)[len(scores) - length]
        candidates = np.flatnonzero(scores >= edge)
    else:
        candidates = np.arange(len(scores))
    candidates = candidates[scores[candidates] > -np.inf]
    order = np.lexsort((candidates, -popularity[candidates], -scores[candidates]))
    return candidates[order[:length]]
