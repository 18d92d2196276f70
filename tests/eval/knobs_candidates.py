"""Candidates of an item-item model for every user, as JSON on standard output.

knobs_candidates.py TRAIN.csv COUNT: EASE on 2 max(0, rating - 2), lambda 2000, whole catalogue less
the user's own movies. TRAIN.csv: userId,movieId,rating,timestamp.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from scipy import sparse

from marquee_batch.item_item import ease


def main(train: str, count: int) -> None:
    with Path(train).open(newline="", encoding="utf-8") as file:
        rows = [
            (int(row["userId"]), int(row["movieId"]), float(row["rating"]))
            for row in csv.DictReader(file)
        ]
    users, user_of = np.unique([row[0] for row in rows], return_inverse=True)
    movies, movie_of = np.unique([row[1] for row in rows], return_inverse=True)
    ratings = np.array([row[2] for row in rows], dtype=np.float32)
    shape = (len(users), len(movies))
    weights = 2 * np.maximum(0, ratings - 2)
    x = sparse.csr_matrix((weights, (user_of, movie_of)), shape=shape)
    rated = sparse.csr_matrix((np.ones_like(ratings), (user_of, movie_of)), shape=shape)
    scores = np.asarray(x @ ease((x.T @ x).toarray().astype(np.float32), 2000.0))
    scores[rated.nonzero()] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    lists = [
        {
            "user": int(user),
            "movies": movies[best[row]].tolist(),
            "scores": scores[row, best[row]].astype(float).round(6).tolist(),
        }
        for row, user in enumerate(users)
    ]
    raters = np.asarray(rated.sum(axis=0)).ravel().astype(int)
    popularity = dict(zip(movies.tolist(), raters.tolist(), strict=True))
    json.dump({"lists": lists, "popularity": popularity}, sys.stdout)


main(sys.argv[1], int(sys.argv[2]))
