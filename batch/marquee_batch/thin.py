"""Which lists to publish where data is thin: item-item as the settings have it, a blend of it with
popularity, or popularity. Pure.

    S = xB / sd(xB) + share x likes / sd(likes)

with one deviation each over all users and movies. Each way is judged on the run's own cut; the
default is left for a blend that beats it by two standard errors of the paired difference alone, and
popularity is published unless the choice beats it by one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

#: Times the regularisation of the settings: more of it, more still, and less.
MORE, MOST, LESS = 4.0, 16.0, 0.5
#: Shares of popularity that are tried.
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
#: Standard errors by which a blend must beat the default, and the choice popularity.
TO_LEAVE = 2.0
TO_BEAT = 1.0
#: Times popularity's NDCG, from which on the default is no matter of doubt.
CLEAR_RATIO = 1.4


@dataclass(frozen=True)
class Choice:
    kind: str  # item_item, blend or popularity
    factor: float = 1.0  # times the regularisation of the settings
    share: float = 0.0  # of popularity, in a blend


DEFAULT = Choice("item_item")
POPULARITY = Choice("popularity")


def lead(better: np.ndarray, worse: np.ndarray) -> float:
    """Mean paired difference in standard errors; without any spread infinite, or 0."""
    apart = better - worse
    mean = float(apart.mean())
    error = float(apart.std(ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else np.inf
    if error == 0:
        return float(np.sign(mean)) * np.inf if mean != 0 else 0.0
    return mean / error


def choose(
    default: np.ndarray,
    popular: np.ndarray,
    blends: Mapping[tuple[float, float], np.ndarray],
) -> Choice:
    """From each judged user's NDCG: of the default, of popularity, of blends by factor and
    share."""
    choice, figures = DEFAULT, default
    if blends:
        best = max(blends, key=lambda name: float(blends[name].mean()))  # of equals the first
        if lead(blends[best], default) > TO_LEAVE:
            factor, share = best
            choice = Choice("blend" if share > 0 else "item_item", factor, share)
            figures = blends[best]
    return choice if lead(figures, popular) > TO_BEAT else POPULARITY


def in_doubt(
    default: np.ndarray,
    popular: np.ndarray,
    blends: Mapping[tuple[float, float], np.ndarray],
) -> bool:
    """Whether other regularisations are worth their training: with plenty of data the default is
    far above popularity, and no share of that adds to it."""
    if default.mean() < CLEAR_RATIO * popular.mean():
        return True
    return any(lead(figures, default) > TO_LEAVE for figures in blends.values())


def search(
    default: np.ndarray,
    popular: np.ndarray,
    measure: Callable[[float], Mapping[tuple[float, float], np.ndarray]],
) -> Choice:
    """`measure` gives the blends of a factor. More regularisation is tried where there is doubt,
    and as long as it ranks better; less of it where more does not."""
    blends = dict(measure(1.0))
    if in_doubt(default, popular, blends):
        more = measure(MORE)
        other = MOST if highest(more) > highest(blends) else LESS
        blends |= {**more, **measure(other)}
    return choose(default, popular, blends)


def highest(blends: Mapping[tuple[float, float], np.ndarray]) -> float:
    return max(float(figures.mean()) for figures in blends.values())
