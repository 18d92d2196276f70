"""What a run reads: the archive's and the recent events, folded, and the catalogue."""

from dataclasses import dataclass

import numpy as np
import psycopg
import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import SparkSession

from . import database
from .dataset import Dataset
from .errors import BatchError
from .events import Input, jdbc_of, read_archive, read_hot, refuse_problems
from .options import Options
from .session import collect_histories, fold_histories
from .store import StoreAddress


@dataclass
class Gathered:
    """What a run reads."""

    users: pa.Array
    data: Dataset
    events: int
    catalogue: list[tuple]
    source: Input
    hot_rows: int
    skipped: dict[str, str]

    def withdrawn_places(self) -> np.ndarray:
        gone = np.array(
            [movie for movie, *_, withdrawn in self.catalogue if withdrawn], dtype=np.int64
        )
        return np.flatnonzero(np.isin(self.data.movie_ids, gone)).astype(np.int32)


def gather(
    options: Options, spark: SparkSession, session: psycopg.Connection, address: StoreAddress
) -> Gathered:
    """Raises BatchError for objects that cannot be used, unless they are to be skipped, and
    MARQUEE_BATCH_EMPTY where there is nothing."""
    with database.input_of(options.postgres) as source:
        # Brought over at once: as long as Postgres keeps this moment, no archived hour can be
        # dropped. Twice where there is more than one executor: one may be lost, and nothing is read
        # again.
        level = StorageLevel.DISK_ONLY_2
        hot = read_hot(spark, source, jdbc_of(options.postgres)).persist(level)
        hot_rows = hot.count()
        movies = database.catalogue(session)
    archived, problems = read_archive(spark, source.files, address, options.late_ms)
    rows = sum(f.rows for f in source.files) + hot_rows
    events = archived.unionByName(hot)
    histories = collect_histories(fold_histories(events, rows, options.settings, source.newest_ms))
    hot.unpersist()
    skipped = problems()
    refuse_problems(skipped, options.skip_corrupt)
    if len(histories) == 0:
        raise nothing_to_learn()
    return Gathered(
        users=histories.column("user_id").combine_chunks(),
        data=Dataset.of(histories),
        events=int(np.asarray(histories.column("events")).sum()),
        catalogue=movies,
        source=source,
        hot_rows=hot_rows,
        skipped=skipped,
    )


def nothing_to_learn() -> BatchError:
    return BatchError(
        "MARQUEE_BATCH_EMPTY",
        "there is nothing to learn from: neither the archive nor rt_user_interactions has an "
        "action on a movie. Emit or import some, or `marquee backfill` history.",
    )
