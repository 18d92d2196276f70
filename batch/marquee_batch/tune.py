"""Searches a small grid for settings, on the cut that runs are judged by: what is held out of what
was given, never a test set. One group of settings after the other, each with what was chosen of
those before."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from . import database
from .cases import at_cut
from .dataset import popularity
from .errors import BatchError
from .explain import explain
from .folders import make_folder
from .item_item import ease
from .judging import judge
from .models import Trainer
from .options import Options
from .progress import Progress
from .ranker import Files, Variant
from .reading import Gathered, gather
from .session import open_spark, stop_spark
from .settings import ItemItem, Settings
from .store import StoreAddress
from .training import gram_matrix, save_matrix, train_factors, train_sparse

REGULARISATIONS = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the given one
NEIGHBOURS = (50, 100, 200)
ALS_GRID = tuple((f, r) for f in (32, 64, 128) for r in (0.1, 0.3, 1.0))
BLENDS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
RATINGS_GRID = tuple((f, r) for f in (20, 50, 100) for r in (0.1, 0.15, 0.2))
#: What is this near to the best, as a share of it, is as good: then the smaller model is chosen.
AS_GOOD = {"ndcg_at_10": 0.02, "rmse": 0.001}


@dataclass(frozen=True)
class Trial:
    """What was tried, and the files of its models that later trials need."""

    setting: str
    figures: dict[str, float]
    size: float  # of the model
    settings: Settings
    item: Path | None = None
    factors: tuple[Path, Path] | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        return (*(self.factors or ()), *((self.item,) if self.item else ()))


def choose(trials: list[Trial], figure: str) -> Trial:
    """The best trial, or a smaller one that is as good; of equal sizes the better one."""
    sign = -1 if figure == "rmse" else 1
    best = max(sign * t.figures[figure] for t in trials)
    edge = best - abs(best) * AS_GOOD[figure]
    good = [t for t in trials if sign * t.figures[figure] >= edge]
    return min(good, key=lambda t: (t.size, -sign * t.figures[figure]))


def tune(options: Options, progress: Progress) -> dict[str, Any]:
    """Returns the settings chosen, and each trial with its figures. Publishes nothing."""
    session = database.connect(options.postgres)
    address = StoreAddress.from_environment()
    folder = make_folder()
    spark = None
    try:
        with progress.step("spark"):
            spark = open_spark(options.master, options.memory, address, folder, options.conf)
        with progress.step("read") as step:
            found = gather(options, spark, session, address)
            step.update(f"{found.events:,} events, {found.data.users:,} users")
        search = Search(options, spark, found, folder / "trials")
        search.run(progress)
        return {"settings": search.settings.as_dict(), "trials": search.tried}
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        raise known from error
    finally:
        stop_spark(spark)
        shutil.rmtree(folder, ignore_errors=True)


class Search:
    """The settings chosen so far, and the files of their models."""

    def __init__(self, options: Options, spark, found: Gathered, folder: Path) -> None:
        self.options, self.spark, self.data, self.folder = options, spark, found.data, folder
        folder.mkdir()
        self.settings: Settings = options.settings
        self.tried: list[dict[str, Any]] = []
        self.held = self.data.held_out(self.settings.holdout.share)
        self.matrix: sparse.csr_matrix = self.data.matrix(~self.held)
        self.cases = at_cut(self.data, self.settings.holdout, options.seed)
        if len(self.cases) == 0 or self.matrix.nnz == 0:
            raise BatchError(
                "MARQUEE_BATCH_EMPTY", "nobody can be judged: there is nothing to tune by"
            )
        self.x = save_matrix(folder, "x", self.matrix)
        np.save(folder / "popularity.npy", popularity(self.matrix))
        np.save(folder / "withdrawn.npy", np.zeros(0, np.int32))
        self.dataset = self.data.save(folder)
        self.item: Path | None = None
        self.factors: tuple[Path, Path] | None = None

    def run(self, progress: Progress) -> None:
        for group in (self.item_item, self.neighbours, self.als, self.blend, self.ratings):
            with progress.step(group.__name__) as step:
                trials = []
                for trial in group():
                    step.update(trial.setting)
                    trials.append(trial)
                self.adopt(trials, "rmse" if group == self.ratings else "ndcg_at_10")

    def measure(
        self, variants: dict[str, Variant], items: list[Path]
    ) -> dict[str, dict[str, float]]:
        user_factors, item_factors = self.factors or (None, None)
        files = Files(
            dataset=self.dataset,
            popularity=self.folder / "popularity.npy",
            withdrawn=self.folder / "withdrawn.npy",
            items=items,
            user_factors=user_factors,
            item_factors=item_factors,
        )
        holdout, length = self.settings.holdout, self.settings.lists.length
        tallies = judge(self.spark, files, variants, self.cases, holdout, length)
        return {name: tally.means(len(self.data.movie_ids)) for name, tally in tallies.items()}

    def adopt(self, trials: list[Trial], figure: str) -> None:
        self.tried += [{"setting": t.setting, **t.figures} for t in trials]
        if not trials:
            return
        chosen = choose(trials, figure)
        for trial in trials:  # the files are large, and never shared again
            if trial is not chosen:
                for path in trial.files:
                    path.unlink(missing_ok=True)
        self.settings = chosen.settings
        self.item = chosen.item or self.item
        self.factors = chosen.factors or self.factors

    def item_item(self) -> Iterator[Trial]:
        given = self.settings.item_item
        for times in REGULARISATIONS:
            setting = replace(given, regularisation=given.regularisation * times)
            path = self.dense_or_sparse(setting)
            yield Trial(
                f"item_item.regularisation={setting.regularisation:g}",
                self.measure({"": Variant(item=path.name)}, [path])[""],
                0,
                replace(self.settings, item_item=setting),
                item=path,
            )

    def dense_or_sparse(self, setting: ItemItem) -> Path:
        movies = self.matrix.shape[1]
        if movies > setting.dense_movies_max:
            path = self.folder / f"sparse-{setting.regularisation:g}.npz"
            solved = replace(setting, neighbour_regularisation=setting.regularisation)
            sparse.save_npz(path, train_sparse(self.spark, self.x, movies, solved, None))
            return path
        path = self.folder / f"ease-{setting.regularisation:g}.npy"
        gram = self.gram()
        np.save(path, ease(np.load(gram), setting.regularisation))
        return path

    def gram(self) -> Path:
        path = self.folder / "gram.npy"
        if not path.exists():
            np.save(path, gram_matrix(self.spark, self.x, self.matrix.shape[1]))
        return path

    def neighbours(self) -> Iterator[Trial]:
        given, movies = self.settings.item_item, self.matrix.shape[1]
        gram = self.gram() if movies <= given.dense_movies_max else None
        for count in NEIGHBOURS:
            for times in REGULARISATIONS[1:4]:
                weight = given.neighbour_regularisation * times
                setting = replace(given, neighbours=count, neighbour_regularisation=weight)
                path = self.folder / f"neighbours-{count}-{weight:g}.npz"
                model = train_sparse(self.spark, self.x, movies, setting, gram)
                sparse.save_npz(path, model, compressed=False)
                figures = self.measure({"": Variant(item=path.name)}, [path])[""]
                path.unlink()
                yield Trial(
                    f"item_item.neighbours={count} item_item.neighbour_regularisation={weight:g}",
                    figures,
                    count,
                    replace(self.settings, item_item=setting),
                )

    def als(self) -> Iterator[Trial]:
        for count, weight in ALS_GRID:
            setting = replace(self.settings.als, factors=count, regularisation=weight)
            factors = train_factors(self.spark, self.matrix, setting, self.options.seed)
            paths = (
                self.folder / f"users-{count}-{weight:g}.npy",
                self.folder / f"items-{count}-{weight:g}.npy",
            )
            np.save(paths[0], factors.users)
            np.save(paths[1], factors.movies)
            self.factors = paths
            yield Trial(
                f"als.factors={count} als.regularisation={weight:g}",
                self.measure({"": Variant(als=1.0)}, [])[""],
                count,
                replace(self.settings, als=setting),
                factors=paths,
            )

    def blend(self) -> Iterator[Trial]:
        assert self.item is not None
        variants = {f"{share:g}": Variant(item=self.item.name, als=share) for share in BLENDS}
        for name, figures in self.measure(variants, [self.item]).items():
            blend = replace(self.settings.blend, als=float(name))
            size = 0 if float(name) == 0 else 1
            yield Trial(f"blend.als={name}", figures, size, replace(self.settings, blend=blend))

    def ratings(self) -> Iterator[Trial]:
        for count, weight in RATINGS_GRID:
            setting = replace(self.settings.ratings, factors=count, regularisation=weight)
            settings = replace(self.settings, ratings=setting)
            trainer = Trainer(self.spark, settings, self.options.seed, lambda _: None)
            figures = trainer.judge_ratings(self.data, self.held)
            if not figures:
                return
            name = f"ratings.factors={count} ratings.regularisation={weight:g}"
            yield Trial(name, figures, count, settings)
