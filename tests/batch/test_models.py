"""The item-item model, ranking, metrics, the gate, metadata vectors, biases."""

import csv
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from make import SETTINGS, dataset
from marquee_batch.biases import errors, fit_biases, residuals
from marquee_batch.dataset import users_to_judge
from marquee_batch.embeddings import features, predict
from marquee_batch.gate import Serving, decide, verdict
from marquee_batch.holdout import History, relevant
from marquee_batch.item_item import (
    column_norms,
    ease,
    gram_block,
    gram_of_columns,
    regress,
    sparse_block,
)
from marquee_batch.metrics import Tally
from marquee_batch.ranking import als_scores, blend, rows_of, standardised, top
from marquee_batch.thin import DEFAULT, POPULARITY

EVALUATION = Path(__file__).parents[3] / "shared" / "eval"


def some_matrix(seed: int, users: int = 60, movies: int = 25) -> sparse.csr_matrix:
    print(f"seed {seed}")
    dense = np.random.default_rng(seed).integers(0, 7, (users, movies)).astype(np.float32)
    dense[np.random.default_rng(seed + 1).random((users, movies)) < 0.7] = 0
    dense[:, -1] = 0  # a movie that nobody liked
    return sparse.csr_matrix(dense)


def gram_of(x: sparse.csr_matrix, block: int = 10) -> np.ndarray:
    columns = x.tocsc()
    parts = [
        gram_block(x, columns, s, min(s + block, x.shape[1])) for s in range(0, x.shape[1], block)
    ]
    return np.concatenate(parts)


def sparse_model(
    x: sparse.csr_matrix, start: int, end: int, neighbours: int, c: float, positive=False
):
    columns = x.tocsc()
    return sparse_block(
        gram_block(x, columns, start, end),
        start,
        column_norms(columns),
        lambda near: gram_of_columns(columns, near),
        neighbours=neighbours,
        regularisation=c,
        positive=positive,
    )


def test_ease_is_its_closed_form():
    x = some_matrix(random.randrange(2**31))
    dense = x.toarray().astype(np.float64)
    inverse = np.linalg.inv(dense.T @ dense + 50 * np.eye(25))
    wanted = -inverse / np.diag(inverse)
    np.fill_diagonal(wanted, 0)
    gram = gram_of(x)
    np.testing.assert_array_equal(gram, dense.T @ dense)
    np.testing.assert_allclose(ease(gram, 50.0), wanted, atol=1e-4)


def test_the_sparse_model_with_all_neighbours_is_each_movies_ridge_regression():
    x = some_matrix(random.randrange(2**31))
    near, movie, weight = sparse_model(x, 3, 6, 99, 20.0)
    dense = x.toarray().astype(np.float64)
    for j in (3, 4, 5):
        others = [i for i in range(25) if i != j and (dense[:, i] * dense[:, j]).sum() > 0]
        a = dense[:, others]
        wanted = np.linalg.solve(a.T @ a + 20 * np.eye(len(others)), a.T @ dense[:, j])
        assert near[movie == j].tolist() == others
        np.testing.assert_allclose(weight[movie == j], wanted, atol=1e-4)


def test_the_sparse_model_keeps_the_strongest_neighbours_and_can_keep_positive_ones_alone():
    x = some_matrix(5)
    near, movie, weight = sparse_model(x, 0, 25, 4, 1.0)
    assert np.bincount(movie, minlength=25).max() == 4
    assert (weight < 0).any()
    assert not (near == movie).any()
    _, _, positive = sparse_model(x, 0, 25, 4, 1.0, True)
    assert (positive > 0).all()
    assert regress(np.eye(2), np.array([-1.0, -2.0]), 1.0, True).tolist() == [0, 0]


def test_a_movie_that_nobody_liked_has_no_neighbours():
    x = some_matrix(5)
    assert 24 not in sparse_model(x, 0, 25, 9, 1.0)[1]


def history(*movies: int, weights: list[float] | None = None) -> History:
    count = len(movies)
    return History(
        np.array(movies, np.int32),
        np.array(weights or [1.0] * count, np.float32),
        np.ones(count, bool),
        np.full(count, np.nan, np.float32),
        np.arange(count),
    )


