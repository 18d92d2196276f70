"""Histories and models -> lists. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from .holdout import History


@dataclass(frozen=True)
class Ranked:
    """What an item-item model's lists are ranked by, beside it."""

    kind: str = "item_item"  # or "blend", "popularity"
    popularity_share: float = 0.0
    item_deviation: float = 1.0  # of xB, over all users and movies
    popularity_deviation: float = 1.0  # of likes, over all movies


def with_popularity(item: np.ndarray, popularity: np.ndarray, ranked: Ranked) -> np.ndarray:
    """In standard deviations of each user's; or of all users', with popularity: a thin history,
    which speaks for little, then counts for little."""
    if ranked.kind == "popularity":
        return np.tile(popularity, (len(item), 1)).astype(np.float32)
    if ranked.kind == "item_item":
        return standardised(item)
    scale = ranked.popularity_share / max(ranked.popularity_deviation, 1e-9)
    return item / np.float32(max(ranked.item_deviation, 1e-9)) + np.float32(scale) * popularity


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


@dataclass(frozen=True)
class Spread:
    """Sums over scores, from which their deviation comes."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: "Spread") -> "Spread":
        return Spread(
            self.count + other.count, self.total + other.total, self.squares + other.squares
        )

    def deviation(self) -> float:
        if self.count == 0:
            return 0.0
        return float(np.sqrt(max(0.0, self.squares / self.count - (self.total / self.count) ** 2)))


def spread_of(model: np.ndarray | sparse.csr_matrix, histories: Sequence[History]) -> Spread:
    """Of the scores of all these users and all movies."""
    found = rows_of(histories, model.shape[0]) @ model
    values = found.data if sparse.issparse(found) else found
    return Spread(
        len(histories) * model.shape[0],
        float(values.sum(dtype=np.float64)),
        float(np.square(values, dtype=np.float64).sum()),
    )


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
