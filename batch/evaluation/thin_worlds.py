"""python evaluation/thin_worlds.py [--data DIR] [--few]: are lists of thin worlds below popularity?

In batch/, with numpy, scipy and pyarrow. Each world has a train part, of which a run's rule
chooses what to publish by a cut of its own, and a test part, by which nightly and live lists are
held against popularity: paired differences of NDCG@10 with two standard errors. Ends with 1 when
some are worse.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import sparse

sys.path.insert(0, str(Path(__file__).parent.parent))

from evaluation.local import LocalModels, chosen
from evaluation.worlds import World, generated, read_movielens, thinned

from marquee_batch.cases import Case
from marquee_batch.settings import load_settings
from marquee_batch.thin import POPULARITY

#: Of who is judged, and of whose scores deviations are taken.
SEED = 1


def worlds(data: Path | None, few: bool) -> Iterator[World]:
    if data is not None:
        actions = read_movielens(data)
        for left in (3, 5, 10, 20):
            for seed in (1,) if few else (1, 2, 3):
                yield thinned(actions, left, seed)
    for liked in (2.0, 3.0, 4.0, 5.0):
        for seed in (1,) if few else (1, 2):
            yield generated(liked, seed)


def test_cases(world: World) -> list[Case]:
    """Everybody who liked something later; what nobody in train knows counts, and is not found."""
    found = []
    for user, liked in enumerate(world.test):
        if len(liked) + world.lost[user] == 0:
            continue
        history = next(world.train.histories(user, user + 1))
        liked = np.concatenate([liked, np.full(world.lost[user], -1)])
        found.append(Case(history, liked, int(world.next_ms[user])))
    return found


def judge(world: World, settings) -> tuple[str, bool]:
    choice, seen = chosen(world.train, settings, SEED)
    models, cases = LocalModels(world.train, 0.0, settings, SEED), test_cases(world)
    popular = models.nightly(POPULARITY, sparse.csr_matrix(models.gram.shape), cases)
    columns, worse = [], False
    for figures in (
        models.nightly(choice, models.full(choice.factor), cases),
        models.live(choice, cases),
    ):
        apart = figures - popular
        error = 2 * apart.std(ddof=1) / np.sqrt(len(apart))
        worse |= bool(apart.mean() < -error)
        columns.append(f"{figures.mean():.4f} ({apart.mean():+.4f} +- {error:.4f})")
    made = f"{choice.kind} x{choice.factor:g} +{choice.share:g}"
    line = f"{world.name:38} {made:22} {popular.mean():.4f}  {columns[0]}  {columns[1]}  {seen}"
    return f"{line}{'  WORSE' if worse else ''}", worse


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a MovieLens folder")
    parser.add_argument("--few", action="store_true", help="one seed a kind of world")
    given = parser.parse_args()
    print(f"{'world':38} {'chosen':22} popular nightly (difference)        live (difference)")
    worse = 0
    for world in worlds(given.data, given.few):
        line, is_worse = judge(world, load_settings())
        worse += is_worse
        print(line, flush=True)
    print(f"{worse} of them below popularity")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
