"""Trains the models of one cut of the data, the item-item model's parts as Spark tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from scipy import sparse

from .als import Factors, train_als
from .item_item import ease, gram_block, sparse_block
from .settings import Als, ItemItem
from .sharing import load_columns, load_matrix, share

GRAM_BLOCK = 1024


@dataclass(frozen=True)
class ItemModels:
    """Files of the item-item models: `full` makes the lists, `cut` is for live use."""

    full: Path  # .npy dense, or .npz sparse
    cut: Path  # .npz


def save_matrix(folder: Path, name: str, matrix: sparse.csr_matrix) -> Path:
    path = folder / f"{name}.npz"
    sparse.save_npz(path, matrix, compressed=False)
    return path


def train_item_item(
    spark: SparkSession,
    x: Path,
    movies: int,
    settings: ItemItem,
    told: Callable[[str], None],
    *,
    want_full: bool = True,
) -> ItemModels:
    """x: file of the weights (users x movies). The models stand beside it."""
    dense = want_full and movies <= settings.dense_movies_max
    cut = x.with_name(f"{x.stem}-neighbours.npz")
    told("neighbours")
    sparse.save_npz(cut, train_sparse(spark, x, movies, settings), compressed=False)
    if not dense:
        return ItemModels(full=cut, cut=cut)
    full = x.with_name(f"{x.stem}-ease.npy")
    told("Gram matrix")
    gram = gram_matrix(spark, x, movies)
    told("Cholesky")
    np.save(full, ease(gram, settings.regularisation))
    return ItemModels(full=full, cut=cut)


def gram_matrix(spark: SparkSession, x: Path, movies: int) -> np.ndarray:
    """X'X, float32: tasks make its upper blocks, which come in one after the other."""
    context = spark.sparkContext
    place = share(context, [x])
    name = x.name

    def block(start: int) -> tuple[int, np.ndarray]:
        path = place(name)
        rows = gram_block(
            load_matrix(path), load_columns(path), start, min(start + GRAM_BLOCK, movies)
        )
        return start, np.ascontiguousarray(rows[:, start:])

    starts = list(range(0, movies, GRAM_BLOCK))
    gram = np.empty((movies, movies), dtype=np.float32)
    blocks = context.parallelize(starts, len(starts)).map(block)
    for start, rows in blocks.toLocalIterator(prefetchPartitions=True):
        end = start + len(rows)
        gram[start:end, start:] = rows
        gram[start:, start:end] = rows.T
    return gram


def train_sparse(
    spark: SparkSession, x: Path, movies: int, settings: ItemItem
) -> sparse.csr_matrix:
    """The item-item model with each movie's strongest neighbours alone; rows speak for columns."""
    context = spark.sparkContext
    place = share(context, [x])
    name = x.name
    size = max(1, min(256, -(-movies // (4 * context.defaultParallelism))))

    def block(start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        path = place(name)
        return sparse_block(
            load_matrix(path),
            load_columns(path),
            start,
            min(start + size, movies),
            neighbours=settings.neighbours,
            regularisation=settings.neighbour_regularisation,
            positive=settings.sign == "positive",
        )

    starts = list(range(0, movies, size))
    parts = context.parallelize(starts, len(starts)).map(block).collect()
    near, movie, weight = (np.concatenate(p) for p in zip(*parts, strict=True))
    return sparse.csr_matrix((weight, (near, movie)), shape=(movies, movies), dtype=np.float32)


def triples(spark: SparkSession, matrix: sparse.csr_matrix) -> DataFrame:
    """A matrix's entries for Spark's ALS: user int, movie int, value float."""
    entries = matrix.tocoo()
    table = pa.table(
        {
            "user": pa.array(entries.row.astype(np.int32)),
            "movie": pa.array(entries.col.astype(np.int32)),
            "value": pa.array(entries.data.astype(np.float32)),
        }
    )
    return spark.createDataFrame(table)


def train_factors(
    spark: SparkSession, matrix: sparse.csr_matrix, settings: Als, seed: int
) -> Factors | None:
    return train_als(triples(spark, matrix), *matrix.shape, settings, seed)