def test_scores_are_in_standard_deviations_and_blend_by_share():
    model = np.array([[0, 2, 1], [2, 0, 0], [1, 0, 0]], np.float32)
    some = rows_of([history(0), history(), history(1, weights=[0.0])], 3)
    item = standardised(some @ model)
    np.testing.assert_allclose(item[0], np.array([0, 2, 1]) / np.std([0, 2, 1]), rtol=1e-6)
    assert not item[1:].any()
    cut = (some @ sparse.csr_matrix(model)).toarray()
    np.testing.assert_allclose(item, standardised(cut))
    als = als_scores(
        np.array([[1.0, 0]], np.float32), np.array([[1, 0], [2, 0], [3, 5]], np.float32)
    )
    np.testing.assert_allclose(blend(item[:1], als, 0.5), item[:1] + 0.5 * als, rtol=1e-6)
    np.testing.assert_array_equal(blend(None, als, 0.5), als)


def test_a_list_is_by_score_then_popularity_then_place_without_what_is_hidden():
    popular = np.array([5, 1, 5, 9, 0], np.float32)
    scores = np.array([1, 1, 1, 3, 2], np.float32)
    assert top(scores.copy(), np.array([4]), popular, 3).tolist() == [3, 0, 2]
    assert top(np.zeros(5, np.float32), np.array([], int), popular, 3).tolist() == [3, 0, 2]
    assert top(scores.copy(), np.array([0, 1, 2, 3, 4]), popular, 3).tolist() == []
    assert top(scores.copy(), np.array([], int), popular, 50).tolist() == [3, 4, 0, 2, 1]


def test_what_is_held_out_is_each_users_last_share_as_the_protocol_splits():
    rows = [[(m, 4.0) for m in range(n)] for n in range(1, 12)]
    data = dataset(rows)
    held = data.held_out(0.2)
    counts = [int(held[data.indptr[u] : data.indptr[u + 1]].sum()) for u in range(11)]
    assert counts == [n - round(n * 0.8) for n in range(1, 12)]
    assert not data.held_out(0.0).any()
    assert users_to_judge(data, SETTINGS.holdout, 1).tolist() == [
        u for u, c in enumerate(counts) if c
    ]


def test_liked_is_by_the_rating_or_without_one_by_the_weight():
    held = History(
        np.arange(4, dtype=np.int32),
        np.array([4, 3, 3, 1], np.float32),
        np.ones(4, bool),
        np.array([4.0, 3.5, np.nan, np.nan], np.float32),
        np.arange(4),
    )
    assert relevant(held, SETTINGS.holdout).tolist() == [0, 2]


def test_metrics_by_hand():
    tally = Tally()
    tally.add(np.array([7, 1, 8, 2]), np.array([1, 2, 3]))
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert tally.means(10) == pytest.approx(
        {
            "ndcg_at_10": (1 / np.log2(3) + 1 / np.log2(5)) / ideal,
            "recall_at_10": 2 / 3,
            "hit_rate_at_10": 1,
            "recall_at_50": 2 / 3,
            "coverage_at_10": 0.4,
        }
    )
    tally.add(np.array([], int), np.array([5]))
    assert tally.means(10)["recall_at_10"] == pytest.approx(1 / 3)
    assert Tally().means(10) == {}


@pytest.mark.skipif(
    not EVALUATION.exists(), reason="the evaluation scripts are not beside the project"
)
def test_metrics_equal_the_evaluations_own(tmp_path: Path):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    tally = Tally()
    with (tmp_path / "recs.csv").open("w") as recs, (tmp_path / "test.csv").open("w") as test:
        recs.write("user_id,movie_id,rank\n")
        test.write("userId,movieId,rating,timestamp\n")
        for user in range(80):
            ranked = chance.sample(range(300), chance.choice([0, 3, 50]))
            liked = chance.sample(range(300), chance.randrange(1, 40))
            csv.writer(recs).writerows([user, movie, rank] for rank, movie in enumerate(ranked, 1))
            csv.writer(test).writerows([user, movie, 4.0, 1] for movie in liked)
            test.write(f"{user},{500 + user},3.5,2\n")
            tally.add(np.array(ranked, int), np.array(liked))
    script = [sys.executable, str(EVALUATION / "score.py"), str(tmp_path / "recs.csv")]
    done = subprocess.run(
        [*script, str(tmp_path / "test.csv"), "--catalogue", "300"], capture_output=True, check=True
    )
    theirs = json.loads(done.stdout)
    assert theirs.pop("users") == 80
    # Theirs are rounded to 4 digits.
    ours = {name.replace("_at_", "@"): value for name, value in tally.means(300).items()}
    assert ours == pytest.approx(theirs, abs=0.5001e-4)


