"""Events -> what each user did to each movie. Pure: Arrow and numpy in, Arrow out."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .settings import Settings

#: Actions that say something of a movie, by their code in EVENTS. Impressions and searches do not.
ACTIONS = (
    "view", "click", "play", "progress", "complete", "rate", "like", "dislike", "list_add",
    "list_remove", "share",
)  # fmt: skip
CODE = {action: code for code, action in enumerate(ACTIONS)}
DAY_MS = 86_400_000

#: One row an event. `event_id` is a UUIDv7: it orders by time. `source`, `partition` and `offset`
#: say where this copy stood: of copies the first counts.
EVENTS = pa.schema(
    [
        ("event_id", pa.binary()),
        ("user_id", pa.string()),
        ("movie_id", pa.int64()),
        ("action", pa.int32()),
        ("value", pa.float64()),
        ("source", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
    ]
)

#: One row a user; the lists of one row are of equal length, in the order of time and movie.
HISTORIES = pa.schema(
    [
        ("user_id", pa.string()),
        ("movie_ids", pa.list_(pa.int64())),
        ("weights", pa.list_(pa.float32())),
        ("seen", pa.list_(pa.bool_())),
        ("ratings", pa.list_(pa.float32())),  # NaN where not rated
        ("times", pa.list_(pa.int64())),  # epoch ms of the last action
        ("events", pa.int64()),
    ]
)


def first_copies(events: pa.Table) -> pa.Table:
    """Each event_id once: the copy that stands first by source, partition and offset."""
    order = pc.sort_indices(
        events,
        sort_keys=[(name, "ascending") for name in ("event_id", "source", "partition", "offset")],
    )
    ids = events.column("event_id").take(order).combine_chunks()
    high, low = halves(ids)
    first = np.ones(len(order), dtype=bool)
    first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    return events.take(order.filter(pa.array(first)))


def halves(ids: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower 64 bits of UUIDs, as unsigned integers that order as the UUIDs do."""
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    raw = np.frombuffer(b"".join(ids.to_pylist()), dtype=">u8") if len(ids) else np.zeros(0, ">u8")
    return raw[0::2].astype(np.uint64), raw[1::2].astype(np.uint64)


def fold(events: pa.Table, settings: Settings, newest_ms: int) -> pa.Table:
    """The histories of the users of `events`, in the order of user_id. Each event is there once.

    `newest_ms` is the time (epoch ms) from which decay counts back.
    """
    if len(events) == 0:
        return HISTORIES.empty_table()
    users = events.column("user_id").combine_chunks().dictionary_encode()
    names = users.dictionary
    rank = np.empty(len(names), dtype=np.int64)
    by_name = pc.sort_indices(names).to_numpy()
    rank[by_name] = np.arange(len(names))
    user = rank[users.indices.to_numpy()]
    movie = events.column("movie_id").to_numpy()
    high, low = halves(events.column("event_id"))
    order = np.lexsort((low, high, movie, user))
    pairs = fold_pairs(
        user[order],
        movie[order],
        (high[order] >> np.uint64(16)).astype(np.int64),
        events.column("action").to_numpy()[order],
        events.column("value").to_numpy(zero_copy_only=False)[order],
        settings,
        newest_ms,
    )
    return by_user(pairs, names.take(pa.array(by_name)))


