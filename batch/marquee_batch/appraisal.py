"""Judges the models of a cut of a run, and chooses what lists are ranked by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import sparse

from .beyond import World, genres_of
from .cases import Cases, after_pauses, at_cut, within_visits
from .dataset import Dataset, sample
from .figures import Judged, Metrics
from .judging import judge
from .metrics import Tally
from .models import Ranking, Trainer
from .ranker import Files, Variant
from .ranking import Ranked
from .thin import DEFAULT, POPULARITY, SHARES, Choice, search
from .training import save_matrix, scaled, train_other, train_other_cut


@dataclass(frozen=True)
class Appraisal:
    trainer: Trainer
    data: Dataset
    ranking: Ranking
    cases: Cases

    def judge(self, variants: dict[str, Variant], files: Files, cases: Cases, length: int):
        holdout = self.trainer.settings.holdout
        return judge(self.trainer.spark, files, variants, cases, holdout, length)

    def ranked(self, choice: Choice, model: Path) -> Ranked:
        users = sample(self.data, self.trainer.seed)
        share = self.trainer.settings.holdout.share
        return self.trainer.ranked(choice, model, self.ranking, users, share)

    def search(self, default: np.ndarray, popular: np.ndarray) -> tuple[Choice, Path]:
        """What ranks best by the rule of thin.py, and the file of its item-item model."""
        trainer, items = self.trainer, self.ranking.items
        movies = len(self.data.movie_ids)
        models = {1.0: items.full}

        def measure(factor: float) -> dict[tuple[float, float], np.ndarray]:
            if factor not in models:
                trainer.told(f"{factor:g} times the regularisation")
                setting = scaled(trainer.settings.item_item, factor)
                name = f"x-{factor:g}"
                models[factor] = train_other(trainer.spark, items, movies, setting, name)
            trainer.told("blends with popularity")
            return self.blends(factor, models[factor])

        choice = search(default, popular, measure)
        chosen = models.pop(choice.factor)
        for model in models.values():  # the files are large
            if model != items.full:
                model.unlink()
        return choice, chosen

    def blends(self, factor: float, model: Path) -> dict[tuple[float, float], np.ndarray]:
        """Each judged user's NDCG by the shares of popularity."""
        ranked = self.ranked(Choice("blend", factor), model)
        variants = {
            f"{at}": Variant(item=model.name, ranked=replace(ranked, popularity_share=popular))
            for at, popular in enumerate(SHARES)
        }
        files = replace(self.ranking.files, items=[model], genres=None)
        tallies = self.judge(variants, files, self.cases, 10)
        return {
            (factor, popular): np.array(tallies[f"{at}"].ndcg) for at, popular in enumerate(SHARES)
        }

    def live(self, choice: Choice) -> tuple[Files, dict[str, Variant]]:
        """Live lists as serving makes them, and the same without order."""
        trainer, items = self.trainer, self.ranking.items
        model = items.cut
        if choice.factor != 1.0:
            setting = scaled(trainer.settings.item_item, choice.factor)
            movies = len(self.data.movie_ids)
            model = train_other_cut(trainer.spark, items, movies, setting, "x-live")
        ranked = self.ranked(choice, model)
        files = replace(self.ranking.files, items=[model])
        return files, {
            "live": Variant(item=model.name, ranked=ranked, live=trainer.settings.order),
            "unordered": Variant(item=model.name, ranked=ranked),
        }

    def places(self, files: Files, variants: dict[str, Variant]) -> dict[str, Metrics]:
        holdout, seed = self.trainer.settings.holdout, self.trainer.seed
        variants = {**variants, "popularity": self.ranking.variants["popularity"]}
        found = {}
        for name, cases in (
            ("visit", within_visits(self.data, holdout, seed)),
            ("pause", after_pauses(self.data, holdout, seed)),
        ):
            tallies = self.judge(variants, replace(files, genres=None), cases, 10)
            figures = {ranker: float(np.mean(t.ndcg)) for ranker, t in tallies.items() if t.users}
            found[name] = {"users": len(cases), **figures}
        return found


def appraise(
    trainer: Trainer, data: Dataset, folder: Path, catalogue: Sequence[tuple] = ()
) -> Judged:
    """Trains on what is not held out, holds each way to rank against the rest, and chooses one."""
    folder.mkdir()
    settings = trainer.settings
    held = data.held_out(settings.holdout.share)
    ratings = trainer.judge_ratings(data, held)
    cases = at_cut(data, settings.holdout, trainer.seed)
    matrix = data.matrix(~held)
    if len(cases) == 0 or matrix.nnz == 0:
        return Judged(ratings)
    ranking = trainer.train_ranking(data, matrix, folder, np.zeros(0, np.int32))
    following = trainer.train_next(ranking.files, settings.holdout.share)
    world = world_of(data, held, catalogue)
    files = replace(
        ranking.files,
        next=save_matrix(folder, "next", sparse.csr_matrix(following)),
        **save_world(folder, world),
    )
    appraisal = Appraisal(trainer, data, replace(ranking, files=files), cases)
    trainer.told("ranking")
    length = settings.lists.length
    tallies = appraisal.judge(ranking.variants, files, cases, length)
    choice, model = DEFAULT, ranking.items.full
    if settings.lists.ranker == "popularity":
        choice = POPULARITY
    elif settings.lists.ranker == "blend":
        ranked = {name: np.array(tallies[name].ndcg) for name in ("blend", "popularity")}
        choice, model = appraisal.search(ranked["blend"], ranked["popularity"])
    trainer.told("live lists")
    live_files, live = appraisal.live(choice)
    tallies |= appraisal.judge({"live": live["live"]}, live_files, cases, length)
    if choice not in (DEFAULT, POPULARITY):
        ranked = appraisal.ranked(choice, model)
        chosen = {"chosen": Variant(item=model.name, ranked=ranked)}
        tallies |= appraisal.judge(chosen, replace(files, items=[model]), cases, length)
    places = appraisal.places(live_files, live)
    if ranking.items.gram is not None:
        ranking.items.gram.unlink()
    return Judged(ratings, choice, len(cases), means(tallies, world), places)


def world_of(data: Dataset, held: np.ndarray, catalogue: Sequence[tuple]) -> World:
    support = np.bincount(data.movies[~held], minlength=len(data.movie_ids))
    return World(support, genres_of(data.movie_ids, catalogue), data.users)


def save_world(folder: Path, world: World) -> dict[str, Path]:
    arrays = {"support": world.support, "genres": world.genres}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return {name: folder / f"{name}.npy" for name in arrays}


def means(tallies: dict[str, Tally], world: World) -> dict[str, Metrics]:
    return {name: tally.means(world.movies, world) for name, tally in tallies.items()}