def test_the_gate_names_what_a_model_fails_of():
    good = {"ndcg_at_10": 0.12, "coverage_at_10": 0.05}
    popular = {"ndcg_at_10": 0.07, "coverage_at_10": 0.001}

    def said(chosen=good, live=0.13, active=None, choice=DEFAULT):
        metrics = {"popularity": popular, "live": {"ndcg_at_10": live}} if chosen else {}
        return str(verdict(choice, metrics, chosen, active, SETTINGS.gate))

    assert said() == said(active=0.13) == "None"
    assert "active model" in said(active=0.14)
    assert "popularity" in said(chosen={**good, "ndcg_at_10": 0.06})
    assert "of live lists, 0.0600" in said(live=0.06)
    assert "coverage" in said(chosen={**good, "coverage_at_10": 0.001})
    assert "nobody" in said(chosen={})
    # Popularity covers little, and its neighbours do not serve.
    assert said(chosen=popular, live=0.01, choice=POPULARITY) == "None"
    assert "active model" in said(chosen=popular, choice=POPULARITY, active=0.12)


def test_what_is_refused_gives_way_to_popularity_unless_a_better_model_serves():
    personal, popular = Serving("a", 0.12, "item_item"), Serving("a", 0.05, "popularity")
    for serving, rejected in ((None, False), (popular, False), (personal, True)):
        decision = decide(DEFAULT, {}, {}, serving, SETTINGS.gate)
        assert decision.rejected == rejected
        assert "nobody" in str(decision.reason)
        assert decision.choice == (DEFAULT if rejected else POPULARITY)


def test_a_new_movie_gets_a_vector_near_those_of_its_genre():
    catalogue = [
        (i, ["Noir"] if i % 2 else ["Comedy"], ["dark"] if i % 2 else [], 1950 + i)
        for i in range(40)
    ]
    catalogue += [(100, ["Noir"], ["dark"], 1960), (101, ["Comedy"], [], 1960), (102, [], [], None)]
    rows = features(catalogue)
    factors = np.array([[1.0, 0] if i % 2 else [0, 1.0] for i in range(40)], np.float32)
    noir, comedy, unknown = predict(rows[:40], factors, np.full(40, 100.0), rows[40:])
    assert noir[0] > 0.9 > 0.1 > noir[1]
    assert comedy[1] > 0.9 > 0.1 > comedy[0]
    assert np.isfinite(unknown).all()


def test_biases_explain_what_users_and_movies_have_in_common_and_unknown_ones_get_the_mean():
    chance = np.random.default_rng(3)
    user, movie = chance.integers(0, 50, 4000), chance.integers(0, 30, 4000)
    stars = 3.5 + chance.normal(0, 0.5, 50)[user] + chance.normal(0, 0.5, 30)[movie]
    biases = fit_biases(user, movie, stars, 51, 31, SETTINGS.ratings)
    assert np.sqrt(np.mean(residuals(user, movie, stars, biases) ** 2)) < 0.05
    assert biases.users[50] == biases.movies[30] == 0
    assert fit_biases(user[:0], movie[:0], stars[:0], 2, 2, SETTINGS.ratings).mean == 0
    assert errors(np.array([4.0, 3.0]), np.array([3.0, 3.0])) == pytest.approx(
        {"rmse": 0.5**0.5, "mae": 0.5}
    )


@pytest.mark.skipif(
    not EVALUATION.exists(), reason="the evaluation scripts are not beside the project"
)
@pytest.mark.parametrize("name", ["split.py", "score.py"])
def test_the_protocols_scripts_are_unchanged(name: str):
    ours = Path(__file__).parents[2] / "batch" / "evaluation" / name
    assert ours.read_bytes() == (EVALUATION / name).read_bytes()
