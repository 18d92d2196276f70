"""Biases of users and movies (Koren, "Factor in the Neighbors", TKDD 2010, section 2.1), and the
errors of predicted ratings. Pure."""

from dataclasses import dataclass

import numpy as np

from .settings import Ratings

#: Of the biases' turns; what changes after them is beyond the third digit.
SWEEPS = 10


@dataclass(frozen=True)
class Biases:
    mean: float
    users: np.ndarray  # float32, 0 for a user without ratings
    movies: np.ndarray


def fit_biases(
    user: np.ndarray,
    movie: np.ndarray,
    rating: np.ndarray,
    users: int,
    movies: int,
    settings: Ratings,
) -> Biases:
    """Damped means of movies and of users, by turns until they agree. Arrays: a rating each, by
    place."""
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


def errors(predicted: np.ndarray, rating: np.ndarray) -> dict[str, float]:
    """RMSE and MAE in stars; nothing is left out."""
    if len(rating) == 0:
        return {}
    off = predicted.astype(np.float64) - rating
    return {"rmse": float(np.sqrt(np.mean(off**2))), "mae": float(np.abs(off).mean())}
