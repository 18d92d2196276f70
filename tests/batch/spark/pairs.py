"""Reads as a run does, and prints what it makes of it: a line of JSON a user and movie."""

import json
import os
import tempfile
from pathlib import Path

import numpy as np

from marquee_batch import database
from marquee_batch.options import Options
from marquee_batch.reading import gather
from marquee_batch.session import open_spark, stop_spark
from marquee_batch.settings import load_settings
from marquee_batch.store import StoreAddress

options = Options(
    settings=load_settings(),
    seed=1,
    master="local[1]",
    memory="1g",
    conf={"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"},
    skip_corrupt=False,
    promote=False,
    postgres=os.environ["MARQUEE_PG_WRITER_URL"],
    late_ms=86_400_000,
    code="",
    keep=None,
)
address = StoreAddress.from_environment()
with tempfile.TemporaryDirectory() as folder:
    spark = open_spark(options.master, options.memory, address, Path(folder), options.conf)
    found = gather(options, spark, database.connect(options.postgres), address)
    stop_spark(spark)
data = found.data
for user, history in enumerate(data.histories(0, data.users)):
    for movie, weight, seen, rating in zip(
        history.movies, history.weights, history.seen, history.ratings, strict=True
    ):
        pair = {
            "user": found.users[user].as_py(),
            "movie": int(data.movie_ids[movie]),
            "weight": round(float(weight) * 1000),
            "seen": bool(seen),
            "rating": None if np.isnan(rating) else round(float(rating) * 1000),
        }
        print(json.dumps(pair))
