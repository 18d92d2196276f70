"""What is said of servers that are away, and which settings a search chooses."""

import psycopg
import pytest
from pyspark.errors import PySparkException

from marquee_batch.errors import BatchError
from marquee_batch.explain import explain
from marquee_batch.settings import Settings, load_settings
from marquee_batch.tune import Trial, choose


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        (
            "Job aborted\n"
            "Caused by: org.postgresql.util.PSQLException: Connection refused.\n\tat x",
            "MARQUEE_PG_UNAVAILABLE",
            "Connection refused",
        ),
        (
            "Traceback\n"
            "marquee_batch.errors.BatchError: the object store at h:1 does not answer for a/b: x.",
            "MARQUEE_STORE_UNAVAILABLE",
            "a/b",
        ),
        (
            "Traceback\nmarquee_batch.errors.BatchError: the object store at h:1 refuses a/b: x.",
            "MARQUEE_STORE_REFUSED",
            "a/b",
        ),
        (
            "at org.apache.hadoop.fs.s3a.S3AUtils\nCaused by: S3Exception: no (Status Code: 403)",
            "MARQUEE_STORE_REFUSED",
            "Status Code: 403",
        ),
        (
            "at org.apache.hadoop.fs.s3a.S3AUtils\nCaused by: java.net.ConnectException: refused",
            "MARQUEE_STORE_UNAVAILABLE",
            "ConnectException",
        ),
    ],
)
def test_what_spark_says_of_a_server_is_named(said, code, words):
    found = explain(PySparkException(message=said))
    assert (found.code, words in str(found)) == (code, True)


def test_what_is_no_server_s_fault_is_not_explained():
    assert explain(PySparkException(message="ArrayIndexOutOfBounds")) is None
    assert explain(psycopg.DataError("cannot dump this")) is None
    assert explain(BatchError("MARQUEE_BATCH_EMPTY", "nothing")) is None


def test_postgres_away_and_postgres_refusing_differ():
    assert explain(psycopg.OperationalError("connection is lost")).code == "MARQUEE_PG_UNAVAILABLE"
    assert explain(psycopg.errors.AdminShutdown("ends")).code == "MARQUEE_PG_UNAVAILABLE"
    assert explain(psycopg.errors.DiskFull("no room")).code == "MARQUEE_PG_REFUSED"


def trial(name: str, figure: float, size: float, key: str = "ndcg_at_10") -> Trial:
    return Trial(name, {key: figure}, size, default_settings())


def default_settings() -> Settings:
    return load_settings(None, ())


def test_the_smallest_that_is_as_good_as_the_best_is_chosen():
    found = [trial("a", 0.100, 200), trial("b", 0.0985, 50), trial("c", 0.097, 10)]
    assert choose(found, "ndcg_at_10").setting == "b"
    errors = [trial("a", 0.8699, 100, "rmse"), trial("b", 0.8701, 50, "rmse")]
    assert choose(errors, "rmse").setting == "b"
    assert choose([trial("a", 0.1, 0), trial("b", 0.1001, 0)], "ndcg_at_10").setting == "b"
