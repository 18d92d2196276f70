"""Trains the models of a run, and judges those of a cut of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.ml.recommendation import ALSModel
from pyspark.sql import SparkSession
from scipy import sparse

from .biases import errors, fit_biases, residuals
from .dataset import Dataset, popularity, sample, users_to_judge
from .errors import BatchError
from .judging import Files, Variant, judge
from .ranking import deviation
from .ratings import RatingModel, train_ratings
from .reading import Gathered
from .settings import Settings
from .training import save_matrix, train_factors, train_item_item, train_next


@dataclass(frozen=True)
class Ranking:
    """The models that rank: in files for tasks, by the ways to use them."""

    files: Files
    variants: dict[str, Variant]
    als: ALSModel


@dataclass(frozen=True)
class Trained:
    """The models of a whole run."""

    ranking: Ranking
    neighbours: sparse.csr_matrix
    next: sparse.csr_matrix  # rows speak for columns
    popularity: np.ndarray  # users who liked each movie
    item_deviation: float  # of what the neighbours score, over users and movies
    ratings: RatingModel


@dataclass(frozen=True)
class Trainer:
    spark: SparkSession
    settings: Settings
    seed: int
    told: Callable[[str], None]  # is told each part as it begins

    def train(self, found: Gathered, folder: Path) -> Trained:
        data = found.data
        folder.mkdir()
        matrix = data.matrix(np.ones(len(data.movies), dtype=bool))
        if matrix.nnz == 0:
            raise BatchError(
                "MARQUEE_BATCH_EMPTY",
                "nobody liked anything: every pair of user and movie weighs 0 by [weights] of the "
                "settings",
            )
        ratings = self.train_ratings(data, ~np.isnan(data.ratings))
        ranking = self.train_ranking(data, matrix, folder, found.withdrawn_places())
        cut = sparse.load_npz(folder / str(ranking.variants["neighbours"].item))
        return Trained(
            ranking,
            cut,
            self.train_next(ranking.files, 0.0),
            popularity(matrix),
            deviation(cut, sample(data, self.seed)),
            ratings,
        )

    def judge(self, data: Dataset, folder: Path) -> dict[str, Any]:
        """Trains on what is not held out, and holds each algorithm against the rest."""
        folder.mkdir()
        holdout = self.settings.holdout
        held = data.held_out(holdout.share)
        ratings = self.judge_ratings(data, held)
        users = users_to_judge(data, holdout, self.seed)
        matrix = data.matrix(~held)
        if len(users) == 0 or matrix.nnz == 0:
            return {"users": 0, "metrics": {}, "ratings": ratings}
        ranking = self.train_ranking(data, matrix, folder, np.zeros(0, np.int32))
        self.told("ranking")
        length = self.settings.lists.length
        tallies = judge(self.spark, ranking.files, ranking.variants, users, holdout, length)
        return {
            "users": len(users),
            "metrics": {name: tally.means(len(data.movie_ids)) for name, tally in tallies.items()},
            "ratings": ratings,
        }

    def train_ranking(
        self, data: Dataset, matrix: sparse.csr_matrix, folder: Path, withdrawn: np.ndarray
    ) -> Ranking:
        x = save_matrix(folder, "x", matrix)
        items = train_item_item(self.spark, x, matrix.shape[1], self.settings.item_item, self.told)
        self.told("ALS")
        factors = train_factors(self.spark, matrix, self.settings.als, self.seed)
        arrays = {
            "user_factors": factors.users,
            "item_factors": factors.movies,
            "popularity": popularity(matrix),
            "withdrawn": withdrawn,
        }
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
        files = Files(
            dataset=data.save(folder),
            items=sorted({items.full, items.cut}),
            **{name: folder / f"{name}.npy" for name in arrays},
        )
        variants = {
            "blend": Variant(item=items.full.name, als=self.settings.blend.als),
            "item_item": Variant(item=items.full.name),
            "neighbours": Variant(item=items.cut.name),
            "als": Variant(als=1.0),
            "popularity": Variant(),
        }
        return Ranking(files, variants, factors.model)

    def train_next(self, files: Files, held_out: float) -> sparse.csr_matrix:
        self.told("what comes next")
        return train_next(self.spark, files.dataset, held_out, self.settings.next)

    def judge_ratings(self, data: Dataset, held: np.ndarray) -> dict[str, float]:
        rated = ~np.isnan(data.ratings)
        test = rated & held
        if not test.any() or not (rated & ~held).any():
            return {}
        model = self.train_ratings(data, rated & ~held)
        predicted = model.predict(data.user_of_pair()[test], data.movies[test])
        return errors(predicted, data.ratings[test])

    def train_ratings(self, data: Dataset, kept: np.ndarray) -> RatingModel:
        self.told("ratings")
        users, movies, stars = data.user_of_pair()[kept], data.movies[kept], data.ratings[kept]
        settings, shape = self.settings.ratings, (data.users, len(data.movie_ids))
        biases = fit_biases(users, movies, stars, *shape, settings)
        left = residuals(users, movies, stars, biases)
        rows = self.spark.createDataFrame(pa.table({"user": users, "movie": movies, "value": left}))
        return train_ratings(rows, len(stars), biases, *shape, settings, self.seed)
