"""Ranking metrics: lists and what was liked -> NDCG, recall, hit rate, coverage. Pure.

A user's relevant movies all count, also those that the model never saw; a user with relevant movies
and no list scores 0. NDCG: Jarvelin, Kekalainen, "Cumulated gain-based evaluation of IR
techniques", TOIS 2002, with gains of 0 and 1.
"""

from dataclasses import dataclass, field

import numpy as np

DISCOUNT = 1 / np.log2(np.arange(10) + 2)


@dataclass
class Tally:
    """Sums over judged users."""

    users: int = 0
    ndcg: float = 0.0
    recall_10: float = 0.0
    hits: float = 0.0
    recall_50: float = 0.0
    shown: set[int] = field(default_factory=set)

    def add(self, ranked: np.ndarray, liked: np.ndarray) -> None:
        """One user: the list, best first, and the relevant movies (at least one)."""
        hits = np.isin(ranked[:10], liked)
        depth = min(10, len(liked))
        self.users += 1
        self.ndcg += float((hits * DISCOUNT[: len(hits)]).sum() / DISCOUNT[:depth].sum())
        self.recall_10 += hits.sum() / depth
        self.hits += float(hits.any())
        self.recall_50 += np.isin(ranked[:50], liked).sum() / len(liked)
        self.shown.update(ranked[:10].tolist())

    def merge(self, other: "Tally") -> None:
        self.users += other.users
        self.ndcg += other.ndcg
        self.recall_10 += other.recall_10
        self.hits += other.hits
        self.recall_50 += other.recall_50
        self.shown |= other.shown

    def means(self, movies: int) -> dict[str, float]:
        """The metrics by name; `movies` is the size of the catalogue that coverage is a share
        of."""
        if self.users == 0:
            return {}
        return {
            "ndcg_at_10": self.ndcg / self.users,
            "recall_at_10": self.recall_10 / self.users,
            "hit_rate_at_10": self.hits / self.users,
            "recall_at_50": self.recall_50 / self.users,
            "coverage_at_10": len(self.shown) / movies,
        }
