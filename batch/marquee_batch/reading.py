"""What a run reads: the archive's and the recent events, folded, and the catalogue."""

from dataclasses import dataclass

import numpy as np
import psycopg
import pyarrow as pa
from pyspark.sql import SparkSession

from . import database
from .dataset import Dataset
from .errors import BatchError
from .events import Input, read_events, refuse_problems
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
        events, problems = read_events(spark, source, address, options.jdbc)
        rows = sum(f.rows for f in source.files) + source.hot_rows
        histories = collect_histories(
            fold_histories(events, rows, options.settings, source.newest_ms)
        )
    skipped = problems()
    refuse_problems(skipped, options.skip_corrupt)
    if len(histories) == 0:
        raise nothing_to_learn()
    return Gathered(
        users=histories.column("user_id").combine_chunks(),
        data=Dataset.of(histories),
        events=int(np.asarray(histories.column("events")).sum()),
        catalogue=database.catalogue(session),
        source=source,
        skipped=skipped,
    )


def nothing_to_learn() -> BatchError:
    return BatchError(
        "MARQUEE_BATCH_EMPTY",
        "there is nothing to learn from: neither the archive nor rt_user_interactions has an action "
        "on a movie. Emit or import some, or `marquee backfill` history.",
    )
