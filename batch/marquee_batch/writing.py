"""Writes what a run learned into the object store, as a snapshot."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from .embeddings import features, predict
from .lists import make_lists
from .models import Trained
from .ratings import RatingModel
from .reading import Gathered
from .settings import Settings
from .snapshot import ALGORITHMS, folder
from .store import Store


def write_snapshot(
    spark: SparkSession,
    store: Store,
    version: str,
    found: Gathered,
    trained: Trained,
    settings: Settings,
    told: Callable[[str], None],
) -> None:
    """Everything of a version but the metadata that makes it whole."""
    data, ranking = found.data, trained.ranking
    bucket = f"s3a://{store.address.bucket}"
    for algorithm in ALGORITHMS:
        for path in store.objects(folder(algorithm, version)):
            store.remove(path)  # of a run that was killed within the same second
    told("lists")
    lists = make_lists(spark, ranking.files, trained.lists, found.users, settings.lists.length)
    lists.write.parquet(f"{bucket}/{folder('lists', version)}/lists", compression="zstd")
    told("factors")
    files = ranking.files
    assert files.user_factors is not None and files.item_factors is not None
    user_factors, item_factors = np.load(files.user_factors), np.load(files.item_factors)
    store.put_table(
        f"{folder('als', version)}/user_factors/part-0.parquet",
        pa.table({"user_id": found.users, "factors": rows_as_lists(user_factors)}),
    )
    store.put_table(
        f"{folder('als', version)}/item_factors.parquet", item_table(found, item_factors)
    )
    write_live(store, version, data.movie_ids, trained)
    write_ratings(store, version, found, trained.ratings)
    told("Spark's models")
    ranking.als.save(f"{bucket}/{folder('als', version)}/spark-model")
    if trained.ratings.model is not None:
        trained.ratings.model.save(f"{bucket}/{folder('ratings', version)}/spark-model")


def write_live(store: Store, version: str, movie_ids: np.ndarray, trained: Trained) -> None:
    """What live lists are made of: neighbours, what comes next, popularity."""
    place = folder("item-item", version)
    for name, column, matrix in (
        ("neighbours", "neighbour_id", trained.neighbours),
        ("next", "next_id", trained.next),
    ):
        entries = matrix.tocoo()
        table = {
            "movie_id": movie_ids[entries.row],
            column: movie_ids[entries.col],
            "weight": entries.data.astype(np.float32),
        }
        store.put_table(f"{place}/{name}.parquet", pa.table(table))
    likes = trained.popularity.astype(np.int32)
    store.put_table(
        f"{place}/popularity.parquet", pa.table({"movie_id": movie_ids, "likes": likes})
    )


def write_ratings(store: Store, version: str, found: Gathered, model: RatingModel) -> None:
    place = folder("ratings", version)
    store.put_table(
        f"{place}/users.parquet",
        pa.table(
            {
                "user_id": found.users,
                "bias": model.biases.users,
                "factors": rows_as_lists(model.user_factors),
            }
        ),
    )
    store.put_table(
        f"{place}/movies.parquet",
        pa.table(
            {
                "movie_id": found.data.movie_ids,
                "bias": model.biases.movies,
                "factors": rows_as_lists(model.movie_factors),
            }
        ),
    )


def rows_as_lists(array: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(array, dtype=np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, array.shape[1]).cast(pa.list_(pa.float32()))


def item_table(found: Gathered, factors: np.ndarray) -> pa.Table:
    """Vectors of all movies: those that somebody liked as trained, the rest of the catalogue
    predicted from metadata."""
    data = found.data
    liked = factors.any(axis=1)
    support = np.bincount(data.movies, minlength=len(data.movie_ids)).astype(np.float64)
    place = {int(movie): i for i, movie in enumerate(data.movie_ids)}
    rows = features(found.catalogue) if found.catalogue else None
    trained = [
        i for i, (movie, *_) in enumerate(found.catalogue) if movie in place and liked[place[movie]]
    ]
    rest = [
        i
        for i, (movie, *_, withdrawn) in enumerate(found.catalogue)
        if not withdrawn and not (movie in place and liked[place[movie]])
    ]
    ids, vectors = data.movie_ids[liked], factors[liked]
    source = ["actions"] * len(ids)
    if rows is not None and trained and rest:
        places = [place[found.catalogue[i][0]] for i in trained]
        predicted = predict(rows[trained], factors[places], support[places], rows[rest])
        ids = np.concatenate([ids, [found.catalogue[i][0] for i in rest]])
        vectors = np.concatenate([vectors, predicted])
        source += ["metadata"] * len(rest)
    return pa.table(
        {"movie_id": pa.array(ids, pa.int64()), "source": source, "factors": rows_as_lists(vectors)}
    )


def describe_input(found: Gathered) -> dict[str, Any]:
    """What was learned from, for metadata.json."""
    return {
        "inputs": {
            "archive": [
                {"path": f.path, "sha256": f.sha256, "rows": f.rows} for f in found.source.files
            ],
            "hot": {
                "from_offsets": dict(found.source.offsets),
                "rows": found.hot_rows,
            },
            "skipped": found.skipped,
        },
        "counts": {
            "events": found.events,
            "pairs": len(found.data.movies),
            "users": found.data.users,
            "movies": len(found.data.movie_ids),
        },
    }
