"""Trains the models of one cut of the data, the item-item model's parts as Spark tasks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from scipy import sparse

from .als import Factors, train_als
from .dataset import Dataset
from .item_item import ease, gram_block, gram_of_columns, sparse_block
from .next_table import as_matrix, block_rows, next_block, sequences
from .settings import Als, ItemItem, Next
from .sharing import load_array, load_columns, load_matrix, load_norms, share

GRAM_BLOCK = 1024


@dataclass(frozen=True)
class ItemModels:
    """Files of the item-item models: `full` makes the lists, `cut` is for live use."""

    x: Path  # the weights that they were trained on
    gram: Path | None  # X'X, while it is kept
    full: Path  # .npy dense, or .npz sparse
    cut: Path  # .npz


def save_matrix(folder: Path, name: str, matrix: sparse.csr_matrix) -> Path:
    path = folder / f"{name}.npz"
    sparse.save_npz(path, matrix, compressed=False)
    return path


def train_item_item(
    spark: SparkSession, x: Path, movies: int, settings: ItemItem, told: Callable[[str], None]
) -> ItemModels:
    """x: file of the weights (users x movies). The models stand beside it; X'X is for the caller to
    remove."""
    cut = x.with_name(f"{x.stem}-neighbours.npz")
    if movies > settings.dense_movies_max:
        told("neighbours")
        sparse.save_npz(cut, train_sparse(spark, x, movies, settings, None), compressed=False)
        return ItemModels(x=x, gram=None, full=cut, cut=cut)
    full = x.with_name(f"{x.stem}-ease.npy")
    gram_file = x.with_name(f"{x.stem}-gram.npy")
    told("Gram matrix")
    gram = gram_matrix(spark, x, movies)
    np.save(gram_file, gram)
    told("neighbours")
    sparse.save_npz(cut, train_sparse(spark, x, movies, settings, gram_file), compressed=False)
    told("Cholesky")
    np.save(full, ease(gram, settings.regularisation))
    return ItemModels(x=x, gram=gram_file, full=full, cut=cut)


def scaled(settings: ItemItem, factor: float) -> ItemItem:
    """With all regularisation times a factor."""
    return replace(
        settings,
        regularisation=settings.regularisation * factor,
        neighbour_regularisation=settings.neighbour_regularisation * factor,
    )


def train_other(
    spark: SparkSession, items: ItemModels, movies: int, settings: ItemItem, name: str
) -> Path:
    """A model as `full` is, by other settings, beside it."""
    if items.gram is not None:
        path = items.x.with_name(f"{name}.npy")
        np.save(path, ease(np.load(items.gram), settings.regularisation))
        return path
    return train_other_cut(spark, items, movies, settings, name)


def train_other_cut(
    spark: SparkSession, items: ItemModels, movies: int, settings: ItemItem, name: str
) -> Path:
    """A model as `cut` is, by other settings, beside it."""
    path = items.x.with_name(f"{name}.npz")
    model = train_sparse(spark, items.x, movies, settings, items.gram)
    sparse.save_npz(path, model, compressed=False)
    return path


def gram_matrix(spark: SparkSession, x: Path, movies: int) -> np.ndarray:
    """X'X, float32: tasks make its upper blocks, which come in one after the other."""
    context = spark.sparkContext
    place = share(context, [x])
    name = x.name

    def block(start: int) -> tuple[int, np.ndarray]:
        path = place(name)
        columns = load_columns(path)
        right = columns[:, start:].tocsr()  # the rest is known by symmetry
        return start, gram_block(right, columns, start, min(start + GRAM_BLOCK, movies))

    starts = list(range(0, movies, GRAM_BLOCK))
    gram = np.empty((movies, movies), dtype=np.float32)
    blocks = context.parallelize(starts, len(starts)).map(block)
    for start, rows in blocks.toLocalIterator(prefetchPartitions=True):
        end = start + len(rows)
        gram[start:end, start:] = rows
        gram[start:, start:end] = rows.T
    return gram


def train_sparse(
    spark: SparkSession, x: Path, movies: int, settings: ItemItem, gram: Path | None
) -> sparse.csr_matrix:
    """The item-item model with each movie's strongest neighbours alone; rows speak for columns.
    From the file of X'X where there is one, else from X itself."""
    context = spark.sparkContext
    place = share(context, [x] if gram is None else [gram])
    size = max(1, min(256, -(-movies // (4 * context.defaultParallelism))))
    name = x.name if gram is None else gram.name
    dense = gram is not None

    def block(start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        path, end = place(name), min(start + size, movies)
        if dense:
            whole = load_array(path)
            rows, norms = np.asarray(whole[start:end]), np.sqrt(np.diagonal(whole))

            def part(near: np.ndarray) -> np.ndarray:
                return whole[near[:, np.newaxis], near]
        else:
            columns = load_columns(path)
            rows, norms = gram_block(load_matrix(path), columns, start, end), load_norms(path)

            def part(near: np.ndarray) -> np.ndarray:
                return gram_of_columns(columns, near)

        return sparse_block(
            rows,
            start,
            norms,
            part,
            neighbours=settings.neighbours,
            regularisation=settings.neighbour_regularisation,
            positive=settings.sign == "positive",
        )

    starts = list(range(0, movies, size))
    parts = context.parallelize(starts, len(starts)).map(block).collect()
    near, movie, weight = (np.concatenate(p) for p in zip(*parts, strict=True))
    return sparse.csr_matrix((weight, (near, movie)), shape=(movies, movies), dtype=np.float32)


def train_next(
    spark: SparkSession, dataset: list[Path], held_out: float, settings: Next
) -> sparse.csr_matrix:
    """What comes next after each movie (next_table.py), from the files of a dataset, less the last
    share of each user's pairs."""
    context = spark.sparkContext
    place = share(context, dataset)
    movies = len(load_array(str(dataset[0].with_name("movie_ids.npy"))))
    size = block_rows(movies)
    starts = list(range(0, movies, size))

    def work(part: Iterable[int]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        found = sequences(Dataset.load(place), held_out)
        return [next_block(found, s, min(s + size, movies), settings) for s in part]

    tasks = min(len(starts), 4 * context.defaultParallelism)
    return as_matrix(context.parallelize(starts, tasks).mapPartitions(work).collect(), movies)


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
) -> Factors:
    return train_als(triples(spark, matrix), matrix.nnz, *matrix.shape, settings, seed)
