"""Where live lists are judged, and the numpy form of what serves."""

import random
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from make import SETTINGS, dataset
from marquee_batch.cases import Case, after_pauses, at_cut, cases_of, within_visits
from marquee_batch.holdout import History
from marquee_batch.live_scores import live_scores
from marquee_batch.ranking import Ranked, Spread, spread_of

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
HOLDOUT = SETTINGS.holdout


def timed(gaps: list[int], stars: list[float]):
    data = dataset([list(enumerate(stars, 1))])
    data.times[:] = np.cumsum(gaps)
    return data


def test_places_within_a_visit_and_after_a_pause_are_told_apart_and_the_middle_one_is_taken():
    # 20 pairs, of which the last 4 are held out: places 16 to 19.
    visit, pause = MINUTE_MS, HOUR_MS
    data = timed([pause] * 16 + [visit, pause, visit, pause], [5.0] * 20)
    found = within_visits(data, HOLDOUT, 1)
    assert (found.users.tolist(), found.known.tolist(), found.ends.tolist()) == ([0], [18], [20])
    assert after_pauses(data, HOLDOUT, 1).known.tolist() == [19]
    [case] = cases_of(data, found, HOLDOUT)
    assert case.history.movies.tolist() == list(range(18))
    assert case.liked.tolist() == [18, 19]
    assert case.now_ms - case.history.times[-1] == MINUTE_MS


def test_a_place_needs_something_liked_among_the_next_actions():
    data = timed([MINUTE_MS] * 20, [5.0] * 17 + [3.0] * 3)
    assert within_visits(data, HOLDOUT, 1).known.tolist() == [16]
    assert len(after_pauses(data, HOLDOUT, 1)) == 0
    # Not beyond the next 20: of 200 pairs place 160 is the first held out, and 185 the liked one.
    data = timed([MINUTE_MS] * 200, [3.0] * 185 + [5.0] + [3.0] * 14)
    found = within_visits(data, HOLDOUT, 1)
    assert found.known.tolist() == [176]  # of 166 to 185
    assert found.ends.tolist() == [196]


def test_at_the_cut_all_that_is_held_out_is_to_be_found():
    data = dataset([[(m, 4.0) for m in range(10)], [(m, 4.0) for m in range(2)]])
    found = at_cut(data, HOLDOUT, 1)
    assert (found.users.tolist(), found.known.tolist(), found.ends.tolist()) == ([0], [8], [10])
    assert sum(len(part) for part in found.split(1)) == 1


def test_as_many_as_are_to_be_judged_are_chosen_by_seed():
    data = dataset([[(m, 5.0) for m in range(10)] for _ in range(30)])
    data.times[:] = 0
    few = replace(HOLDOUT, users_max=7)
    first, again = within_visits(data, few, 3), within_visits(data, few, 3)
    assert len(first) == 7
    assert first.users.tolist() == again.users.tolist() == sorted(first.users.tolist())


def case_of(movies: list[int], weights: list[float], times: list[int], now_ms: int) -> Case:
    count = len(movies)
    return Case(
        History(
            np.array(movies),
            np.array(weights, np.float32),
            np.ones(count, bool),
            np.full(count, np.nan, np.float32),
            np.array(times),
        ),
        np.array([0]),
        now_ms,
    )


def by_hand(b, n, likes, case, order, ranked) -> np.ndarray:
    movies, history = len(likes), case.history
    fade = np.exp(-(case.now_ms - history.times[-1]) / HOUR_MS / order.fade_hours)
    item, after, total = np.zeros(movies), np.zeros(movies), 0.0
    for k, (movie, weight) in enumerate(zip(history.movies, history.weights, strict=True)):
        later = len(history.movies) - 1 - k
        boosted = weight * (1 + order.boost * fade * 0.5 ** (later / order.boost_half_life))
        total += boosted
        item += boosted * b[movie]
        if later < order.next_actions:
            after += 0.5 ** (later / order.next_half_life) * weight / 4 * n[movie]
    if ranked.kind == "blend":
        item *= history.weights.sum() / total / ranked.item_deviation
        item += ranked.popularity_share * likes / ranked.popularity_deviation
    else:
        item /= item.std()
    return item + order.next_share * fade * after / after.std()


@pytest.mark.parametrize("ranked", [Ranked(), Ranked("blend", 0.3, 2.0, 5.0)])
def test_live_scores_are_the_recipe(ranked):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = np.random.default_rng(seed)
    b, n = (chance.random((9, 9)) * (chance.random((9, 9)) < 0.6) for _ in range(2))
    likes = chance.integers(0, 9, 9).astype(np.float32)
    order = replace(SETTINGS.order, next_actions=2)
    cases = [
        case_of([1, 4, 7], [4.0, 0.0, 6.0], [0, 5, 9], 9 + HOUR_MS // 2),
        case_of([3], [2.0], [0], 0),
    ]
    b[[1, 7, 3]] += 0.1  # each has something to say
    n[[1, 7, 3], 0] += 0.5
    found = live_scores(
        sparse.csr_matrix(b, dtype=np.float32),
        sparse.csr_matrix(n, dtype=np.float32),
        likes,
        cases,
        order,
        ranked,
    )
    for row, case in zip(found, cases, strict=True):
        wanted = by_hand(b, n, likes, case, order, ranked)
        np.testing.assert_allclose(row, wanted, rtol=1e-4, atol=1e-5)


def test_popularity_serves_popularity_and_a_day_later_order_says_nothing():
    none = sparse.csr_matrix((3, 3), dtype=np.float32)
    one = case_of([0], [4.0], [0], 24 * HOUR_MS)
    likes = np.array([1, 5, 2], np.float32)
    popular = live_scores(none, none, likes, [one], SETTINGS.order, Ranked("popularity"))
    assert popular[0].tolist() == [1, 5, 2]
    b = sparse.csr_matrix(np.array([[0, 2, 1], [0, 0, 0], [0, 0, 0]], np.float32))
    n = sparse.csr_matrix(np.array([[0, 0, 9], [0, 0, 0], [0, 0, 0]], np.float32))
    later = live_scores(b, n, likes, [one], SETTINGS.order, Ranked())
    np.testing.assert_allclose(later[0], np.array([0, 2, 1]) / np.std([0, 2, 1]), rtol=1e-5)


def test_a_deviation_is_that_of_all_users_scores_together():
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = np.random.default_rng(seed)
    data = dataset([[(int(m), 5.0) for m in chance.permutation(12)[:5]] for _ in range(9)])
    model = chance.normal(size=(len(data.movie_ids),) * 2).astype(np.float32)
    known = data.known(np.arange(9), 0.2)
    assert [len(history.movies) for history in known] == [4] * 9
    wanted = (data.matrix(~data.held_out(0.2)) @ model).std()
    parts = spread_of(model, known[:4]) + spread_of(sparse.csr_matrix(model), known[4:])
    assert parts.deviation() == pytest.approx(wanted, rel=1e-5)
    assert Spread().deviation() == 0
