"""Where lists are asked for when models are judged: a user, what they had done by then, and what
they did next. Pure."""

from dataclasses import dataclass

import numpy as np

from .dataset import Dataset, users_to_judge
from .holdout import History, is_liked, relevant
from .settings import Holdout

PAUSE_MS = 3_600_000
#: Actions after a place among which a liked one is looked for.
AHEAD = 20


@dataclass(frozen=True)
class Cases:
    """Arrays of equal length, users ascending."""

    users: np.ndarray
    known: np.ndarray  # so many of the user's first pairs are known, at least one
    ends: np.ndarray  # what is judged by ends before this pair of the user's

    def __len__(self) -> int:
        return len(self.users)

    def split(self, size: int) -> list["Cases"]:
        parts = max(1, -(-len(self) // size))
        arrays = (np.array_split(a, parts) for a in (self.users, self.known, self.ends))
        return [Cases(*part) for part in zip(*arrays, strict=True)]


@dataclass(frozen=True)
class Case:
    history: History  # what is known
    liked: np.ndarray  # places of the movies that they liked of what comes then
    now_ms: int  # when the list is asked for: at the first action that is not known


def at_cut(data: Dataset, holdout: Holdout, seed: int) -> Cases:
    """Everybody once, at the cut: all that is held out is to be found."""
    users = users_to_judge(data, holdout, seed)
    starts = data.indptr[users]
    known = data.train_ends(holdout.share)[users] - starts
    return Cases(users, known, data.indptr[users + 1] - starts)


def within_visits(data: Dataset, holdout: Holdout, seed: int) -> Cases:
    """Places less than an hour after the last action; what is liked of the next 20 is to be
    found."""
    return few_enough(middle_places(data, holdout, within=True), holdout, seed)


def after_pauses(data: Dataset, holdout: Holdout, seed: int) -> Cases:
    """Places an hour or more after the last action."""
    return few_enough(middle_places(data, holdout, within=False), holdout, seed)


def middle_places(data: Dataset, holdout: Holdout, *, within: bool) -> Cases:
    """One place a user, the middle one of those in the held-out part."""
    user, pairs = data.user_of_pair(), np.arange(len(data.movies))
    liked = is_liked(data.ratings, data.weights, holdout)
    sums = np.concatenate([[0], np.cumsum(liked)])
    ends = np.minimum(pairs + AHEAD, data.indptr[1:][user])
    apart = np.diff(data.times, prepend=data.times[:1])
    fits = (apart < PAUSE_MS) == within
    fits &= data.held_out(holdout.share) & (pairs > data.indptr[:-1][user])
    places = np.flatnonzero(fits & (sums[ends] > sums[pairs]))
    users, first, count = np.unique(user[places], return_index=True, return_counts=True)
    middle = places[first + count // 2]
    starts = data.indptr[users]
    return Cases(users, middle - starts, ends[middle] - starts)


def few_enough(cases: Cases, holdout: Holdout, seed: int) -> Cases:
    """At most users_max, chosen by seed."""
    if len(cases) <= holdout.users_max:
        return cases
    kept = np.random.default_rng(seed).choice(len(cases), holdout.users_max, replace=False)
    kept.sort()
    return Cases(cases.users[kept], cases.known[kept], cases.ends[kept])


def cases_of(data: Dataset, cases: Cases, holdout: Holdout) -> list[Case]:
    found = []
    for user, known, end in zip(cases.users, cases.known, cases.ends, strict=True):
        whole = next(data.histories(user, user + 1))
        ahead = whole.cut(known, end)
        found.append(Case(whole.cut(0, known), relevant(ahead, holdout), int(ahead.times[0])))
    return found
