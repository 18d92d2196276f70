"""Searches a small grid for settings, on the cut that runs are judged by: what is held out of what was
given, never a test set. One group of settings after the other, each with the best of those before."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from . import database
from .dataset import popularity
from .errors import BatchError
from .item_item import ease
from .judging import Files, Variant, judge, users_to_judge
from .models import Trainer
from .options import Options
from .progress import Progress, Step
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


def tune(options: Options, progress: Progress) -> dict[str, Any]:
    """Returns the best settings, and each trial with its figures. Publishes nothing."""
    session = database.connect(options.postgres)
    folder = Path(tempfile.mkdtemp(prefix="marquee-tune-"))
    spark = None
    try:
        address = StoreAddress.from_environment()
        with progress.step("spark"):
            spark = open_spark(options.master, options.memory, address, folder, options.conf)
        with progress.step("read") as step:
            found = gather(options, spark, session, address)
            step.update(f"{found.events:,} events, {found.data.users:,} users")
        search = Search(options, spark, found, folder / "trials")
        for name in ("item_item", "neighbours", "als", "blend", "ratings"):
            with progress.step(name) as step:
                for trial in getattr(search, name)(step):
                    search.trials.append(trial)
                    progress.say(trial=trial)
        return {"settings": search.settings.as_dict(), "trials": search.trials}
    finally:
        stop_spark(spark)
        shutil.rmtree(folder, ignore_errors=True)


class Search:
    """The best settings so far, and the files of the best models."""

    def __init__(self, options: Options, spark, found: Gathered, folder: Path) -> None:
        self.options, self.spark, self.data, self.folder = options, spark, found.data, folder
        folder.mkdir()
        self.settings: Settings = options.settings
        self.trials: list[dict[str, Any]] = []
        self.held = self.data.held_out(self.settings.holdout.share)
        self.matrix: sparse.csr_matrix = self.data.matrix(~self.held)
        self.users = users_to_judge(self.data, self.settings.holdout, options.seed)
        if len(self.users) == 0 or self.matrix.nnz == 0:
            raise BatchError(
                "MARQUEE_BATCH_EMPTY", "nobody can be judged: there is nothing to tune by"
            )
        self.x = save_matrix(folder, "x", self.matrix)
        np.save(folder / "popularity.npy", popularity(self.matrix))
        np.save(folder / "withdrawn.npy", np.zeros(0, np.int32))
        self.dataset = self.data.save(folder)
        self.item: Path | None = None
        self.factors: tuple[Path, Path] | None = None

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
        tallies = judge(self.spark, files, variants, self.users, holdout, length)
        return {name: tally.means(len(self.data.movie_ids)) for name, tally in tallies.items()}

    def item_item(self, step: Step) -> Iterator[dict[str, Any]]:
        given = self.settings.item_item
        best = -1.0
        for times in REGULARISATIONS:
            setting = replace(given, regularisation=given.regularisation * times)
            step.update(f"regularisation {setting.regularisation:g}")
            path = self.dense_or_sparse(setting)
            figures = self.measure({"": Variant(item=path.name)}, [path])[""]
            yield {"setting": f"item_item.regularisation={setting.regularisation:g}", **figures}
            if figures["ndcg_at_10"] > best:
                best, self.item = figures["ndcg_at_10"], path
                self.settings = replace(self.settings, item_item=setting)

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

    def neighbours(self, step: Step) -> Iterator[dict[str, Any]]:
        given, movies = self.settings.item_item, self.matrix.shape[1]
        dense = movies <= given.dense_movies_max
        best = -1.0
        for count in NEIGHBOURS:
            for times in REGULARISATIONS[1:4]:
                weight = given.neighbour_regularisation * times
                setting = replace(given, neighbours=count, neighbour_regularisation=weight)
                step.update(f"{count}, regularisation {weight:g}")
                path = self.folder / "neighbours.npz"
                model = train_sparse(
                    self.spark, self.x, movies, setting, self.gram() if dense else None
                )
                path = self.folder / f"neighbours-{count}-{weight:g}.npz"
                sparse.save_npz(path, model, compressed=False)
                figures = self.measure({"": Variant(item=path.name)}, [path])[""]
                name = f"item_item.neighbours={count} item_item.neighbour_regularisation={weight:g}"
                yield {"setting": name, **figures}
                if figures["ndcg_at_10"] > best:
                    best = figures["ndcg_at_10"]
                    self.settings = replace(self.settings, item_item=setting)

    def als(self, step: Step) -> Iterator[dict[str, Any]]:
        best, chosen = -1.0, None
        for count, weight in ALS_GRID:
            setting = replace(self.settings.als, factors=count, regularisation=weight)
            step.update(f"{count} factors, regularisation {weight:g}")
            factors = train_factors(self.spark, self.matrix, setting, self.options.seed)
            paths = (
                self.folder / f"users-{count}-{weight:g}.npy",
                self.folder / f"items-{count}-{weight:g}.npy",
            )
            np.save(paths[0], factors.users)
            np.save(paths[1], factors.movies)
            self.factors = paths
            figures = self.measure({"": Variant(als=1.0)}, [])[""]
            yield {"setting": f"als.factors={count} als.regularisation={weight:g}", **figures}
            if figures["ndcg_at_10"] > best:
                best, chosen = figures["ndcg_at_10"], paths
                self.settings = replace(self.settings, als=setting)
        self.factors = chosen

    def blend(self, step: Step) -> Iterator[dict[str, Any]]:
        assert self.item is not None
        variants = {f"{share:g}": Variant(item=self.item.name, als=share) for share in BLENDS}
        best = -1.0
        for name, figures in self.measure(variants, [self.item]).items():
            yield {"setting": f"blend.als={name}", **figures}
            if figures["ndcg_at_10"] > best:
                best = figures["ndcg_at_10"]
                blend = replace(self.settings.blend, als=float(name))
                self.settings = replace(self.settings, blend=blend)

    def ratings(self, step: Step) -> Iterator[dict[str, Any]]:
        best = float("inf")
        for count, weight in RATINGS_GRID:
            setting = replace(self.settings.ratings, factors=count, regularisation=weight)
            trainer = Trainer(
                self.spark,
                replace(self.settings, ratings=setting),
                self.options.seed,
                lambda _: None,
            )
            figures = trainer.judge_ratings(self.data, self.held)
            if not figures:
                return
            step.update(f"{count} factors, regularisation {weight:g}")
            yield {
                "setting": f"ratings.factors={count} ratings.regularisation={weight:g}",
                **figures,
            }
            if figures["rmse"] < best:
                best = figures["rmse"]
                self.settings = replace(self.settings, ratings=setting)
