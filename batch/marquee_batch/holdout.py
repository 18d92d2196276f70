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

    def cut(self, start: int, end: int) -> "History":
        part = slice(start, end)
        return History(self.movies[part], self.weights[part], self.seen[part], self.ratings[part])


def relevant(held_out: History, settings: Holdout) -> np.ndarray:
    """The held-out movies that the user liked: by the rating, or where there is none by the
    weight."""
    rated = ~np.isnan(held_out.ratings)
    liked = np.where(
        rated,
        held_out.ratings >= settings.relevant_rating,
        held_out.weights >= settings.relevant_weight,
    )
    return held_out.movies[liked]
