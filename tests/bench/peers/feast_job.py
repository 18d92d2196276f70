"""Feast's feature server with lists of movies in Redis: feast_job.py CONFIG.json, made by feast.ts.

Writes a list for each user through Feast, then serves them until it is ended. One worker, which
isn't started anew after a number of requests as it would be by default.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from feast import (
    Entity,
    FeatureStore,
    FeatureView,
    Field,
    FileSource,
    RepoConfig,
    ValueType,
)
from feast.types import Array, Float64, Int64

config = json.loads(Path(sys.argv[1]).read_text())
folder = Path(config["folder"])
empty = folder / "offline.parquet"
pd.DataFrame({"user_id": [], "event_timestamp": []}).to_parquet(empty)

store = FeatureStore(
    config=RepoConfig(
        project="bench",
        provider="local",
        registry=str(folder / "registry.db"),
        online_store={"type": "redis", "connection_string": config["redis"]},
        offline_store={"type": "file"},
        entity_key_serialization_version=3,
    )
)
user = Entity(name="user_id", join_keys=["user_id"], value_type=ValueType.STRING)
lists = FeatureView(
    name="lists",
    entities=[user],
    ttl=timedelta(days=1),
    schema=[
        Field(name="movie_ids", dtype=Array(Int64)),
        Field(name="scores", dtype=Array(Float64)),
    ],
    source=FileSource(path=str(empty), timestamp_field="event_timestamp"),
)
store.apply([user, lists])

length, movies = config["length"], config["movies"]
names = config["users"]
store.write_to_online_store(
    "lists",
    pd.DataFrame(
        {
            "user_id": names,
            "movie_ids": [
                [1 + (at * 7919 + i * 104729) % movies for i in range(length)]
                for at in range(len(names))
            ],
            "scores": [[8 / (i + 2) for i in range(length)]] * len(names),
            "event_timestamp": [datetime.now(tz=UTC)] * len(names),
        }
    ),
)
store.serve("127.0.0.1", config["port"], workers=1, max_requests=0, max_requests_jitter=0)
