"""Judges predicted ratings: rmse.py VERSION TEST.csv. Reads the model models/ratings/VERSION from
the object store (AWS_*, MARQUEE_S3_BUCKET). Every test rating counts: of a user or a movie that the
model doesn't know it has no bias and no factors. Prints JSON."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from marquee_batch.biases import errors
from marquee_batch.store import Store, StoreAddress


def main(version: str, test: str) -> None:
    store = Store(StoreAddress.from_environment())
    mean = json.loads(store.get(f"models/ratings/{version}/metadata.json"))["mean"]
    users = parameters(store, version, "users", "user_id")
    movies = parameters(store, version, "movies", "movie_id")
    with Path(test).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    predicted = [
        predict(mean, users.get(row["userId"]), movies.get(int(row["movieId"]))) for row in rows
    ]
    stars = np.array([float(row["rating"]) for row in rows])
    unknown = sum(int(row["movieId"]) not in movies or row["userId"] not in users for row in rows)
    print(
        json.dumps({"ratings": len(rows), "unknown": unknown, **errors(np.array(predicted), stars)})
    )


def parameters(store: Store, version: str, name: str, key: str) -> dict:
    table = pq.read_table(pa.BufferReader(store.get(f"models/ratings/{version}/{name}.parquet")))
    return {
        line[key]: (line["bias"], np.array(line["factors"], np.float32))
        for line in table.to_pylist()
    }


def predict(mean: float, user: tuple | None, movie: tuple | None) -> float:
    stars = mean + sum(bias for bias, _ in filter(None, (user, movie)))
    if user is not None and movie is not None:
        stars += float(user[1] @ movie[1])
    return min(5.0, max(0.5, stars))


if __name__ == "__main__":
    main(*sys.argv[1:3])
