"""The item-item models of a run in one process, without Spark: for worlds that are small."""

from dataclasses import replace
from functools import cached_property

import numpy as np
from scipy import sparse

from marquee_batch.cases import Case, at_cut, cases_of
from marquee_batch.dataset import Dataset, popularity, sample
from marquee_batch.item_item import column_norms, ease, sparse_block
from marquee_batch.live_scores import live_scores
from marquee_batch.metrics import ndcg_at_10
from marquee_batch.next_table import as_matrix, block_rows, next_block, sequences
from marquee_batch.ranking import Ranked, rows_of, spread_of, top, with_popularity
from marquee_batch.settings import Settings
from marquee_batch.thin import SHARES, Choice, search


class LocalModels:
    """Of all pairs but each user's last share."""

    def __init__(self, data: Dataset, held_out: float, settings: Settings, seed: int) -> None:
        self.data, self.held_out, self.settings, self.seed = data, held_out, settings, seed
        self.x = data.matrix(~data.held_out(held_out))
        self.popularity = popularity(self.x)

    @cached_property
    def gram(self) -> np.ndarray:
        return (self.x.T @ self.x).astype(np.float32).toarray()

    @cached_property
    def next(self) -> sparse.csr_matrix:
        found, movies = sequences(self.data, self.held_out), len(self.data.movie_ids)
        size = block_rows(movies)
        return as_matrix(
            [
                next_block(found, start, min(start + size, movies), self.settings.next)
                for start in range(0, movies, size)
            ],
            movies,
        )

    def full(self, factor: float) -> np.ndarray:
        return ease(self.gram.copy(), self.settings.item_item.regularisation * factor)

    def neighbours(self, factor: float) -> sparse.csr_matrix:
        settings, gram = self.settings.item_item, self.gram
        near, movie, weight = sparse_block(
            gram,
            0,
            column_norms(self.x.tocsc()),
            lambda chosen: gram[chosen[:, np.newaxis], chosen],
            neighbours=settings.neighbours,
            regularisation=settings.neighbour_regularisation * factor,
            positive=settings.sign == "positive",
        )
        return sparse.csr_matrix((weight, (near, movie)), shape=gram.shape, dtype=np.float32)

    def ranked(self, choice: Choice, model) -> Ranked:
        known = self.data.known(sample(self.data, self.seed), self.held_out)
        return Ranked(
            kind=choice.kind,
            popularity_share=choice.share,
            item_deviation=spread_of(model, known).deviation(),
            popularity_deviation=float(self.popularity.std(dtype=np.float64)),
        )

    def nightly(self, choice: Choice, model, cases: list[Case]) -> np.ndarray:
        """NDCG@10 of each case."""
        ranked = self.ranked(choice, model)
        item = rows_of([case.history for case in cases], len(self.popularity)) @ model
        item = item.toarray() if sparse.issparse(item) else item
        return self.ndcg(with_popularity(item, self.popularity, ranked), cases)

    def live(self, choice: Choice, cases: list[Case]) -> np.ndarray:
        model = self.neighbours(choice.factor)
        ranked = self.ranked(choice, model)
        order = self.settings.order
        return self.ndcg(
            live_scores(model, self.next, self.popularity, cases, order, ranked), cases
        )

    def ndcg(self, scores: np.ndarray, cases: list[Case]) -> np.ndarray:
        """Of each case; scores are used up."""
        lists = (
            top(row, case.history.movies, self.popularity, 10)
            for row, case in zip(scores, cases, strict=True)
        )
        return np.array(
            [ndcg_at_10(one, case.liked) for one, case in zip(lists, cases, strict=True)]
        )


def chosen(data: Dataset, settings: Settings, seed: int) -> tuple[Choice, str]:
    """What a run would publish, judged on its own cut; and what it was judged by."""
    cases = cases_of(data, at_cut(data, settings.holdout, seed), settings.holdout)
    models = LocalModels(data, settings.holdout.share, settings, seed)
    if not cases or models.x.nnz == 0:
        return Choice("popularity"), "nobody to judge"
    popular = models.nightly(Choice("popularity"), sparse.csr_matrix(models.gram.shape), cases)
    full = models.full(1.0)
    default = models.nightly(Choice("item_item"), full, cases)

    def measure(factor: float) -> dict[tuple[float, float], np.ndarray]:
        model = full if factor == 1.0 else models.full(factor)
        return {
            (factor, share): models.nightly(Choice("blend", factor, share), model, cases)
            for share in SHARES
        }

    choice = search(default, popular, measure)
    live = models.live(choice, cases).mean()
    figures = f"{default.mean():.4f} {popular.mean():.4f} live {live:.4f}"
    if choice.kind != "popularity" and live < popular.mean():
        return replace(choice, kind="popularity", share=0.0), f"{figures}, refused"
    return choice, figures
