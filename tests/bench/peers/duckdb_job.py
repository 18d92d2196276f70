"""DuckDB on archived files: their contents, or COPY TO of the same rows as a limit.

Usage: python duckdb_job.py CONFIG.json   (made by duckdb.ts; prints one line of JSON)
"""

import json
import resource
import sys
import time
from pathlib import Path

import duckdb

# All but received_at, which is each topic's own.
CONTENT = (
    "event_id, user_id, action, movie_id, value, epoch_ms(occurred_at), session_id, request_id, "
    "position, device, app, app_version, properties::VARCHAR, kafka_topic, kafka_partition, "
    "kafka_offset"
)


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def contents(db: duckdb.DuckDBPyConnection, files: list[str]) -> dict:
    rows, ids, total = db.execute(
        f"SELECT count(*), count(DISTINCT event_id), coalesce(sum(hash({CONTENT})), 0)::VARCHAR "
        "FROM read_parquet($files)",
        {"files": files},
    ).fetchone()
    return {"rows": rows, "ids": ids, "sum": total}


def copy(db: duckdb.DuckDBPyConnection, config: dict) -> dict:
    # In the order in which the log has them: sorting is part of the work, as it is for the archive.
    db.execute(
        "CREATE TABLE events AS SELECT * FROM read_parquet($files) "
        "ORDER BY kafka_partition, kafka_offset",
        {"files": config["files"]},
    )
    out = config["out"]
    runs = []
    for _ in range(2):  # the first is the warm-up
        cpu, began = cpu_seconds(), time.monotonic()
        db.execute(
            f"COPY (SELECT * FROM events ORDER BY user_id, event_id) TO '{out}' "
            "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)"
        )
        runs.append({"seconds": time.monotonic() - began, "cpu": cpu_seconds() - cpu})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"runs": runs, "bytes": Path(out).stat().st_size, "peak": peak, **contents(db, [out])}


def main(path: str) -> None:
    config = json.loads(Path(path).read_text(encoding="utf-8"))
    db = duckdb.connect()
    db.execute(f"SET threads = {int(config['threads'])}")
    db.execute("SET TimeZone = 'UTC'")
    result = copy(db, config) if "out" in config else contents(db, config["files"])
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
