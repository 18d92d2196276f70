"""Judges models on what was held out, and makes the lists: Spark tasks over ranges of users."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from .dataset import Dataset
from .holdout import History, relevant
from .metrics import Tally
from .ranking import als_scores, blend, item_scores, top
from .settings import Holdout
from .sharing import load_array, load_matrix, share

#: Users scored at once: their scores are users x movies floats, a few times.
SCORED_AT_ONCE = 128


@dataclass(frozen=True)
class Variant:
    """One way to rank: which models, and how they are blended."""

    item: str | None = None  # name of the item-item model's file
    als: float = 0.0  # share of ALS; with `item` None any number above 0 will do


@dataclass(frozen=True)
class Files:
    """The files that tasks need: paths on the driver, all in one folder."""

    dataset: list[Path]
    popularity: Path
    withdrawn: Path
    items: list[Path]
    user_factors: Path | None = None
    item_factors: Path | None = None

    def paths(self) -> list[Path]:
        factors = [p for p in (self.user_factors, self.item_factors) if p is not None]
        return [*self.dataset, self.popularity, self.withdrawn, *self.items, *factors]


class Ranker:
    """The files as a task sees them."""

    def __init__(self, files: Files, place: Callable[[str], str]) -> None:
        self.place = place
        self.files = files
        self.dataset = Dataset.load(place)
        self.popularity = load_array(place(files.popularity.name))
        self.withdrawn = load_array(place(files.withdrawn.name))

    def item_model(self, name: str):
        path = self.place(name)
        return load_array(path) if name.endswith(".npy") else load_matrix(path)

    def scores(
        self, variants: dict[str, Variant], users: np.ndarray, histories: list[History]
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Users x movies of each variant, one after the other; the caller may change them."""
        items = {
            name: item_scores(self.item_model(name), histories)
            for name in {v.item for v in variants.values() if v.item is not None}
        }
        als = None
        if any(v.als for v in variants.values()):
            assert self.files.user_factors is not None and self.files.item_factors is not None
            user_factors = load_array(self.place(self.files.user_factors.name))
            item_factors = load_array(self.place(self.files.item_factors.name))
            als = als_scores(user_factors[users], item_factors)
        for name, variant in variants.items():
            item = None if variant.item is None else items[variant.item]
            if item is None and not variant.als:
                yield name, np.zeros((len(users), len(self.popularity)), dtype=np.float32)
            else:
                yield name, blend(item, als if variant.als else None, variant.als)


def judge(
    spark: SparkSession,
    files: Files,
    variants: dict[str, Variant],
    users: np.ndarray,
    holdout: Holdout,
    length: int,
) -> dict[str, Tally]:
    """Lists of the users from what is not held out, held against what of the rest they liked."""
    context = spark.sparkContext
    place = share(context, files.paths())

    def work(part: np.ndarray) -> dict[str, Tally]:
        ranker = Ranker(files, place)
        ends = ranker.dataset.train_ends(holdout.share)
        tallies = {name: Tally() for name in variants}
        whole = [next(ranker.dataset.histories(u, u + 1)) for u in part]
        cuts = [int(ends[u] - ranker.dataset.indptr[u]) for u in part]
        known = [h.cut(0, cut) for h, cut in zip(whole, cuts, strict=True)]
        liked = [
            relevant(h.cut(cut, len(h.movies)), holdout) for h, cut in zip(whole, cuts, strict=True)
        ]
        for name, scores in ranker.scores(variants, part, known):
            for row, history, wanted in zip(scores, known, liked, strict=True):
                # All that trains is left out, as the protocol has it; not what was withdrawn since.
                tallies[name].add(top(row, history.movies, ranker.popularity, length), wanted)
        return tallies

    parts = np.array_split(users, max(1, -(-len(users) // SCORED_AT_ONCE)))
    total = {name: Tally() for name in variants}
    for tallies in context.parallelize(parts, len(parts)).map(work).collect():
        for name, tally in tallies.items():
            total[name].merge(tally)
    return total


LISTS_DDL = "user_id string, movie_ids array<bigint>, scores array<float>"


def make_lists(
    spark: SparkSession, files: Files, variant: Variant, users: pa.Array, length: int
) -> DataFrame:
    """Everybody's list: movie ids and scores, best first, without what they have seen."""
    names = files.popularity.with_name("users.parquet")
    pq.write_table(pa.table({"user_id": users}), names)
    place = share(spark.sparkContext, [*files.paths(), names])
    size = SCORED_AT_ONCE * 8
    starts = list(range(0, len(users), size))
    ranges = spark.createDataFrame(
        [(s, min(s + size, len(users))) for s in starts], "start int, stop int"
    )

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        ranker = Ranker(files, place)
        ids = pq.read_table(place(names.name)).column("user_id").combine_chunks()
        for batch in batches:
            for line in batch.to_pylist():
                for start in range(line["start"], line["stop"], SCORED_AT_ONCE):
                    stop = min(start + SCORED_AT_ONCE, line["stop"])
                    lists = lists_of(ranker, variant, np.arange(start, stop), length)
                    yield pa.RecordBatch.from_arrays(
                        [ids.slice(start, stop - start), *lists],
                        names=["user_id", "movie_ids", "scores"],
                    )

    return ranges.repartitionByRange(len(starts), "start").mapInArrow(work, LISTS_DDL)


def lists_of(
    ranker: Ranker, variant: Variant, users: np.ndarray, length: int
) -> tuple[pa.ListArray, pa.ListArray]:
    """Movie ids and scores."""
    histories = list(ranker.dataset.histories(int(users[0]), int(users[-1]) + 1))
    movies: list[np.ndarray] = []
    values: list[np.ndarray] = []
    for _, scores in ranker.scores({"": variant}, users, histories):
        for row, history in zip(scores, histories, strict=True):
            hidden = np.concatenate([history.movies[history.seen], ranker.withdrawn])
            best = top(row, hidden, ranker.popularity, length)
            movies.append(ranker.dataset.movie_ids[best])
            values.append(row[best])
    ends = pa.array(np.cumsum([0, *map(len, movies)]).astype(np.int32))
    return (
        pa.ListArray.from_arrays(ends, pa.array(np.concatenate(movies), pa.int64())),
        pa.ListArray.from_arrays(ends, pa.array(np.concatenate(values), pa.float32())),
    )
