"""Reads events: the archive by its manifest, and the hot rows at or above the archive's offsets."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.accumulators import AccumulatorParam
from pyspark.sql import DataFrame, SparkSession, functions

from .archived import parse
from .errors import BatchError
from .history import ACTIONS
from .store import Store, StoreAddress

#: Columns of an archived file that are read; the others are left alone.
COLUMNS = [
    "event_id", "user_id", "movie_id", "action", "value", "occurred_at", "received_at",
    "kafka_partition", "kafka_offset",
]  # fmt: skip
EVENTS_DDL = (
    "event_id binary, user_id string, movie_id bigint, action int, value double, source int, "
    "partition int, offset bigint"
)


@dataclass(frozen=True)
class ArchivedFile:
    """A line of the manifest."""

    path: str
    sha256: str
    rows: int
    bytes: int
    source: int  # place of its topic or backfill among all of them, by name


@dataclass(frozen=True)
class Input:
    """What a run reads, as of one moment."""

    files: tuple[ArchivedFile, ...]
    offsets: tuple[tuple[int, int], ...]  # partition, first offset that is read from the hot table
    hot_source: int  # place of the topic, as in ArchivedFile
    hours: tuple[tuple[str, str], ...]  # lowest and highest id of each hour partition, half-open
    newest_ms: int
    snapshot: str  # of Postgres: every connection that reads the hot table sees this moment


class Problems(AccumulatorParam):
    """Objects that could not be used, with the reason; an object that is read twice counts once."""

    def zero(self, value: dict) -> dict:
        return {}

    def addInPlace(self, value1: dict, value2: dict) -> dict:  # noqa: N802 (Spark's name)
        value1.update(value2)
        return value1


def read_archive(
    spark: SparkSession, files: Sequence[ArchivedFile], address: StoreAddress, late_ms: int
) -> tuple[DataFrame, Callable[[], dict[str, str]]]:
    """The events of archived objects (columns of EVENTS, copies still in), and what tells after an
    action on them which objects could not be used. What was received more than `late_ms` after it
    happened is left out, as the processors leave it out of their tables."""
    problems = spark.sparkContext.accumulator({}, Problems())
    if not files:
        return spark.createDataFrame([], EVENTS_DDL), dict
    largest_first = sorted(files, key=lambda f: (-f.bytes, f.path))
    tasks = max(1, min(len(files), sum(f.bytes for f in files) // (16 << 20), 256))
    tasks = max(tasks, min(len(files), spark.sparkContext.defaultParallelism * 4))
    lines = [
        (place % tasks, f.path, f.sha256, f.rows, f.source) for place, f in enumerate(largest_first)
    ]
    listed = (
        spark.createDataFrame(
            lines, "task int, path string, sha256 string, rows bigint, source int"
        )
        .repartitionByRange(tasks, "task")
        .sortWithinPartitions("task", "path")
    )

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        store = Store(address)
        for batch in batches:
            for line in batch.to_pylist():
                try:
                    table = check_and_parse(store, line, late_ms)
                except UnusableError as problem:
                    problems.add({line["path"]: str(problem)})
                    continue
                yield from table.to_batches(max_chunksize=65_536)

    return listed.mapInArrow(read, EVENTS_DDL), lambda: dict(problems.value)


class UnusableError(Exception):
    """An archived object that is not what the manifest says."""


def check_and_parse(store: Store, line: dict, late_ms: int) -> pa.Table:
    """The events of one object, whose bytes must be those that the manifest lists."""
    try:
        data = store.get(line["path"])
    except FileNotFoundError as error:
        raise UnusableError("it is not in the store") from error
    found = hashlib.sha256(data).hexdigest()
    if found != line["sha256"]:
        raise UnusableError(f"its SHA-256 is {found}, the manifest has {line['sha256']}")
    try:
        table = pq.read_table(pa.BufferReader(data), columns=COLUMNS)
    except (pa.ArrowException, OSError) as error:
        raise UnusableError(f"it cannot be read as Parquet: {error}") from error
    return parse(table, line["source"], late_ms)


def jdbc_of(url: str) -> dict[str, str]:
    """A postgres:// URL as JDBC's, which takes no password in it."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    place = parts.netloc.rpartition("@")[2]
    found = {
        "url": f"jdbc:postgresql://{place}{parts.path}{query}",
        "driver": "org.postgresql.Driver",
        "user": unquote(parts.username or ""),
    }
    return found | ({"password": unquote(parts.password)} if parts.password else {})


def read_hot(spark: SparkSession, source: Input, jdbc: dict[str, str]) -> DataFrame:
    """The hot rows that the archive does not hold, over JDBC, an hour a partition: columns of
    EVENTS."""
    if not source.hours:
        return spark.createDataFrame([], EVENTS_DDL)
    from_offset = "CASE kafka_partition {} ELSE 0 END".format(
        " ".join(f"WHEN {p} THEN {o}" for p, o in source.offsets) or "WHEN -1 THEN 0"
    )
    actions = ", ".join(f"'{action}'" for action in ACTIONS)
    rows = f"""(SELECT event_id AS id, uuid_send(event_id) AS event_id, user_id, movie_id, action,
                       value, kafka_partition AS "partition", kafka_offset AS "offset"
                  FROM rt_user_interactions
                 WHERE movie_id IS NOT NULL AND action IN ({actions})
                   AND kafka_offset >= {from_offset}) AS hot"""
    read = spark.read.jdbc(
        url=jdbc["url"],
        table=rows,
        predicates=[f"id >= '{low}' AND id < '{high}'" for low, high in source.hours],
        properties={
            **{name: value for name, value in jdbc.items() if name != "url"},
            "fetchsize": "10000",
            # Every task sees the moment of the manifest, whatever is archived and dropped
            # meanwhile.
            "sessionInitStatement": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; "
            f"SET TRANSACTION SNAPSHOT '{source.snapshot}'",
        },
    )
    code = functions.create_map(
        *(functions.lit(x) for pair in enumerate(ACTIONS) for x in reversed(pair))
    )
    return read.select(
        "event_id",
        "user_id",
        "movie_id",
        code[functions.col("action")].cast("int").alias("action"),
        "value",
        functions.lit(source.hot_source).alias("source"),
        "partition",
        "offset",
    )


def refuse_problems(problems: dict[str, str], skip: bool) -> None:
    """Raises MARQUEE_ARCHIVE_CORRUPT with every object that could not be used, unless told to
    skip."""
    if not problems or skip:
        return
    named = "; ".join(f"{path}: {reason}" for path, reason in sorted(problems.items()))
    raise BatchError(
        "MARQUEE_ARCHIVE_CORRUPT",
        f"{len(problems)} archived object(s) cannot be used: {named}. "
        "Restore them (marquee audit names the damage), or leave them out with --skip-corrupt.",
    )
