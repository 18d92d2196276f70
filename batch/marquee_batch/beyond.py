"""What lists are like beside being right: how even, how popular, how varied, how calibrated. Pure.

The formulas stand in the comments of model_performance_logs, whose columns have these names.
Calibration: Steck, "Calibrated Recommendations", RecSys 2018.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

#: Of p in q, so that a genre that a list lacks costs something finite (Steck's alpha).
SMOOTHING = 0.01
NAMES = ("popularity_lift_at_10", "novelty_at_10", "diversity_at_10", "miscalibration_at_10")


@dataclass(frozen=True)
class World:
    """What there is to recommend, as of training."""

    support: np.ndarray  # users of each movie
    genres: np.ndarray  # movies x genres, bool
    users: int

    @property
    def movies(self) -> int:
        return len(self.support)


def genres_of(movie_ids: np.ndarray, catalogue: Sequence[tuple]) -> np.ndarray:
    """Movies x genres. catalogue: (movie, genres, ...)."""
    names = sorted({name for _, genres, *_ in catalogue for name in genres})
    column = {name: at for at, name in enumerate(names)}
    place = {int(movie): at for at, movie in enumerate(movie_ids)}
    found = np.zeros((len(movie_ids), len(names)), dtype=bool)
    for movie, genres, *_ in catalogue:
        if movie in place:
            found[place[movie], [column[name] for name in genres]] = True
    return found


def of_list(
    world: World, first: np.ndarray, history: np.ndarray, liked: np.ndarray
) -> tuple[float, ...]:
    """NAMES of one list's first 10, in their order; NaN where there is nothing to say. history: the
    movies that the user knew; liked: those of them that they liked."""
    if len(first) == 0:
        return (np.nan,) * len(NAMES)
    support = world.support[first]
    before = world.support[history].mean() if len(history) else 0.0
    return (
        float(support.mean() / before) if before > 0 else np.nan,
        float(-np.log2(np.maximum(support, 1) / world.users).mean()),
        diversity(world.genres[first]),
        miscalibration(world.genres[liked], world.genres[first]),
    )


def diversity(genres: np.ndarray) -> float:
    """Mean over pairs of 1 - Jaccard of their genres."""
    known = genres[genres.any(axis=1)]
    pairs = list(combinations(range(len(known)), 2))
    if not pairs:
        return np.nan
    left, right = (known[list(places)] for places in zip(*pairs, strict=True))
    return float(1 - ((left & right).sum(axis=1) / (left | right).sum(axis=1)).mean())


def miscalibration(liked: np.ndarray, listed: np.ndarray) -> float:
    """KL divergence of the list's genres from those of what was liked, in nats."""
    p, q = shares(liked), shares(listed)
    if p is None or q is None:
        return np.nan
    q = (1 - SMOOTHING) * q + SMOOTHING * p
    there = p > 0
    return float((p[there] * np.log(p[there] / q[there])).sum())


def shares(genres: np.ndarray) -> np.ndarray | None:
    """Of each genre, every movie's 1 split evenly among its own."""
    known = genres[genres.any(axis=1)]
    if len(known) == 0:
        return None
    return (known / known.sum(axis=1, keepdims=True)).mean(axis=0)


def of_all(world: World, shown: Mapping[int, int], firsts: Mapping[int, int]) -> dict[str, float]:
    """Of all lists together: how often each movie was shown, and how often first."""
    places = sum(shown.values())
    if places == 0:
        return {}
    head = head_of(world.support)
    return {
        "gini_at_10": gini(Counter(shown), world.movies),
        "head_share_at_10": sum(n for movie, n in shown.items() if head[movie]) / places,
        "top_1_share": max(firsts.values()) / sum(firsts.values()),
    }


def gini(shown: Counter, movies: int) -> float:
    counts = np.zeros(movies)
    counts[: len(shown)] = list(shown.values())
    counts.sort()
    order = 2 * np.arange(1, movies + 1) - movies - 1
    return float((order * counts).sum() / (movies * counts.sum()))


def head_of(support: np.ndarray) -> np.ndarray:
    """The fewest movies, most users first and ties by place, that hold half of all pairs."""
    order = np.lexsort((np.arange(len(support)), -support))
    held = np.cumsum(support[order])
    count = int(np.searchsorted(held, held[-1] / 2)) + 1
    head = np.zeros(len(support), dtype=bool)
    head[order[:count]] = True
    return head
