"""What each user did to each movie, from events."""

import dataclasses
import math
import random
import uuid

import numpy as np
import pyarrow as pa
import pytest

from make import DAY_MS, SETTINGS, event, events, folded, uuid7
from marquee_batch.archived import parse, uuid_bytes
from marquee_batch.history import EVENTS, first_copies, fold, gather


def test_a_low_rating_is_no_like_and_a_high_one_weighs_by_its_stars():
    found = folded(
        *(event("u", i, "rate", i, stars) for i, stars in enumerate([0.5, 2.0, 2.5, 4.0, 5.0]))
    )
    assert [found["u"][i]["weight"] for i in range(5)] == [0, 0, 1, 4, 6]
    assert all(pair["seen"] for pair in found["u"].values())


def test_a_dislike_takes_all_weight_until_a_later_like():
    disliked = [event("u", 1, "play", 1, 0.9), event("u", 1, "dislike", 2)]
    assert folded(*disliked)["u"][1]["weight"] == 0
    assert folded(*disliked, event("u", 1, "like", 3))["u"][1]["weight"] == pytest.approx(
        0.5 + 1.8 + 3
    )


def test_repeated_plays_add_up_to_a_bound():
    def plays(count: int) -> float:
        return folded(*(event("u", 1, "play", i, 0.1, tail=i) for i in range(count)))["u"][1][
            "weight"
        ]

    assert [plays(n) for n in (1, 2, 3, 4, 40)] == pytest.approx([0.7, 1.2, 1.7, 1.7, 1.7])


def test_of_ratings_and_list_changes_the_latest_by_id_counts():
    found = folded(
        event("u", 1, "rate", 5, 5.0, tail=2),
        event("u", 1, "rate", 5, 3.0, tail=9),
        event("u", 1, "rate", 4, 1.0),
        event("u", 2, "list_add", 1),
        event("u", 3, "list_add", 1),
        event("u", 3, "list_remove", 2),
    )
    assert found["u"][1]["rating"] == 3.0
    assert (found["u"][2]["weight"], found["u"][2]["seen"]) == (1, False)
    assert found["u"][3]["weight"] == 0


def test_seen_is_completed_rated_judged_or_watched_by_half():
    found = folded(
        event("u", 1, "view", 1),
        event("u", 2, "progress", 1, 0.49),
        event("u", 3, "progress", 1, 0.5),
        event("u", 4, "complete", 1),
        event("u", 5, "dislike", 1),
        event("u", 6, "share", 1),
    )
    assert {m: pair["seen"] for m, pair in found["u"].items()} == {
        1: False, 2: False, 3: True, 4: True, 5: True, 6: False,
    }  # fmt: skip
    assert math.isnan(found["u"][1]["rating"])


def test_a_complete_without_a_share_is_all_of_it():
    assert folded(event("u", 1, "complete", 1))["u"][1]["weight"] == pytest.approx(3)


def test_old_actions_decay_by_their_half_life():
    weights = dataclasses.replace(SETTINGS.weights, half_life_days=30)
    settings = dataclasses.replace(SETTINGS, weights=weights)
    rows = [
        event("u", 1, "like", 0),
        event("u", 2, "like", 30 * DAY_MS),
        event("u", 3, "like", 60 * DAY_MS),
    ]
    found = folded(*rows, settings=settings, newest_ms=60 * DAY_MS)
    assert [found["u"][m]["weight"] for m in (1, 2, 3)] == pytest.approx([0.75, 1.5, 3])


def test_the_same_events_in_any_order_give_the_same_histories():
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    actions = [
        "view",
        "click",
        "play",
        "progress",
        "rate",
        "like",
        "dislike",
        "list_add",
        "list_remove",
    ]
    rows = [
        event(
            f"u{chance.randrange(5)}",
            chance.randrange(6),
            action := chance.choice(actions),
            chance.randrange(50),
            {"rate": 4.0, "play": 0.3, "progress": 0.7}.get(action),
            tail=i,
        )
        for i in range(400)
    ]
    once = fold(events(*rows), SETTINGS, 50)
    chance.shuffle(rows)
    assert repr(fold(events(*rows), SETTINGS, 50).to_pylist()) == repr(once.to_pylist())
    assert once.column("user_id").to_pylist() == sorted(once.column("user_id").to_pylist())
    assert sum(once.column("events").to_pylist()) == 400


def test_of_copies_the_first_by_source_partition_and_offset_counts():
    copies = [
        event("late", 1, "like", 1, source=1, offset=1),
        event("first", 1, "like", 1, partition=0, offset=7),
        event("later", 1, "like", 1, partition=0, offset=8),
        event("elsewhere", 1, "like", 1, partition=1, offset=2),
        event("alone", 1, "like", 1, tail=1),
    ]
    assert first_copies(events(*copies)).column("user_id").to_pylist() == ["first", "alone"]
    assert len(first_copies(events())) == 0


def test_a_user_with_nothing_has_no_history():
    assert len(fold(events(), SETTINGS, 0)) == 0


def test_uuids_as_text_become_their_bytes():
    ids = [uuid.UUID(bytes=uuid7(1)), *(uuid.uuid4() for _ in range(9))]
    texts = pa.chunked_array([[str(i) for i in ids[:4]], [str(i).upper() for i in ids[4:]]])
    assert uuid_bytes(texts).to_pylist() == [i.bytes for i in ids]
    assert uuid_bytes(texts.slice(3, 4)).to_pylist() == [i.bytes for i in ids[3:7]]
    assert len(uuid_bytes(pa.chunked_array([], pa.string()))) == 0


def test_impressions_searches_actions_without_a_movie_and_what_came_late_are_left_out():
    archived = pa.table(
        {
            "event_id": [str(uuid.UUID(bytes=uuid7(i))) for i in range(5)],
            "user_id": ["a", "b", "c", "d", "e"],
            "movie_id": pa.array([1, 2, None, 4, 5], pa.int64()),
            "action": ["like", "impression", "click", "rate", "like"],
            "value": pa.array([None, None, None, 4.5, None], pa.float64()),
            "occurred_at": pa.array([0, 0, 0, 0, 0], pa.timestamp("ms", "UTC")),
            "received_at": pa.array([0, 0, 0, DAY_MS, DAY_MS + 1], pa.timestamp("ms", "UTC")),
            "kafka_partition": pa.array([0, 1, 2, 3, 4], pa.int32()),
            "kafka_offset": pa.array([10, 11, 12, 13, 14], pa.int64()),
        }
    )
    found = parse(archived, 2, DAY_MS)
    assert found.schema == EVENTS
    assert found.select(["user_id", "source", "partition", "offset"]).to_pylist() == [
        {"user_id": "a", "source": 2, "partition": 0, "offset": 10},
        {"user_id": "d", "source": 2, "partition": 3, "offset": 13},
    ]


def test_a_task_without_rows_has_an_empty_table():
    assert gather(iter([]), EVENTS).schema == EVENTS
    assert np.asarray(gather(iter([]), EVENTS).column("movie_id")).size == 0
