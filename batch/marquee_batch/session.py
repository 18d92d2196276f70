"""The Spark session, and the histories that it folds events into."""

import io
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.sql import DataFrame, SparkSession

from .history import EVENTS, HISTORIES, first_copies, fold, gather
from .settings import Settings
from .store import StoreAddress

EVENTS_A_TASK = 250_000
#: A task of ALS brings the lineage of all its iterations: a thread's usual 1 MB is at times too
#: little.
DEEP_STACK = "-Xss16m"
HISTORIES_DDL = (
    "user_id string, movie_ids array<bigint>, weights array<float>, seen array<boolean>, "
    "ratings array<float>, times array<bigint>, events bigint"
)


def open_spark(
    master: str, memory: str, address: StoreAddress, folder: Path, conf: dict[str, str]
) -> SparkSession:
    """Starts Spark. `folder` takes what it spills; `conf` is what a user sets over the defaults."""
    jars = sorted(str(jar) for jar in Path(os.environ["SPARK_JARS"]).glob("*.jar"))
    settings = {
        "spark.jars": ",".join(jars),
        "spark.driver.memory": memory,
        "spark.driver.maxResultSize": "0",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        # How work is cut decides in which order numbers are added: it must not depend on chance.
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # Tasks fill the cores by themselves.
        "spark.executorEnv.OMP_NUM_THREADS": "1",
        "spark.executorEnv.OPENBLAS_NUM_THREADS": "1",
        "spark.hadoop.fs.s3a.endpoint": address.endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": address.region,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        # Minutes of patience by default; a run can be started again.
        "spark.hadoop.fs.s3a.attempts.maximum": "4",
        "spark.hadoop.fs.s3a.retry.limit": "4",
        "spark.hadoop.fs.s3a.connection.establish.timeout": "5s",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": str(
            address.endpoint.startswith("https")
        ).lower(),
        **conf,
    }
    for side in ("spark.driver.extraJavaOptions", "spark.executor.extraJavaOptions"):
        settings[side] = f"{DEEP_STACK} {conf.get(side, '')}".strip()
    builder = SparkSession.builder.master(master).appName("marquee batch")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    # Not in the settings above, which stand on the command line of the JVM.
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    hadoop.set("fs.s3a.access.key", address.access_key)
    hadoop.set("fs.s3a.secret.key", address.secret_key)
    spark.sparkContext.setLogLevel("ERROR")
    spark.sparkContext.addPyFile(str(package(folder)))
    return spark


def stop_spark(spark: SparkSession | None) -> None:
    if spark is None:
        return
    try:
        spark.stop()
    except (Py4JError, OSError) as error:  # it is gone already
        print(f"Spark did not stop by itself: {error}", file=sys.stderr)


def package(folder: Path) -> Path:
    """This package as a zip, for tasks on other machines."""
    path = folder / "marquee_batch.zip"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for source in sorted(Path(__file__).parent.glob("*.py")):
            file.write(source, f"marquee_batch/{source.name}")
    path.write_bytes(data.getvalue())
    return path


def fold_histories(events: DataFrame, rows: int, settings: Settings, newest_ms: int) -> DataFrame:
    """Events, copies still in -> HISTORIES; a user's whole history is one row."""
    tasks = max(1, min(2000, -(-rows // EVENTS_A_TASK)))

    def dedupe(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from first_copies(gather(batches, EVENTS)).to_batches(65_536)

    def to_histories(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        folded = fold(gather(batches, EVENTS), settings, newest_ms)
        yield from folded.to_batches(4_096)

    once = events.repartition(tasks, "event_id").mapInArrow(dedupe, events.schema)
    return once.repartition(tasks, "user_id").mapInArrow(to_histories, HISTORIES_DDL)


def collect_histories(histories: DataFrame) -> pa.Table:
    """All histories, users by id."""
    table = histories.toArrow().cast(HISTORIES)
    return table.sort_by("user_id")
