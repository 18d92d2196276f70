"""What serves live, on arrays: neighbours on a fresh history, the newest actions boosted, and a
share of what comes next; both fade with the time since the last action. As serving has it. Pure."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from .cases import Case
from .ranking import Ranked, standardised, with_popularity
from .settings import Order

#: The weight of which an action counts as a whole one for what comes next: a rating of 4 stars.
WHOLE_WEIGHT = 4


def live_scores(
    neighbours: sparse.csr_matrix,
    following: sparse.csr_matrix,
    popularity: np.ndarray,
    cases: Sequence[Case],
    order: Order,
    ranked: Ranked,
) -> np.ndarray:
    """Users x movies:

    w_k' = w_k (1 + boost f 0.5^(p_k / boost_half_life))
    next = sum over the last next_actions k of 0.5^(p_k / next_half_life) (w_k / 4) N_k
    s    = sum_k w_k' B_k / sd + next_share f next / sd

    p_k: later actions; f = exp(-(now - last) / fade_hours). In a blend the first term is
    xB / item_deviation + share x likes / popularity_deviation, with x' scaled to the sum of x.
    """
    if ranked.kind == "popularity":
        return np.tile(popularity, (len(cases), 1)).astype(np.float32)
    fades = np.array([fade(case, order) for case in cases], dtype=np.float32)
    boosted, newest = [], []
    for case, faded in zip(cases, fades, strict=True):
        later = np.arange(len(case.history.movies))[::-1]
        weights = case.history.weights * (
            1 + order.boost * faded * 0.5 ** (later / order.boost_half_life)
        )
        if ranked.kind == "blend":
            weights *= case.history.weights.sum() / max(weights.sum(), 1e-9)
        boosted.append(weights)
        newness = 0.5 ** (later / order.next_half_life) * (later < order.next_actions)
        newest.append(case.history.weights * newness / WHOLE_WEIGHT)
    item = (rows(cases, boosted, neighbours.shape[0]) @ neighbours).toarray()
    item = with_popularity(item, popularity, ranked)
    after = standardised((rows(cases, newest, following.shape[0]) @ following).toarray())
    return item + order.next_share * fades[:, np.newaxis] * after


def fade(case: Case, order: Order) -> float:
    hours = max(0, case.now_ms - int(case.history.times[-1])) / 3_600_000
    return float(np.exp(-hours / order.fade_hours))


def rows(cases: Sequence[Case], weights: Sequence[np.ndarray], movies: int) -> sparse.csr_matrix:
    ends = np.cumsum([0, *(len(case.history.movies) for case in cases)])
    return sparse.csr_matrix(
        (
            np.concatenate(weights).astype(np.float32),
            np.concatenate([case.history.movies for case in cases]),
            ends,
        ),
        shape=(len(cases), movies),
    )
