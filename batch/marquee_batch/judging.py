"""Judges models on what was held out: Spark tasks over cases."""

from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

from .beyond import World
from .cases import Cases, cases_of
from .dataset import Dataset
from .holdout import relevant
from .metrics import Tally
from .ranker import Files, Ranker, Variant
from .ranking import Spread, spread_of, top
from .settings import Holdout
from .sharing import load_array, load_matrix, share

#: Users scored at once: their scores are users x movies floats, a few times.
SCORED_AT_ONCE = 128


def judge(
    spark: SparkSession,
    files: Files,
    variants: dict[str, Variant],
    cases: Cases,
    holdout: Holdout,
    length: int,
) -> dict[str, Tally]:
    """Lists of the cases' users from what is known of them, held against what they liked then. With
    `genres` and `support` among the files also what the lists are like otherwise."""
    context = spark.sparkContext
    place = share(context, files.paths())
    described = files.genres is not None

    def work(part: Cases) -> dict[str, Tally]:
        ranker = Ranker(files, place)
        tallies = {name: Tally() for name in variants}
        known = cases_of(ranker.dataset, part, holdout)
        world = world_of(ranker) if described else None
        for name, scores in ranker.scores(variants, part.users, known):
            for row, case in zip(scores, known, strict=True):
                # All that trains is left out, as the protocol has it; not what was withdrawn since.
                best = top(row, case.history.movies, ranker.popularity, length)
                tallies[name].add(best, case.liked)
                if world is not None:
                    liked = relevant(case.history, holdout)
                    tallies[name].describe(world, best, case.history, liked)
        return tallies

    total = {name: Tally() for name in variants}
    if len(cases) == 0:
        return total
    parts = cases.split(SCORED_AT_ONCE)
    for tallies in context.parallelize(parts, len(parts)).map(work).collect():
        for name, tally in tallies.items():
            total[name].merge(tally)
    return total


def item_deviation(
    spark: SparkSession, files: Files, model: Path, held_out: float, users: np.ndarray
) -> float:
    """Of an item-item model's scores, over these users, less the last share of what they did, and
    all movies."""
    context = spark.sparkContext
    place = share(context, [*files.dataset, model])
    name = model.name

    def work(part: np.ndarray) -> Spread:
        found = load_array(place(name)) if name.endswith(".npy") else load_matrix(place(name))
        return spread_of(found, Dataset.load(place).known(part, held_out))

    parts = np.array_split(users, max(1, -(-len(users) // SCORED_AT_ONCE)))
    # Added in their order: floats are not added alike in another one.
    return sum(context.parallelize(parts, len(parts)).map(work).collect(), Spread()).deviation()


def world_of(ranker: Ranker) -> World:
    support = np.asarray(ranker.array(ranker.files.support))
    return World(support, ranker.array(ranker.files.genres), ranker.dataset.users)
