"""Prints what the batch stage makes of all events, a line of JSON a pair: read without Spark."""

import json
import os

import numpy as np
import psycopg
import pyarrow as pa

from marquee_batch import database
from marquee_batch.events import check_and_parse
from marquee_batch.history import CODE, EVENTS, first_copies, fold
from marquee_batch.settings import load_settings
from marquee_batch.store import Store, StoreAddress

url = os.environ["MARQUEE_PG_WRITER_URL"]
store = Store(StoreAddress.from_environment())
with database.input_of(url) as source:
    tables = [
        check_and_parse(store, {"path": f.path, "sha256": f.sha256, "source": f.source})
        for f in source.files
    ]
    offsets = dict(source.offsets)
    hot = psycopg.connect(url).execute(
        "SELECT event_id, user_id, movie_id, action, value, kafka_partition, kafka_offset "
        "FROM rt_user_interactions WHERE movie_id IS NOT NULL"
    )
    rows = [
        {
            "event_id": row[0].bytes,
            "user_id": row[1],
            "movie_id": row[2],
            "action": CODE[row[3]],
            "value": row[4],
            "source": source.hot_source,
            "partition": row[5],
            "offset": row[6],
        }
        for row in hot.fetchall()
        if row[3] in CODE and row[6] >= offsets.get(row[5], 0)
    ]
tables.append(pa.Table.from_pylist(rows, schema=EVENTS))
histories = fold(first_copies(pa.concat_tables(tables)), load_settings(), source.newest_ms)
for line in histories.to_pylist():
    for movie, weight, seen, rating in zip(
        line["movie_ids"], line["weights"], line["seen"], line["ratings"], strict=True
    ):
        stars = None if np.isnan(rating) else round(rating * 1000)
        pair = {
            "user": line["user_id"],
            "movie": movie,
            "weight": round(weight * 1000),
            "seen": seen,
        }
        print(json.dumps({**pair, "rating": stars}))
