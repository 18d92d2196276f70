"""Inputs at the edge, through Spark itself."""

import os
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from evaluation.local import chosen
from evaluation.worlds import generated
from pyspark.sql import SparkSession

from make import SETTINGS, dataset
from marquee_batch import tune
from marquee_batch.appraisal import appraise
from marquee_batch.dataset import Dataset
from marquee_batch.errors import BatchError
from marquee_batch.lists import make_lists
from marquee_batch.models import Trainer
from marquee_batch.options import Options
from marquee_batch.progress import Progress
from marquee_batch.reading import Gathered
from marquee_batch.session import DEEP_STACK
from marquee_batch.thin import DEFAULT


@pytest.fixture(scope="module")
def spark():
    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "1g")
        .config(
            "spark.driver.extraJavaOptions",
            f"{DEEP_STACK} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        )
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def gathered(data: Dataset) -> Gathered:
    users = pa.array([f"user-{n}" for n in range(data.users)])
    return Gathered(
        users, data, len(data.movies), catalogue=[], source=None, hot_rows=0, skipped={}
    )


def lists(spark: SparkSession, data: Dataset, folder: Path) -> dict[str, list[int]]:
    """Judges and trains as a run does; the lists of all users, blended."""
    trainer = Trainer(spark, SETTINGS, 7, lambda _: None)
    judged = appraise(trainer, data, folder / "judge")
    assert all(0 <= m["ndcg_at_10"] <= 1 for m in judged.metrics.values())
    found = gathered(data)
    trained = trainer.train(found, folder / "final", DEFAULT)
    made = make_lists(spark, trained.ranking.files, trained.lists, found.users, 50).collect()
    assert all(np.isfinite(row.scores).all() for row in made)
    return {row.user_id: row.movie_ids for row in made}


def test_one_user_and_one_movie_give_an_empty_list(spark, tmp_path):
    assert lists(spark, dataset([[(9, 5.0)]]), tmp_path) == {"user-0": []}


def test_one_user_gets_what_is_not_seen(spark, tmp_path):
    data = dataset([[(n, 4.0) for n in range(1, 11)]])
    data.seen[:] = False
    assert sorted(lists(spark, data, tmp_path)["user-0"]) == list(range(1, 11))


def test_rows_that_are_all_the_same_are_no_trouble(spark, tmp_path):
    data = dataset([[(n, 4.0) for n in range(1, 9)] for _ in range(6)])
    assert lists(spark, data, tmp_path) == {f"user-{n}": [] for n in range(6)}


def test_nothing_liked_is_said(spark, tmp_path):
    found = gathered(dataset([[(1, 1.0), (2, 2.0)]]))
    with pytest.raises(BatchError, match="nobody liked anything") as caught:
        Trainer(spark, SETTINGS, 7, lambda _: None).train(found, tmp_path / "final", DEFAULT)
    assert caught.value.code == "MARQUEE_BATCH_EMPTY"


def test_a_search_tries_all_and_chooses_what_ranks(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(tune, "REGULARISATIONS", (0.001, 1.0))
    monkeypatch.setattr(tune, "NEIGHBOURS", (5,))
    monkeypatch.setattr(tune, "ALS_GRID", ((2, 0.1), (4, 0.1)))
    monkeypatch.setattr(tune, "RATINGS_GRID", ((2, 0.1),))
    random = np.random.default_rng(7)
    # Even users like even movies.
    rows = [
        [(int(m), 5.0) for m in random.permutation(np.arange(u % 2, 60, 2))[:15]] for u in range(40)
    ]
    options = Options(SETTINGS, 7, "", "", {}, False, False, "", "", 0, None)
    search = tune.Search(options, spark, gathered(dataset(rows)), tmp_path / "trials")
    search.run(Progress())
    names = [trial["setting"].split("=")[0] for trial in search.tried]
    blends = ["blend.als"] * len(tune.BLENDS)
    groups = ["item_item.regularisation"] * 2 + ["item_item.neighbours"] + ["als.factors"] * 2
    assert names == [*groups, *blends, "ratings.factors"]
    best = max(t["ndcg_at_10"] for t in search.tried if "ndcg_at_10" in t)
    chosen = next(
        t for t in search.tried if t["setting"] == f"blend.als={search.settings.blend.als:g}"
    )
    assert chosen["ndcg_at_10"] >= 0.98 * best > 0.2
    # What was not chosen takes no room.
    assert len(list((tmp_path / "trials").glob("ease-*"))) == 1
    assert len(list((tmp_path / "trials").glob("users-*"))) == 1


def test_what_is_chosen_in_a_thin_world_is_what_one_process_chooses(spark, tmp_path):
    data = generated(6.0, 1, users=1_500, movies=250).train
    alone, figures = chosen(data, SETTINGS, 7)
    assert alone.kind == "blend"
    trainer = Trainer(spark, SETTINGS, 7, lambda _: None)
    judged = appraise(trainer, data, tmp_path / "judge")
    assert judged.choice == alone
    found = [judged.metrics[name]["ndcg_at_10"] for name in ("blend", "popularity", "live")]
    assert figures == "{:.4f} {:.4f} live {:.4f}".format(*found)
    assert judged.metrics["chosen"]["ndcg_at_10"] > found[0]
    trained = trainer.train(gathered(data), tmp_path / "final", judged.choice)
    assert (trained.live.kind, trained.live.popularity_share) == ("blend", alone.share)
    assert trained.lists.ranked.item_deviation > 0
    assert trained.neighbours.nnz > trained.next.shape[0]
    made = make_lists(spark, trained.ranking.files, trained.lists, gathered(data).users, 10)
    assert made.filter("size(movie_ids) < 10").count() == 0
