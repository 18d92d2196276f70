"""All pairs as arrays that tasks map into memory: 21 bytes a pair, one copy a machine. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy import sparse

from .holdout import History, is_liked
from .settings import Holdout

#: Users enough to know how far scores spread.
SAMPLE = 1_000
ARRAYS = ("indptr", "movies", "weights", "seen", "ratings", "times")


@dataclass(frozen=True)
class Dataset:
    """Users and movies go by their places. A user's pairs stand in the order of time and movie."""

    movie_ids: np.ndarray  # int64, ascending: a movie's place is where it stands
    indptr: np.ndarray  # int64, users + 1: a user's pairs are [indptr[u], indptr[u + 1])
    movies: np.ndarray  # int32
    weights: np.ndarray  # float32
    seen: np.ndarray  # bool
    ratings: np.ndarray  # float32, NaN where not rated
    times: np.ndarray  # int64, epoch ms of the last action

    @property
    def users(self) -> int:
        return len(self.indptr) - 1

    @staticmethod
    def of(histories: pa.Table) -> "Dataset":
        """From HISTORIES, users in their order."""

        def flat(name: str) -> np.ndarray:
            column = histories.column(name).combine_chunks()
            values = (
                column.values if isinstance(column, pa.ListArray) else pa.array([], pa.float32())
            )
            return values.to_numpy(zero_copy_only=False)

        lengths = histories.column("movie_ids").combine_chunks().value_lengths().to_numpy()
        movie_ids, places = np.unique(flat("movie_ids"), return_inverse=True)
        return Dataset(
            movie_ids=movie_ids.astype(np.int64),
            indptr=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
            movies=places.astype(np.int32),
            weights=flat("weights").astype(np.float32),
            seen=flat("seen").astype(bool),
            ratings=flat("ratings").astype(np.float32),
            times=flat("times").astype(np.int64),
        )

    def user_of_pair(self) -> np.ndarray:
        return np.repeat(np.arange(self.users, dtype=np.int32), np.diff(self.indptr))

    def train_ends(self, share: float) -> np.ndarray:
        """Where each user's held-out pairs begin when `share` is held out (0: nothing is)."""
        return self.indptr[:-1] + np.rint(np.diff(self.indptr) * (1 - share)).astype(np.int64)

    def held_out(self, share: float) -> np.ndarray:
        """Which pairs are held out."""
        return np.arange(len(self.movies)) >= np.repeat(
            self.train_ends(share), np.diff(self.indptr)
        )

    def matrix(self, kept: np.ndarray) -> sparse.csr_matrix:
        """Weights above 0 of the kept pairs, users x movies, float32."""
        kept = kept & (self.weights > 0)
        return sparse.csr_matrix(
            (self.weights[kept], (self.user_of_pair()[kept], self.movies[kept])),
            shape=(self.users, len(self.movie_ids)),
            dtype=np.float32,
        )

    def histories(self, start: int, end: int) -> Iterator[History]:
        for user in range(start, end):
            part = slice(self.indptr[user], self.indptr[user + 1])
            yield History(
                self.movies[part],
                self.weights[part],
                self.seen[part],
                self.ratings[part],
                self.times[part],
            )

    def known(self, users: np.ndarray, held_out: float) -> list[History]:
        """Their histories less the last share."""
        counts = (self.train_ends(held_out) - self.indptr[:-1])[users]
        return [
            next(self.histories(user, user + 1)).cut(0, count)
            for user, count in zip(users, counts, strict=True)
        ]

    def save(self, folder: Path) -> list[Path]:
        names = ("movie_ids", *ARRAYS)
        for name in names:
            np.save(folder / f"{name}.npy", getattr(self, name))
        return [folder / f"{name}.npy" for name in names]

    @staticmethod
    def load(place: "callable") -> "Dataset":
        """`place` gives the path of a file by its name; the arrays stay on disk until they are
        read."""
        names = ("movie_ids", *ARRAYS)
        return Dataset(*(np.load(place(f"{name}.npy"), mmap_mode="r") for name in names))


def popularity(matrix: sparse.csr_matrix) -> np.ndarray:
    """How many users liked each movie, float32."""
    return np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.float32)


def sample(dataset: Dataset, seed: int) -> np.ndarray:
    """Users chosen by seed, or all where there are few."""
    users = np.arange(dataset.users)
    if len(users) > SAMPLE:
        users = np.sort(np.random.default_rng(seed).choice(users, SAMPLE, replace=False))
    return users


def users_to_judge(dataset: Dataset, holdout: Holdout, seed: int) -> np.ndarray:
    """Users with a held-out movie that they liked; at most users_max, chosen by seed, ascending."""
    held = dataset.held_out(holdout.share)
    liked = is_liked(dataset.ratings, dataset.weights, holdout)
    users = np.unique(dataset.user_of_pair()[held & liked])
    if len(users) > holdout.users_max:
        users = np.sort(np.random.default_rng(seed).choice(users, holdout.users_max, replace=False))
    return users
