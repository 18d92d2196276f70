"""Models in files -> scores of users, as a task sees them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from .cases import Case
from .dataset import Dataset
from .live_scores import live_scores
from .ranking import Ranked, als_scores, blend, rows_of, standardised, with_popularity
from .settings import Order
from .sharing import load_array, load_matrix


@dataclass(frozen=True)
class Variant:
    """One way to rank: which models, and how they are blended."""

    item: str | None = None  # name of the item-item model's file
    als: float = 0.0  # share of ALS; with `item` None any number above 0 will do
    ranked: Ranked | None = None  # what `item` is ranked by beside it; without ALS
    live: Order | None = None  # as serving does: with the order of the last actions


@dataclass(frozen=True)
class Files:
    """The files that tasks need: paths on the driver, all in one folder."""

    dataset: list[Path]
    popularity: Path
    withdrawn: Path
    items: list[Path]
    user_factors: Path | None = None
    item_factors: Path | None = None
    next: Path | None = None
    support: Path | None = None  # users of each movie, as far as the models know them
    genres: Path | None = None

    def paths(self) -> list[Path]:
        more = (self.user_factors, self.item_factors, self.next, self.support, self.genres)
        known = [path for path in more if path is not None]
        return [*self.dataset, self.popularity, self.withdrawn, *self.items, *known]


class Ranker:
    """The files as a task sees them."""

    def __init__(self, files: Files, place: Callable[[str], str]) -> None:
        self.place = place
        self.files = files
        self.dataset = Dataset.load(place)
        self.popularity = self.array(files.popularity)
        self.withdrawn = self.array(files.withdrawn)

    def array(self, file: Path | None) -> np.ndarray:
        assert file is not None
        return load_array(self.place(file.name))

    def matrix(self, name: str) -> np.ndarray | sparse.csr_matrix:
        path = self.place(name)
        return load_array(path) if name.endswith(".npy") else load_matrix(path)

    def scores(
        self, variants: dict[str, Variant], users: np.ndarray, cases: Sequence[Case]
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Users x movies of each variant, one after the other; the caller may change them."""
        histories = rows_of([case.history for case in cases], len(self.popularity))
        items: dict[str, np.ndarray] = {}
        als = None
        if any(v.als for v in variants.values()):
            als = als_scores(
                self.array(self.files.user_factors)[users], self.array(self.files.item_factors)
            )
        for name, variant in variants.items():
            if variant.live is not None:
                yield name, self.live(variant, cases)
                continue
            item = None
            if variant.item is not None:
                if variant.item not in items:
                    found = histories @ self.matrix(variant.item)
                    items[variant.item] = found.toarray() if sparse.issparse(found) else found
                item = items[variant.item]
            yield name, self.blended(variant, item, als, len(cases))

    def blended(
        self, variant: Variant, item: np.ndarray | None, als: np.ndarray | None, count: int
    ) -> np.ndarray:
        if variant.ranked is not None:
            none = np.zeros((count, 0), dtype=np.float32)
            return with_popularity(none if item is None else item, self.popularity, variant.ranked)
        if item is None and not variant.als:
            return np.zeros((count, len(self.popularity)), dtype=np.float32)
        scaled = None if item is None else standardised(item)
        return blend(scaled, als if variant.als else None, variant.als)

    def live(self, variant: Variant, cases: Sequence[Case]) -> np.ndarray:
        assert variant.item is not None and variant.live is not None
        assert self.files.next is not None
        return live_scores(
            self.matrix(variant.item),
            self.matrix(self.files.next.name),
            self.popularity,
            cases,
            variant.live,
            variant.ranked or Ranked(),
        )
