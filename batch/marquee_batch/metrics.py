"""Ranking metrics: lists and what was liked -> NDCG, recall, hit rate, coverage. Pure.

A user's relevant movies all count, also those that the model never saw; a user with relevant movies
and no list scores 0. NDCG: Jarvelin, Kekalainen, "Cumulated gain-based evaluation of IR
techniques", TOIS 2002, with gains of 0 and 1.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from . import beyond
from .beyond import World
from .holdout import History

DISCOUNT = 1 / np.log2(np.arange(10) + 2)


def ndcg_at_10(ranked: np.ndarray, liked: np.ndarray) -> float:
    """Of a list, best first, and the relevant movies (at least one)."""
    hits = np.isin(ranked[:10], liked)
    ideal = DISCOUNT[: min(10, len(liked))].sum()
    return float((hits * DISCOUNT[: len(hits)]).sum() / ideal)


@dataclass
class Tally:
    """Of judged users."""

    ndcg: list[float] = field(default_factory=list)  # of each, in the order of the cases
    recall_10: float = 0.0
    hits: float = 0.0
    recall_50: float = 0.0
    shown: Counter[int] = field(default_factory=Counter)  # movies in the first 10
    firsts: Counter[int] = field(default_factory=Counter)
    lists: list[tuple[float, ...]] = field(default_factory=list)  # beyond.NAMES of each

    @property
    def users(self) -> int:
        return len(self.ndcg)

    def add(self, ranked: np.ndarray, liked: np.ndarray) -> None:
        """One user: the list, best first, and the relevant movies (at least one)."""
        first = ranked[:10]
        found = np.isin(first, liked).sum()
        self.ndcg.append(ndcg_at_10(ranked, liked))
        self.recall_10 += found / min(10, len(liked))
        self.hits += float(found > 0)
        self.recall_50 += np.isin(ranked[:50], liked).sum() / len(liked)
        self.shown.update(first.tolist())
        self.firsts.update(first[:1].tolist())

    def describe(
        self, world: World, ranked: np.ndarray, history: History, liked: np.ndarray
    ) -> None:
        """What the list is like beside being right; liked: of the history."""
        self.lists.append(beyond.of_list(world, ranked[:10], history.movies, liked))

    def merge(self, other: "Tally") -> None:
        self.ndcg += other.ndcg
        self.recall_10 += other.recall_10
        self.hits += other.hits
        self.recall_50 += other.recall_50
        self.shown += other.shown
        self.firsts += other.firsts
        self.lists += other.lists

    def means(self, movies: int, world: World | None = None) -> dict[str, float]:
        """The metrics by name; `movies` is the size of the catalogue that coverage is a share
        of. With `world` also those of beyond.py that there is something to say of."""
        if self.users == 0:
            return {}
        figures = {
            "ndcg_at_10": float(np.mean(self.ndcg)),
            "recall_at_10": self.recall_10 / self.users,
            "hit_rate_at_10": self.hits / self.users,
            "recall_at_50": self.recall_50 / self.users,
            "coverage_at_10": len(self.shown) / movies,
        }
        if world is None:
            return figures
        columns = np.array(self.lists).reshape(-1, len(beyond.NAMES)).T
        for name, column in zip(beyond.NAMES, columns, strict=True):
            if not np.isnan(column).all():
                figures[name] = float(np.nanmean(column))
        return {**figures, **beyond.of_all(world, self.shown, self.firsts)}
