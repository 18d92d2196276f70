"""Pathway as a peer: one Kafka topic of JSON into one Postgres table by binary COPY.

Usage: python pathway_job.py CONFIG.json   (made by pathway.ts; runs until it is stopped)
"""

import json
import sys
from pathlib import Path

import pathway as pw


class Action(pw.Schema):
    event_id: str
    user_id: str
    action: str
    movie_id: int | None
    value: float | None
    occurred_at: pw.DateTimeUtc
    received_at: pw.DateTimeUtc
    session_id: str | None
    request_id: str | None
    position: int | None
    device: str | None
    app: str
    app_version: str | None
    properties: pw.Json
    kafka_partition: int
    kafka_offset: int


def main(path: str) -> None:
    config = json.loads(Path(path).read_text(encoding="utf-8"))
    actions = pw.io.kafka.read(
        config["kafka"],
        topic=config["topic"],
        schema=Action,
        format="json",
        json_field_paths={"properties": "/properties_object"},
        autocommit_duration_ms=config["autocommit_ms"],
    )
    # The default table type appends every change by COPY ... (FORMAT binary) straight into the
    # table; `time` and `diff` are columns that it can't do without.
    pw.io.postgres.write(
        actions,
        config["postgres"],
        config["table"],
        schema_name=config["schema"],
        max_batch_size=config["batch"],
        init_mode="default",
    )
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    main(sys.argv[1])
