"""Thin worlds: MovieLens with few actions a user left, and generated users who liked few movies. Of
each a train part and a test part, as Datasets over the movies of the train part. Pure numpy."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marquee_batch.dataset import Dataset

HOUR_MS = 3_600_000
#: How much more users come to movies of their genres.
TASTE = 12.0


@dataclass(frozen=True)
class World:
    name: str
    train: Dataset
    test: list[np.ndarray]  # places of what each user liked later
    lost: np.ndarray  # how many more each user liked, that nobody in train knows
    next_ms: np.ndarray  # when the user came next


@dataclass(frozen=True)
class Actions:
    """Ratings in the order of user, time and movie."""

    user: np.ndarray  # from 0, none missing
    movie: np.ndarray
    stars: np.ndarray
    time_ms: np.ndarray

    def only(self, kept: np.ndarray) -> "Actions":
        return Actions(self.user[kept], self.movie[kept], self.stars[kept], self.time_ms[kept])


def read_movielens(folder: Path) -> Actions:
    lines = np.loadtxt(folder / "ratings.csv", delimiter=",", skiprows=1)
    lines = lines[np.lexsort((lines[:, 1], lines[:, 3], lines[:, 0]))]
    return Actions(
        np.unique(lines[:, 0], return_inverse=True)[1],
        lines[:, 1].astype(np.int64),
        lines[:, 2].astype(np.float32),
        (lines[:, 3] * 1000).astype(np.int64),
    )


def dataset_of(actions: Actions) -> Dataset:
    """Weights as batch/settings.toml has them for ratings."""
    movie_ids, places = np.unique(actions.movie, return_inverse=True)
    counts = np.bincount(actions.user)
    stars = actions.stars
    return Dataset(
        movie_ids=movie_ids,
        indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        movies=places.astype(np.int32),
        weights=np.where(stars <= 2, 0, 2 * (stars - 2)).astype(np.float32),
        seen=np.ones(len(stars), dtype=bool),
        ratings=stars,
        times=actions.time_ms,
    )


def world_of(name: str, train: Actions, test: Actions, users: int) -> World:
    data = dataset_of(train)
    liked = test.only(test.stars >= 4)
    places = np.searchsorted(data.movie_ids, liked.movie)
    known = np.isin(liked.movie, data.movie_ids)
    next_ms = np.full(users, np.iinfo(np.int64).max)
    np.minimum.at(next_ms, test.user, test.time_ms)
    return World(
        name,
        data,
        [places[known & (liked.user == user)] for user in range(users)],
        np.bincount(liked.user[~known], minlength=users),
        next_ms,
    )


def split(actions: Actions, share: float) -> np.ndarray:
    """Which actions are of each user's first share, as the protocol splits."""
    counts = np.bincount(actions.user)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    ends = starts + np.rint(counts * share).astype(np.int64)
    return np.arange(len(actions.user)) < ends[actions.user]


def thinned(actions: Actions, left: int, seed: int) -> World:
    """Of each user's first 80 % as many actions as are to be left, by chance; the test part is
    whole."""
    first = split(actions, 0.8)
    train = actions.only(first)
    draw = np.random.default_rng(seed).random(len(train.user))
    order = np.lexsort((draw, train.user))
    starts = np.concatenate([[0], np.cumsum(np.bincount(train.user))[:-1]])
    place = np.arange(len(order)) - starts[train.user[order]]
    kept = np.zeros(len(order), dtype=bool)
    kept[order[place < left]] = True
    users = int(actions.user.max()) + 1
    name = f"MovieLens, {left} actions a user, seed {seed}"
    return world_of(name, train.only(kept), actions.only(~first), users)


def generated(liked: float, seed: int, users: int = 4_000, movies: int = 1_500) -> World:
    """Users with a taste for two of twenty genres, who come to movies by popularity and taste, and
    like about `liked` of them before the cut and three after it."""
    chance = np.random.default_rng(seed)
    genres, popular = chance.integers(0, 20, movies), 1 / np.arange(1, movies + 1) ** 0.7
    tastes = chance.integers(0, 20, (users, 2))
    rows = []
    for user in range(users):
        pull = popular * np.where(np.isin(genres, tastes[user]), TASTE, 1.0)
        before = 1 + chance.poisson(max(0.0, liked / 0.75 - 1))
        picked = chance.choice(movies, before + 4, replace=False, p=pull / pull.sum())
        fits = np.isin(genres[picked], tastes[user])
        stars = np.where(chance.random(len(picked)) < np.where(fits, 0.9, 0.65), 4.0, 3.0)
        gaps = np.where(chance.random(len(picked)) < 0.7, 60_000, 30 * HOUR_MS).cumsum()
        part = np.arange(len(picked)) < before
        rows.append(np.column_stack([np.full(len(picked), user), picked, stars, gaps, part]))
    table = np.concatenate(rows)
    actions = Actions(
        table[:, 0].astype(np.int64),
        table[:, 1].astype(np.int64),
        table[:, 2].astype(np.float32),
        table[:, 3].astype(np.int64),
    )
    before = table[:, 4] == 1
    name = f"generated, {liked:g} liked a user, seed {seed}"
    return world_of(name, actions.only(before), actions.only(~before), users)
