"""Which of a history is held out, and what of that was liked. Pure."""

from dataclasses import dataclass

import numpy as np

from .settings import Holdout


@dataclass(frozen=True)
class History:
    """What one user did, in the order of time; arrays of equal length."""

    movies: np.ndarray  # places in the model's catalogue, int32
    weights: np.ndarray  # float32
    seen: np.ndarray  # bool
    ratings: np.ndarray  # float32, NaN where not rated
    times: np.ndarray  # int64, epoch ms

    def cut(self, start: int, end: int) -> "History":
        part = slice(start, end)
        return History(
            self.movies[part],
            self.weights[part],
            self.seen[part],
            self.ratings[part],
            self.times[part],
        )


def relevant(held_out: History, settings: Holdout) -> np.ndarray:
    """The held-out movies that the user liked: by the rating, or where there is none by the
    weight."""
    return held_out.movies[is_liked(held_out.ratings, held_out.weights, settings)]


def is_liked(ratings: np.ndarray, weights: np.ndarray, settings: Holdout) -> np.ndarray:
    return np.where(
        ~np.isnan(ratings),
        ratings >= settings.relevant_rating,
        weights >= settings.relevant_weight,
    )
