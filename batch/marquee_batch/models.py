"""Trains the models of a run, or of a cut of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.ml.recommendation import ALSModel
from pyspark.sql import SparkSession
from scipy import sparse

from .biases import errors, fit_biases, residuals
from .dataset import Dataset, popularity, sample
from .errors import BatchError
from .judging import item_deviation
from .ranker import Files, Variant
from .ranking import Ranked
from .ratings import RatingModel, train_ratings
from .reading import Gathered
from .settings import Settings
from .thin import Choice
from .training import (
    ItemModels,
    save_matrix,
    scaled,
    train_factors,
    train_item_item,
    train_next,
)


@dataclass(frozen=True)
class Ranking:
    """The models that rank: in files for tasks, by the ways to use them."""

    files: Files
    variants: dict[str, Variant]
    items: ItemModels
    als: ALSModel


@dataclass(frozen=True)
class Trained:
    """The models of a whole run."""

    ranking: Ranking
    lists: Variant  # by which lists are made
    live: Ranked  # by which live lists are, beside the order of actions
    neighbours: sparse.csr_matrix
    next: sparse.csr_matrix  # rows speak for columns
    popularity: np.ndarray  # users who liked each movie
    ratings: RatingModel


@dataclass(frozen=True)
class Trainer:
    spark: SparkSession
    settings: Settings
    seed: int
    told: Callable[[str], None]  # is told each part as it begins

    def train(self, found: Gathered, folder: Path, choice: Choice) -> Trained:
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
        gone = found.withdrawn_places()
        ranking = self.train_ranking(data, matrix, folder, gone, choice.factor)
        if ranking.items.gram is not None:
            ranking.items.gram.unlink()
        following = self.train_next(ranking.files, 0.0)
        users = sample(data, self.seed)
        return Trained(
            ranking,
            lists=self.variant(choice, ranking, users),
            live=self.ranked(choice, ranking.items.cut, ranking, users),
            neighbours=sparse.load_npz(ranking.items.cut),
            next=following,
            popularity=popularity(matrix),
            ratings=ratings,
        )

    def variant(self, choice: Choice, ranking: Ranking, users: np.ndarray) -> Variant:
        """How lists are ranked: as the settings say, but for popularity or a blend with it."""
        if choice.kind == "item_item":
            return ranking.variants[self.settings.lists.ranker]
        if choice.kind == "popularity":
            return ranking.variants["popularity"]
        full = ranking.items.full
        return Variant(item=full.name, ranked=self.ranked(choice, full, ranking, users))

    def ranked(
        self, choice: Choice, model: Path, ranking: Ranking, users: np.ndarray, held_out: float = 0
    ) -> Ranked:
        """With the deviations of an item-item model's scores of these users, and of popularity."""
        files = ranking.files
        return Ranked(
            kind=choice.kind,
            popularity_share=choice.share,
            item_deviation=item_deviation(self.spark, files, model, held_out, users),
            popularity_deviation=float(np.load(files.popularity).std(dtype=np.float64)),
        )

    def train_ranking(
        self,
        data: Dataset,
        matrix: sparse.csr_matrix,
        folder: Path,
        withdrawn: np.ndarray,
        factor: float = 1.0,
    ) -> Ranking:
        """factor: times the item-item model's regularisation. X'X is for the caller to remove."""
        x = save_matrix(folder, "x", matrix)
        settings = scaled(self.settings.item_item, factor)
        items = train_item_item(self.spark, x, matrix.shape[1], settings, self.told)
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
            "popularity": Variant(ranked=Ranked("popularity")),
        }
        return Ranking(files, variants, items, factors.model)

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