def fold_pairs(user, movie, time, action, value, settings: Settings, newest_ms: int) -> dict:
    """One entry a user and movie, of events in the order of user, movie and id."""
    value = np.floor(value * 1000 + 0.5) / 1000  # as the tables keep it
    start = np.ones(len(user), dtype=bool)
    start[1:] = (user[1:] != user[:-1]) | (movie[1:] != movie[:-1])
    starts = np.flatnonzero(start)
    pair = np.cumsum(start) - 1
    count = len(starts)
    ends = np.append(starts[1:], len(user)) - 1

    def how_often(*names: str) -> np.ndarray:
        return np.bincount(pair[np.isin(action, [CODE[n] for n in names])], minlength=count)

    def latest(*names: str) -> np.ndarray:
        """Index of the latest event of these kinds, -1 where there is none."""
        places = np.flatnonzero(np.isin(action, [CODE[n] for n in names]))
        last = np.full(count, -1)
        last[pair[places]] = places  # ascending: the last assignment stays
        return last

    rated = latest("rate")
    rating = np.where(rated >= 0, value[rated], np.nan)
    opinion = kind_at(action, latest("like", "dislike"))
    listed = kind_at(action, latest("list_add", "list_remove")) == CODE["list_add"]
    share = np.where(
        np.isin(action, [CODE[n] for n in ("progress", "play", "complete")]), value, 0.0
    )
    whole = (action == CODE["complete"]) & np.isnan(value)
    watched = np.maximum.reduceat(np.where(whole, 1.0, np.nan_to_num(share)), starts)
    completed = how_often("complete") > 0
    weights = weigh(
        settings,
        rating=rating,
        liked=opinion == CODE["like"],
        disliked=opinion == CODE["dislike"],
        listed=listed,
        plays=how_often("play"),
        clicks=how_often("click"),
        views=how_often("view"),
        watched=watched,
        completed=completed,
        shared=how_often("share") > 0,
        age_days=(newest_ms - time[ends]) / DAY_MS,
    )
    seen = completed | (watched >= settings.seen.watched_share) | (rated >= 0) | (opinion >= 0)
    return {
        "user": user[starts],
        "movie": movie[starts],
        "weight": weights.astype(np.float32),
        "seen": seen,
        "rating": rating.astype(np.float32),
        "time": time[ends],
        "events": ends - starts + 1,
    }


def kind_at(action: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.where(places >= 0, action[places], -1)


def weigh(settings: Settings, *, rating, liked, disliked, listed, plays, clicks, views, watched,
          completed, shared, age_days) -> np.ndarray:  # fmt: skip
    """The weight of pairs, by the formula at [weights] in settings.toml."""
    w = settings.weights
    looks = np.minimum(
        np.minimum(clicks, w.looks_max) + np.minimum(views, w.looks_max), w.looks_max
    )
    total = (
        w.rating_star * np.nan_to_num(rating - w.rating_zero)
        + w.play * np.minimum(plays, w.plays_max)
        + w.watched * watched
        + w.completed * completed
        + w.liked * liked
        + w.listed * listed
        + w.shared * shared
        + w.look * looks
    )
    total[disliked | (rating <= w.rating_zero)] = 0.0
    if w.half_life_days > 0:
        total = total * np.exp2(-np.maximum(age_days, 0.0) / w.half_life_days)
    return total


def by_user(pairs: dict, names: pa.Array) -> pa.Table:
    """Puts the pairs of each user into lists, in the order of time and movie."""
    order = np.lexsort((pairs["movie"], pairs["time"], pairs["user"]))
    user = pairs["user"][order]
    start = np.ones(len(user), dtype=bool)
    start[1:] = user[1:] != user[:-1]
    starts = np.flatnonzero(start)
    offsets = pa.array(np.append(starts, len(user)).astype(np.int32))

    def lists(name: str, kind: pa.DataType) -> pa.Array:
        return pa.ListArray.from_arrays(
            offsets, pa.array(pairs[name][order], kind, from_pandas=False)
        )

    return pa.table(
        [
            names.take(pa.array(user[starts])),
            lists("movie", pa.int64()),
            lists("weight", pa.float32()),
            lists("seen", pa.bool_()),
            lists("rating", pa.float32()),
            lists("time", pa.int64()),
            pa.array(np.add.reduceat(pairs["events"][order], starts), pa.int64()),
        ],
        schema=HISTORIES,
    )


def gather(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """A task's rows as one table; Spark's own names and types of columns are near enough to
    cast."""
    found = list(batches)
    return pa.Table.from_batches(found).cast(schema) if found else schema.empty_table()
