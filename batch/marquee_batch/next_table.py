"""What comes next: of each movie, the movies that its users did something with soon after. Pure.

    T_ab = sum over users, and over gaps g = 1 .. gaps_max between places of a and b in their
           sequence, of 0.5^((g - 1) / gap_half_life) exp(-(t_b - t_a) / decay_days)
    N_ab = T_ab / ((n_a + damping)^from_power (n_b + damping)^to_power),   n: users of the movie

cut to the strongest few of each a; ties by place.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from .dataset import Dataset
from .settings import Next

DAY_MS = 86_400_000
#: Entries of T that are added up at once: what bounds the memory, whatever the data.
ENTRIES_AT_ONCE = 2_000_000
#: Pairs that are looked through at once.
PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Sequences:
    """What each user did, less the last share: no copies, so that the pairs stay on disk."""

    data: Dataset
    stops: np.ndarray  # where each user's sequence ends
    support: np.ndarray  # users of each movie


def sequences(data: Dataset, held_out: float) -> Sequences:
    stops, movies = data.train_ends(held_out), len(data.movie_ids)
    support = np.zeros(movies, dtype=np.int64)
    for start in range(0, len(data.movies), PAIRS_AT_ONCE):
        pairs = np.arange(start, min(start + PAIRS_AT_ONCE, len(data.movies)))
        kept = pairs < stops[users_of(data, pairs)]
        support += np.bincount(data.movies[pairs[kept]], minlength=movies)
    return Sequences(data, stops, support)


def users_of(data: Dataset, pairs: np.ndarray) -> np.ndarray:
    return np.searchsorted(data.indptr, pairs, side="right") - 1


def pairs_of(found: Sequences, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of the movies [start, end), and where their sequences end."""
    own = []
    for at in range(0, len(found.data.movies), PAIRS_AT_ONCE):
        movies = found.data.movies[at : at + PAIRS_AT_ONCE]
        own.append(at + np.flatnonzero((movies >= start) & (movies < end)))
    pairs = np.concatenate([*own, np.zeros(0, np.int64)])
    ends = found.stops[users_of(found.data, pairs)]
    return pairs[pairs < ends], ends[pairs < ends]


def block_rows(movies: int) -> int:
    """Movies whose rows of T are in memory at once: by the data alone."""
    return max(1, min(1024, ENTRIES_AT_ONCE // max(1, movies)))


def next_block(
    found: Sequences, start: int, end: int, settings: Next
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows [start, end) of N: (movie, next movie, weight), one entry each, by movie and place."""
    count = len(found.support)
    rows = count_block(found, start, end, settings)
    from_power, to_power = settings.from_power, settings.to_power
    damped = found.support + settings.damping
    rows /= damped[start:end, np.newaxis] ** from_power
    rows /= damped[np.newaxis, :] ** to_power
    # A movie is not what comes after itself; it can't be, with one pair a user and movie.
    near = [strongest(row, settings.movies) for row in rows]
    movies = np.repeat(np.arange(start, end), [len(places) for places in near])
    places = np.concatenate([*near, np.zeros(0, np.int64)])
    weights = rows.reshape(-1)[(movies - start) * count + places]
    return movies, places, weights.astype(np.float32)


def count_block(found: Sequences, start: int, end: int, settings: Next) -> np.ndarray:
    """Rows [start, end) of T, dense."""
    count = len(found.support)
    size = (end - start) * count
    total = np.zeros(size)
    movies, times = found.data.movies, found.data.times
    own, stops = pairs_of(found, start, end)
    chunk = max(1, ENTRIES_AT_ONCE // settings.gaps_max)
    for at in range(0, len(own), chunk):
        part, ends = own[at : at + chunk], stops[at : at + chunk]
        keys, values = [], []
        for gap in range(1, settings.gaps_max + 1):
            there = part + gap < ends
            part, ends = part[there], ends[there]
            if len(part) == 0:
                break
            later = part + gap
            apart = (times[later] - times[part]) / (settings.decay_days * DAY_MS)
            keys.append((movies[part] - start).astype(np.int64) * count + movies[later])
            values.append(np.exp(-apart) * 0.5 ** ((gap - 1) / settings.gap_half_life))
        if keys:
            total += np.bincount(np.concatenate(keys), np.concatenate(values), size)
    return total.reshape(end - start, count)


def strongest(row: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` largest entries above 0, ascending; ties by place."""
    places = np.flatnonzero(row > 0)
    if len(places) > count:
        best = np.lexsort((places, -row[places]))[:count]
        places = np.sort(places[best])
    return places


def as_matrix(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]], movies: int):
    """Blocks put together: movies x movies, rows speak for columns."""
    rows, places, weights = (np.concatenate(p) for p in zip(*parts, strict=True))
    return sparse.csr_matrix((weights, (rows, places)), shape=(movies, movies), dtype=np.float32)
