"""What Spark and psycopg say of servers, as errors with a code. Pure."""

import re

import psycopg
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from .errors import BatchError

JDBC = "org.postgresql.util.PSQLException"
STORE = re.compile(r"fs\.s3a|software\.amazon\.awssdk|BatchError: the object")
REFUSED = re.compile(
    r"Status Code: 403|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|BatchError: .* refuses"
)


def explain(error: BaseException) -> BatchError | None:
    """None where it speaks of no server."""
    if isinstance(error, psycopg.Error):
        return explain_psycopg(error)
    if not isinstance(error, Py4JError | PySparkException):
        return None
    text = str(error)
    if JDBC in text:
        return BatchError(
            "MARQUEE_PG_UNAVAILABLE",
            f"Postgres does not answer Spark's tasks, or refuses them: {cause(text, JDBC)}. "
            "Is it running? (marquee status)",
        )
    if not STORE.search(text):
        return None
    if refused := REFUSED.search(text):
        return BatchError(
            "MARQUEE_STORE_REFUSED",
            f"the object store refuses Spark's tasks: {cause(text, refused[0])}. Look at its keys "
            "(marquee config).",
        )
    words = cause(text, "BatchError: the object", "SdkClientException", "Caused by")
    return BatchError(
        "MARQUEE_STORE_UNAVAILABLE",
        f"the object store does not answer Spark's tasks: {words}. Is it running? (marquee status)",
    )


def explain_psycopg(error: psycopg.Error) -> BatchError | None:
    """None where the value is at fault, not the server."""
    said = str(error).strip().splitlines()
    text = said[0] if said else type(error).__name__
    if error.sqlstate is None:
        # No answer at all; other errors without a state are of psycopg's own making.
        away = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        if not away:
            return None
    else:
        # Locks, cancelled statements and full disks are OperationalErrors, too.
        away = error.sqlstate[:2] == "08" or error.sqlstate[:3] == "57P"
    if away:
        return BatchError(
            "MARQUEE_PG_UNAVAILABLE",
            f"Postgres does not answer: {text}. Is it running? (marquee status)",
        )
    return BatchError("MARQUEE_PG_REFUSED", f"Postgres refuses: {text} (SQLSTATE {error.sqlstate})")


def cause(text: str, *names: str) -> str:
    """The last line of a trace that has one of the names; the first name that is found counts."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for name in names:
        found = [line for line in lines if name in line]
        if found:
            return found[-1].removeprefix("Caused by: ")[:500]
    return lines[0][:500] if lines else "nothing more is known"
