"""Implicit ALS (Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM
2008) by Spark, and its factors as arrays."""

from dataclasses import dataclass

import numpy as np
from pyspark.ml.recommendation import ALS, ALSModel
from pyspark.sql import DataFrame

from .settings import Als, Ratings


@dataclass(frozen=True)
class Factors:
    users: np.ndarray  # users x factors, float32; zero where a user had nothing to train on
    movies: np.ndarray  # movies x factors, float32; zero where nobody liked the movie
    model: ALSModel


#: Pairs of one block of users or movies, by which Spark cuts the work.
BLOCK_PAIRS = 250_000


def blocks_of(pairs: int) -> int:
    """By the data alone: in how many blocks it is cut decides in which order floats are added."""
    return min(200, max(4, -(-pairs // BLOCK_PAIRS)))


def train_als(
    rows: DataFrame, pairs: int, users: int, movies: int, settings: Als, seed: int
) -> Factors:
    """rows: user int, movie int, value float > 0, both by place; `pairs` of them, at least one."""
    model = fit_als(rows, pairs, settings, seed, implicitPrefs=True, alpha=settings.alpha)
    return Factors(
        users=as_array(model.userFactors, users, settings.factors),
        movies=as_array(model.itemFactors, movies, settings.factors),
        model=model,
    )


def fit_als(rows: DataFrame, pairs: int, settings: Als | Ratings, seed: int, **more) -> ALSModel:
    """Spark's ALS; `more` are parameters of its own."""
    als = ALS(
        numUserBlocks=blocks_of(pairs),
        numItemBlocks=blocks_of(pairs),
        rank=settings.factors,
        maxIter=settings.iterations,
        regParam=settings.regularisation,
        seed=seed,
        userCol="user",
        itemCol="movie",
        ratingCol="value",
        intermediateStorageLevel="MEMORY_AND_DISK",
        **more,
    )
    return als.fit(rows)


def as_array(factors: DataFrame, rows: int, rank: int) -> np.ndarray:
    """Spark's (id, features) as rows by id."""
    array = np.zeros((rows, rank), dtype=np.float32)
    table = factors.toArrow()
    values = table.column("features").combine_chunks().flatten().to_numpy().reshape(-1, rank)
    array[table.column("id").to_numpy()] = values
    return array
