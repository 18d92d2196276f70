"""Loads a snapshot into Postgres, beside what serves. Needs the object store and Postgres, no
Spark."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from .database import Loading, index_recall, vector_text
from .errors import BatchError
from .faults import failpoint
from .progress import Step
from .snapshot import folder, tables
from .store import Store

RECALL_SAMPLE = 200
ENTRY = ["int8", "int8", "float4"]
#: Table, its columns, their types, and the snapshot's file.
LIVE_TABLES = (
    ("movie_neighbours", "movie_id, neighbour_id, weight", ENTRY, "neighbours"),
    ("movie_next", "movie_id, next_id, weight", ENTRY, "next"),
    ("movie_popularity", "movie_id, likes", ["int8", "int4"], "popularity"),
)


def load(
    session: psycopg.Connection, store: Store, version: str, metadata: dict[str, Any], step: Step
) -> float | None:
    """Loads and indexes a version: from then on it can be promoted. Returns the index's recall@50.
    Raises BatchError MARQUEE_MODEL_DAMAGED for a snapshot that lacks an object, or has a broken
    one."""
    try:
        return load_tables(session, store, version, metadata, step)
    except Exception as error:
        with suppress(psycopg.Error):  # else the next run removes what is there of it
            session.execute("SELECT drop_model(%s)", (version,))
        if not isinstance(error, FileNotFoundError | pa.ArrowException):
            raise
        raise BatchError(
            "MARQUEE_MODEL_DAMAGED",
            f"the snapshot of {version} cannot be read: {error}. Load another version.",
        ) from error


def load_tables(
    session: psycopg.Connection, store: Store, version: str, metadata: dict[str, Any], step: Step
) -> float | None:
    loading = Loading(session, version)
    dimensions = metadata["settings"]["als"]["factors"]
    step.phase("item vectors")
    movies = loading.copy(
        "movie_embeddings", "movie_id, source, embedding", None, vectors(store, version)
    )
    step.phase("user factors")
    users = loading.copy("user_factors", "user_id, factors", None, user_factors(store, version))
    step.phase("neighbours")
    for table, columns, kinds, name in LIVE_TABLES:
        loading.copy(table, columns, kinds, live_rows(store, version, name))
    step.phase("lists")
    lists: list[int] = []
    rows = loading.copy(
        "batch_recommendations",
        "user_id, generated_at, movie_id, rank, score",
        ["text", "timestamptz", "int8", "int4", "float4"],
        list_rows(store, version, datetime.fromisoformat(metadata["generated_at"]), lists),
    )
    counted = metadata["counts"]["users"]
    if (users, sum(lists)) != (counted, counted):
        raise BatchError(
            "MARQUEE_MODEL_DAMAGED",
            f"the snapshot of {version} has factors of {users:,} users and {sum(lists):,} lists; "
            f"its metadata counts {counted:,} users. An object is missing: load another version.",
        )
    failpoint("loading")
    step.phase("indexes")
    more = {"counts": loading.counts, "live": metadata["live"]}
    loading.finish(dimensions, {**metadata["settings"], **more})
    step.phase("recall of the index")
    recall = index_recall(session, version, dimensions, RECALL_SAMPLE) if movies else None
    step.update(f"{rows:,} places in lists, {movies:,} vectors")
    return recall


def vectors(store: Store, version: str) -> Iterator[tuple]:
    table = pq.read_table(
        pa.BufferReader(store.get(f"{folder('als', version)}/item_factors.parquet"))
    )
    for movie, source, factors in rows_of(table):
        yield movie, source, vector_text(factors)


def live_rows(store: Store, version: str, name: str) -> Iterator[tuple]:
    path = f"{folder('item-item', version)}/{name}.parquet"
    yield from rows_of(pq.read_table(pa.BufferReader(store.get(path))))


def user_factors(store: Store, version: str) -> Iterator[tuple]:
    for table in tables(store, f"{folder('als', version)}/user_factors"):
        for user, factors in rows_of(table):
            yield user, vector_text(factors)


def list_rows(
    store: Store, version: str, generated_at: datetime, counts: list[int]
) -> Iterator[tuple]:
    """Adds to `counts` how many lists there are."""
    for table in tables(store, f"{folder('lists', version)}/lists"):
        counts.append(len(table))
        for user, movies, scores in rows_of(table):
            for rank, (movie, score) in enumerate(zip(movies, scores, strict=True), 1):
                yield user, generated_at, movie, rank, score


def rows_of(table: pa.Table) -> Iterator[tuple]:
    for batch in table.to_batches(max_chunksize=4_096):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
