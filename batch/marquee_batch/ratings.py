"""Predicted ratings: biases (Koren, "Factor in the Neighbors", TKDD 2010, section 2.1) and Spark's
explicit ALS on what they leave."""

from dataclasses import dataclass

import numpy as np
from pyspark.ml.recommendation import ALSModel
from pyspark.sql import DataFrame

from .als import as_array, fit_als
from .settings import Ratings

#: Of the biases' turns; what changes after them is beyond the third digit.
SWEEPS = 10


@dataclass(frozen=True)
class Biases:
    mean: float
    users: np.ndarray  # float32, 0 for a user without ratings
    movies: np.ndarray


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


def fit_biases(
    user: np.ndarray,
    movie: np.ndarray,
    rating: np.ndarray,
    users: int,
    movies: int,
    settings: Ratings,
) -> Biases:
    """Damped means of movies and of users, by turns until they agree. Arrays: a rating each, by place."""
    by_movie, by_user = np.zeros(movies), np.zeros(users)
    if len(rating) == 0:
        return Biases(0.0, by_user.astype(np.float32), by_movie.astype(np.float32))
    mean = float(rating.mean(dtype=np.float64))
    off = rating.astype(np.float64) - mean
    movie_counts = np.bincount(movie, minlength=movies) + settings.movie_damping
    user_counts = np.bincount(user, minlength=users) + settings.user_damping
    for _ in range(SWEEPS):
        by_movie = np.bincount(movie, off - by_user[user], movies) / movie_counts
        by_user = np.bincount(user, off - by_movie[movie], users) / user_counts
    return Biases(mean, by_user.astype(np.float32), by_movie.astype(np.float32))


def residuals(
    user: np.ndarray, movie: np.ndarray, rating: np.ndarray, biases: Biases
) -> np.ndarray:
    return (rating - biases.mean - biases.users[user] - biases.movies[movie]).astype(np.float32)


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


def errors(predicted: np.ndarray, rating: np.ndarray) -> dict[str, float]:
    """RMSE and MAE in stars; nothing is left out."""
    if len(rating) == 0:
        return {}
    off = predicted.astype(np.float64) - rating
    return {"rmse": float(np.sqrt(np.mean(off**2))), "mae": float(np.abs(off).mean())}
