"""Predicted ratings: biases, and Spark's explicit ALS on what they leave."""

from dataclasses import dataclass

import numpy as np
from pyspark.ml.recommendation import ALSModel
from pyspark.sql import DataFrame

from .als import as_array, fit_als
from .biases import Biases
from .settings import Ratings


@dataclass(frozen=True)
class RatingModel:
    biases: Biases
    user_factors: np.ndarray  # zero where nothing is known: the biases speak alone
    movie_factors: np.ndarray
    model: ALSModel | None

    def predict(self, users: np.ndarray, movies: np.ndarray) -> np.ndarray:
        """Stars, 0.5 to 5, of pairs by place."""
        b = self.biases
        products = np.einsum("ij,ij->i", self.user_factors[users], self.movie_factors[movies])
        return np.clip(b.mean + b.users[users] + b.movies[movies] + products, 0.5, 5.0)


def train_ratings(
    rows: DataFrame,
    ratings: int,
    biases: Biases,
    users: int,
    movies: int,
    settings: Ratings,
    seed: int,
) -> RatingModel:
    """rows: user int, movie int, value float, what the biases leave of each rating, by place."""
    empty = (np.zeros((users, 1), np.float32), np.zeros((movies, 1), np.float32))
    if ratings == 0:
        return RatingModel(biases, *empty, None)
    model = fit_als(rows, ratings, settings, seed)
    return RatingModel(
        biases,
        as_array(model.userFactors, users, settings.factors),
        as_array(model.itemFactors, movies, settings.factors),
        model,
    )
