"""Implicit ALS (Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM
2008) by Spark, and its factors as arrays."""

from dataclasses import dataclass

import numpy as np
from pyspark.ml.recommendation import ALS, ALSModel
from pyspark.sql import DataFrame

from .settings import Als


@dataclass(frozen=True)
class Factors:
    users: np.ndarray  # users x factors, float32; zero where a user had nothing to train on
    movies: np.ndarray  # movies x factors, float32; zero where nobody liked the movie
    model: ALSModel


def train_als(
    pairs: DataFrame, users: int, movies: int, settings: Als, seed: int
) -> Factors | None:
    """pairs: user int, movie int, value float > 0, both by place. None where there are none."""
    if pairs.isEmpty():
        return None
    als = ALS(
        rank=settings.factors,
        maxIter=settings.iterations,
        regParam=settings.regularisation,
        alpha=settings.alpha,
        implicitPrefs=True,
        seed=seed,
        userCol="user",
        itemCol="movie",
        ratingCol="value",
        intermediateStorageLevel="MEMORY_AND_DISK",
    )
    model = als.fit(rows)
    return Factors(
        users=as_array(model.userFactors, users, settings.factors),
        movies=as_array(model.itemFactors, movies, settings.factors),
        model=model,
    )


def as_array(factors: DataFrame, rows: int, rank: int) -> np.ndarray:
    """Spark's (id, features) as rows by id."""
    array = np.zeros((rows, rank), dtype=np.float32)
    table = factors.toArrow()
    values = table.column("features").combine_chunks().flatten().to_numpy().reshape(-1, rank)
    array[table.column("id").to_numpy()] = values
    return array
