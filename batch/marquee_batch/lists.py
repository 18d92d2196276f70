"""Makes everybody's list: Spark tasks over ranges of users."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from .cases import Case
from .judging import SCORED_AT_ONCE
from .ranker import Files, Ranker, Variant
from .ranking import top
from .sharing import share

LISTS_DDL = "user_id string, movie_ids array<bigint>, scores array<float>"
NONE = np.zeros(0, dtype=np.int32)


def make_lists(
    spark: SparkSession, files: Files, variant: Variant, users: pa.Array, length: int
) -> DataFrame:
    """Everybody's list: movie ids and scores, best first, without what they have seen."""
    names = files.popularity.with_name("users.parquet")
    pq.write_table(pa.table({"user_id": users}), names)
    place = share(spark.sparkContext, [*files.paths(), names])
    size = SCORED_AT_ONCE * 8
    starts = list(range(0, len(users), size))
    ranges = spark.createDataFrame(
        [(s, min(s + size, len(users))) for s in starts], "start int, stop int"
    )

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        ranker = Ranker(files, place)
        ids = pq.read_table(place(names.name)).column("user_id").combine_chunks()
        for batch in batches:
            for line in batch.to_pylist():
                for start in range(line["start"], line["stop"], SCORED_AT_ONCE):
                    stop = min(start + SCORED_AT_ONCE, line["stop"])
                    lists = lists_of(ranker, variant, np.arange(start, stop), length)
                    yield pa.RecordBatch.from_arrays(
                        [ids.slice(start, stop - start), *lists],
                        names=["user_id", "movie_ids", "scores"],
                    )

    return ranges.repartitionByRange(len(starts), "start").mapInArrow(work, LISTS_DDL)


def lists_of(
    ranker: Ranker, variant: Variant, users: np.ndarray, length: int
) -> tuple[pa.ListArray, pa.ListArray]:
    """Movie ids and scores."""
    histories = list(ranker.dataset.histories(int(users[0]), int(users[-1]) + 1))
    cases = [Case(history, NONE, 0) for history in histories]
    movies: list[np.ndarray] = []
    values: list[np.ndarray] = []
    for _, scores in ranker.scores({"": variant}, users, cases):
        for row, history in zip(scores, histories, strict=True):
            hidden = np.concatenate([history.movies[history.seen], ranker.withdrawn])
            best = top(row, hidden, ranker.popularity, length)
            movies.append(ranker.dataset.movie_ids[best])
            values.append(row[best])
    ends = pa.array(np.cumsum([0, *map(len, movies)]).astype(np.int32))
    return (
        pa.ListArray.from_arrays(ends, pa.array(np.concatenate(movies), pa.int64())),
        pa.ListArray.from_arrays(ends, pa.array(np.concatenate(values), pa.float32())),
    )
