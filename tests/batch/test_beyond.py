"""What lists are like, by hand."""

import numpy as np
import pytest

from marquee_batch.beyond import (
    World,
    diversity,
    genres_of,
    gini,
    head_of,
    miscalibration,
    of_all,
    of_list,
)
from marquee_batch.figures import Judged, figures_of
from marquee_batch.metrics import Tally
from marquee_batch.thin import DEFAULT, POPULARITY

CATALOGUE = [(10, ["Noir"], []), (20, ["Noir", "Comedy"], []), (30, [], []), (99, ["War"], [])]
GENRES = genres_of(np.array([10, 20, 30, 40]), CATALOGUE)
WORLD = World(support=np.array([8, 4, 2, 0]), genres=GENRES, users=16)


def test_genres_go_by_place_and_those_of_unknown_movies_are_empty():
    # Comedy, Noir, War
    assert GENRES.tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert genres_of(np.array([1, 2]), []).shape == (2, 0)


def test_lift_and_novelty():
    lift, novelty, *_ = of_list(WORLD, np.array([0, 3]), np.array([1, 2]), np.array([1]))
    assert lift == pytest.approx(4 / 3)  # mean of 8 and 0 over that of 4 and 2
    assert novelty == pytest.approx((1 + 4) / 2)  # 8 of 16, and none counted as 1 of 16
    assert np.isnan(of_list(WORLD, np.array([], int), np.array([1]), np.array([1]))).all()
    assert np.isnan(of_list(WORLD, np.array([0]), np.array([3]), np.array([], int))[0])


def test_diversity_is_the_mean_of_what_pairs_do_not_share():
    # Noir and Noir: 0; Noir and Noir with Comedy, twice: 1/2. The movie without genres is left out.
    assert diversity(GENRES[[0, 0, 1, 2]]) == pytest.approx((0 + 0.5 + 0.5) / 3)
    assert np.isnan(diversity(GENRES[[0, 2]]))


def test_miscalibration_is_the_divergence_of_genres():
    # Liked: half Noir alone, half Noir with Comedy: 3/4 and 1/4. Listed: Noir alone.
    wanted = 0.75 * np.log(0.75 / (0.99 + 0.01 * 0.75)) + 0.25 * np.log(0.25 / (0.01 * 0.25))
    assert miscalibration(GENRES[[0, 1]], GENRES[[0]]) == pytest.approx(wanted)
    assert miscalibration(GENRES[[0, 1]], GENRES[[1, 0]]) == pytest.approx(0)
    assert np.isnan(miscalibration(GENRES[[2]], GENRES[[0]]))


def test_gini_is_0_for_equal_shares_and_near_1_for_one_movie():
    assert gini(dict.fromkeys(range(5), 3), 5) == pytest.approx(0)
    assert gini({0: 7}, 5) == pytest.approx(4 / 5)
    # 0, 0, 1, 3: (-3)0 + (-1)0 + 1*1 + 3*3 over 4 * 4
    assert gini({0: 1, 1: 3}, 4) == pytest.approx(10 / 16)


def test_the_head_holds_half_of_all_pairs():
    assert head_of(np.array([8, 4, 2, 2])).tolist() == [True, False, False, False]
    assert head_of(np.array([3, 3, 3, 0])).tolist() == [True, True, False, False]
    found = of_all(WORLD, {0: 3, 1: 1}, {0: 1, 1: 1, 2: 2})
    assert found["head_share_at_10"] == pytest.approx(0.75)
    assert found["top_1_share"] == pytest.approx(0.5)


def test_a_tally_has_them_with_what_is_right_and_adds_up():
    parts = [Tally(), Tally()]
    for tally, ranked in zip(parts, ([0, 3], [0]), strict=True):
        tally.add(np.array(ranked), np.array([0]))
        tally.lists.append(of_list(WORLD, np.array(ranked), np.array([1, 2]), np.array([1])))
    parts[0].merge(parts[1])
    found = parts[0].means(4, WORLD)
    assert parts[0].ndcg == [1, 1]
    assert found["popularity_lift_at_10"] == pytest.approx((4 / 3 + 8 / 3) / 2)
    assert found["top_1_share"] == 1
    assert "diversity_at_10" not in found  # nothing to say of it


def test_columns_are_those_of_what_is_published():
    metrics = {
        "popularity": {"ndcg_at_10": 0.1, "novelty_at_10": 1.5},
        "blend": {"ndcg_at_10": 0.2, "novelty_at_10": 2.5},
        "live": {"ndcg_at_10": 0.3},
    }
    places = {"visit": {"users": 7, "live": 0.4, "unordered": 0.35, "popularity": 0.15}}
    judged = Judged({"rmse": 0.9}, DEFAULT, 9, metrics, places)
    found = figures_of(judged, "blend", DEFAULT)
    assert (found["ndcg_at_10"], found["novelty_at_10"], found["rmse"]) == (0.2, 2.5, 0.9)
    assert (found["live_ndcg_at_10"], found["visit_ndcg_at_10"], found["visit_users"]) == (
        0.3,
        0.4,
        7,
    )
    popular = figures_of(judged, "blend", POPULARITY)
    assert (popular["ndcg_at_10"], popular["novelty_at_10"]) == (0.1, 1.5)
    assert (popular["live_ndcg_at_10"], popular["visit_ndcg_at_10"]) == (0.1, 0.15)
    assert figures_of(Judged({}), "blend", POPULARITY)["ndcg_at_10"] is None
