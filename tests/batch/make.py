"""Events and histories for the tests."""

import uuid

import numpy as np
import pyarrow as pa

from marquee_batch.dataset import Dataset
from marquee_batch.history import CODE, EVENTS, HISTORIES, fold
from marquee_batch.settings import Settings, load_settings

SETTINGS = load_settings()
DAY_MS = 86_400_000


def uuid7(ms: int, tail: int = 0) -> bytes:
    """A UUIDv7 of a time; `tail` is its random part."""
    return uuid.UUID(int=(ms << 80) | (7 << 76) | (2 << 62) | tail).bytes


def event(user, movie, action, ms, value=None, *, tail=0, source=0, partition=0, offset=0) -> dict:
    return {
        "event_id": uuid7(ms, tail),
        "user_id": user,
        "movie_id": movie,
        "action": CODE[action],
        "value": value,
        "source": source,
        "partition": partition,
        "offset": offset,
    }


def events(*rows: dict) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=EVENTS)


def folded(
    *rows: dict, settings: Settings = SETTINGS, newest_ms: int = 0
) -> dict[str, dict[int, dict]]:
    """user -> movie -> what the history has of it."""
    table = fold(events(*rows), settings, newest_ms)
    assert table.schema == HISTORIES
    found: dict[str, dict[int, dict]] = {}
    for line in table.to_pylist():
        lists = zip(
            line["movie_ids"],
            line["weights"],
            line["seen"],
            line["ratings"],
            line["times"],
            strict=True,
        )
        found[line["user_id"]] = {
            m: {"weight": w, "seen": s, "rating": r, "time": t} for m, w, s, r, t in lists
        }
    return found


def dataset(rows: list[list[tuple[int, float]]]) -> Dataset:
    """A rating a pair: for each user (movie, stars) in the order of time."""
    stars = np.array([s for user in rows for _, s in user], dtype=np.float32)
    movie_ids, places = np.unique([m for user in rows for m, _ in user], return_inverse=True)
    return Dataset(
        movie_ids=movie_ids.astype(np.int64),
        indptr=np.cumsum([0, *map(len, rows)]).astype(np.int64),
        movies=places.astype(np.int32),
        weights=np.where(stars <= 2, 0, 2 * (stars - 2)).astype(np.float32),
        seen=np.ones(len(stars), dtype=bool),
        ratings=stars,
        times=np.concatenate([np.arange(len(user)) for user in rows]).astype(np.int64) * DAY_MS,
    )
