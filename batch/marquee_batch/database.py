"""Postgres: the lock, the run's log, what is read as of one moment, loading and promotion."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa

from .errors import BatchError
from .events import ArchivedFile, Input
from .explain import explain
from .gate import Serving

TOPIC = "user-actions.v1"
LOCK = "pg_try_advisory_lock(hashtextextended('marquee.batch', 0))"


def connect(url: str) -> psycopg.Connection:
    """Raises BatchError MARQUEE_PG_UNAVAILABLE."""
    try:
        return psycopg.connect(
            url, autocommit=True, connect_timeout=10, application_name="marquee batch"
        )
    except psycopg.OperationalError as error:
        raise explain(error) or error from error


def lock(session: psycopg.Connection) -> None:
    """One run at a time, until the session ends. Raises MARQUEE_BATCH_BUSY."""
    if not one(session, f"SELECT {LOCK}"):
        raise BatchError("MARQUEE_BATCH_BUSY", "another run of the batch stage is under way")


def one(session: psycopg.Connection, statement: str, values: tuple = ()) -> Any:
    row = session.execute(statement, values).fetchone()
    return None if row is None else row[0]


def begin_run(session: psycopg.Connection, seed: int, settings: dict) -> tuple[int, str]:
    """Clears up after runs that were killed, and logs that one begins: run id and model version.

    The caller holds the lock, so a run that is `running` is dead.
    """
    session.execute(
        "UPDATE model_performance_logs SET status = 'failed', finished_at = now(), "
        "reason = 'it was killed or lost its database' WHERE status = 'running'"
    )
    drop_strays(session)
    # Two runs in one second: the next second is free.
    row = session.execute(
        """INSERT INTO model_performance_logs (model_version, seed, details)
           SELECT to_char(greatest(date_trunc('second', now()), newest + interval '1 second')
                            AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"'), %s, %s
             FROM (SELECT to_timestamp(max(model_version), 'YYYYMMDD"T"HH24MISS"Z"')
                            AT TIME ZONE current_setting('TimeZone') AT TIME ZONE 'UTC' AS newest
                     FROM model_performance_logs) AS logs
        RETURNING run_id, model_version""",
        (seed, json.dumps({"settings": settings})),
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def drop_strays(session: psycopg.Connection) -> None:
    """What killed runs were loading; who still reads it keeps it until the next run."""
    for (version,) in session.execute("SELECT stray_models()").fetchall():
        with suppress(psycopg.errors.LockNotAvailable):
            session.execute("SELECT drop_model(%s)", (version,))


def log_run(session: psycopg.Connection, run_id: int, fields: dict[str, Any]) -> None:
    """Sets columns of the run's line; a dict is merged into what the column holds."""
    if not fields:
        return
    merged = ", ".join(
        f"{name} = {name} || %s" if isinstance(value, dict) else f"{name} = %s"
        for name, value in fields.items()
    )
    values = [json.dumps(v) if isinstance(v, dict) else v for v in fields.values()]
    session.execute(
        f"UPDATE model_performance_logs SET {merged} WHERE run_id = %s", (*values, run_id)
    )


def log_recall(session: psycopg.Connection, version: str, recall: float | None) -> None:
    session.execute(
        "UPDATE model_performance_logs SET index_recall_at_50 = %s WHERE model_version = %s",
        (recall, version),
    )


def end_run(session: psycopg.Connection, run_id: int, status: str, reason: str | None) -> None:
    session.execute(
        "UPDATE model_performance_logs SET status = %s, reason = %s, finished_at = now() "
        "WHERE run_id = %s",
        (status, reason, run_id),
    )


def fail_run(session: psycopg.Connection, run_id: int, reason: str) -> None:
    """A run that has ended already stays what it is."""
    session.execute(
        "UPDATE model_performance_logs SET status = 'failed', reason = %s, finished_at = now() "
        "WHERE run_id = %s AND status = 'running'",
        (reason, run_id),
    )


def has_input(session: psycopg.Connection) -> bool:
    return one(
        session,
        "SELECT EXISTS (SELECT FROM archive_files WHERE replaced_at IS NULL) "
        "OR EXISTS (SELECT FROM rt_user_interactions)",
    )


@contextmanager
def input_of(url: str) -> Iterator[Input]:
    """What there is to read, as of one moment that stays open while the block runs."""
    with connect(url) as session, session.transaction():
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        session.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        session.execute("SET LOCAL statement_timeout = 0")
        yield read_input(session)


def read_input(session: psycopg.Connection) -> Input:
    lines = session.execute(
        "SELECT path, topic, encode(sha256, 'hex'), rows, bytes, "
        "(extract(epoch FROM uuid_time(last_event_id)) * 1000)::bigint FROM archive_files "
        "WHERE replaced_at IS NULL ORDER BY path"
    ).fetchall()
    sources = sorted({TOPIC, *(topic for _, topic, *_ in lines)})
    offsets = session.execute(
        "SELECT partition, next_offset FROM stream_offsets "
        "WHERE processor = 'archive' AND topic = %s ORDER BY partition",
        (TOPIC,),
    ).fetchall()
    hours = session.execute(
        "SELECT lowest_uuid_at(starts_at)::text, lowest_uuid_at(ends_at)::text "
        "FROM partitions_of('rt_user_interactions'::regclass) ORDER BY starts_at"
    ).fetchall()
    newest_hot = one(
        session,
        "SELECT (extract(epoch FROM uuid_time((SELECT event_id FROM rt_user_interactions "
        "ORDER BY event_id DESC LIMIT 1))) * 1000)::bigint",
    )
    return Input(
        files=tuple(
            ArchivedFile(path, sha256, rows, size, sources.index(topic))
            for path, topic, sha256, rows, size, _ in lines
        ),
        offsets=tuple(offsets),
        hot_source=sources.index(TOPIC),
        hours=tuple(hours),
        newest_ms=max([newest_hot or 0, *(newest for *_, newest in lines)]),
        snapshot=one(session, "SELECT pg_export_snapshot()"),
    )


def catalogue(session: psycopg.Connection) -> list[tuple]:
    """movie_id, genres, tags, year and whether it was withdrawn, of each movie."""
    return session.execute(
        "SELECT movie_id, genres, tags, year, withdrawn_at IS NOT NULL FROM movies "
        "ORDER BY movie_id"
    ).fetchall()


def active(session: psycopg.Connection) -> Serving | None:
    row = session.execute(
        "SELECT model_version, ndcg_at_10, kind FROM active_model "
        "JOIN model_performance_logs USING (model_version)"
    ).fetchone()
    return None if row is None else Serving(*row)


class Loading:
    """The tables of a version while they are filled; nobody sees them before `finish`."""

    def __init__(self, session: psycopg.Connection, version: str) -> None:
        self.session = session
        self.version = version
        self.counts: dict[str, int] = {}  # rows by table
        session.execute("SELECT begin_model(%s)", (version,))

    def copy(self, table: str, columns: str, kinds: list[str] | None, rows: Iterable[tuple]) -> int:
        """COPY of rows into the version's part of a table: binary where the types are given, else
        text. Returns how many."""
        child = f"{table}_{self.version.lower()}"
        form = "text" if kinds is None else "binary"
        count = 0
        with (
            self.session.cursor() as cursor,
            cursor.copy(
                f"COPY {child} (model_version, {columns}) FROM STDIN (FORMAT {form})"
            ) as copy,
        ):
            if kinds is not None:
                copy.set_types(["text", *kinds])
            for row in rows:
                copy.write_row((self.version, *row))
                count += 1
        self.counts[table] = count
        return count

    def finish(self, dimensions: int, settings: dict) -> None:
        self.session.execute(
            "SELECT finish_model(%s, %s, %s)", (self.version, dimensions, json.dumps(settings))
        )


def promote(session: psycopg.Connection, version: str, reason: str) -> str | None:
    return one(session, "SELECT promote_model(%s, %s)", (version, reason))


def loaded_versions(session: psycopg.Connection) -> list[str]:
    """The one loaded last first."""
    rows = session.execute(
        "SELECT model_version FROM model_versions ORDER BY loaded_at DESC, model_version DESC"
    ).fetchall()
    return [version for (version,) in rows]


def drop_old(session: psycopg.Connection, keep: int) -> list[str]:
    """Drops what was loaded longest ago beyond `keep`; the active version stays, and the one to
    which a rollback would go. Returns what went."""
    needed = session.execute(
        "SELECT model_version FROM active_model "
        "UNION SELECT rollback_target() WHERE rollback_target() IS NOT NULL"
    ).fetchall()
    stay = [version for (version,) in needed]
    others = [v for v in loaded_versions(session) if v not in stay]
    gone = others[max(0, keep - len(stay)) :]
    for version in gone:
        session.execute("SELECT drop_model(%s)", (version,))
    return gone


def index_recall(
    session: psycopg.Connection, version: str, dimensions: int, sample: int
) -> float | None:
    """Mean share of the exact nearest 50 movies that the index finds, over the first users by id
    that have factors."""
    child = f"movie_embeddings_{version.lower()}"
    users = session.execute(
        f"SELECT factors::text FROM user_factors_{version.lower()} WHERE vector_norm(factors) > 0 "
        "ORDER BY user_id LIMIT %s",
        (sample,),
    ).fetchall()
    nearest = (
        f"SELECT movie_id FROM {child} "
        f"ORDER BY embedding::vector({dimensions}) <#> %s::vector({dimensions}) LIMIT 50"
    )
    shares = []
    for (factors,) in users:
        with session.transaction():
            session.execute("SET LOCAL enable_seqscan = off")
            session.execute("SET LOCAL hnsw.ef_search = 200")
            found = {movie for (movie,) in session.execute(nearest, (factors,)).fetchall()}
        with session.transaction():
            session.execute("SET LOCAL enable_indexscan = off")
            exact = {movie for (movie,) in session.execute(nearest, (factors,)).fetchall()}
        if exact:
            shares.append(len(found & exact) / len(exact))
    return float(np.mean(shares)) if shares else None


def vector_text(values: np.ndarray | pa.Scalar) -> str:
    return "[" + ",".join(map(repr, np.asarray(values, dtype=np.float32).tolist())) + "]"
