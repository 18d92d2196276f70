"""A run: read, judge, train, snapshot, load, promote or reject. Each step's result is kept in files or
tables that nobody reads before the next one says so; a run that is killed leaves what serves alone."""

import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.ml.recommendation import ALSModel
from pyspark.sql import SparkSession
from scipy import sparse

from . import database, snapshot
from .dataset import Dataset, popularity
from .embeddings import features, predict
from .errors import BatchError
from .events import Input, read_events, refuse_problems
from .faults import failpoint
from .gate import verdict
from .judging import Files, Variant, judge, make_lists, users_to_judge
from .progress import Progress
from .publish import load
from .ratings import RatingModel, errors, fit_biases, residuals, train_ratings
from .session import collect_histories, fold_histories, open_spark
from .settings import Settings
from .store import Store, StoreAddress
from .training import save_matrix, train_factors, train_item_item


@dataclass(frozen=True)
class Options:
    settings: Settings
    seed: int
    master: str
    memory: str
    conf: dict[str, str]
    skip_corrupt: bool
    promote: bool
    postgres: str
    jdbc: dict[str, str]
    code: str  # version of the code, for metadata.json
    keep: str | None  # folder that gets the matrix of weights, for a benchmark


@dataclass
class Gathered:
    """What a run reads."""

    users: pa.Array
    data: Dataset
    events: int
    catalogue: list[tuple]
    source: Input
    skipped: dict[str, str]


def run(options: Options, progress: Progress) -> dict[str, Any]:
    """Does a whole run. Returns what became of it; raises BatchError where it failed."""
    session = database.connect(options.postgres)
    database.lock(session)
    run_id, version = database.begin_run(session, options.seed, options.settings.as_dict())
    progress.say(run=run_id, version=version)
    folder = Path(tempfile.mkdtemp(prefix="marquee-batch-"))
    spark: SparkSession | None = None
    try:
        address = StoreAddress.from_environment()
        # Spark takes its time to start.
        if not database.has_input(session):
            raise nothing_to_learn()
        with progress.step("spark") as step:
            spark = open_spark(options.master, options.memory, address, folder, options.conf)
            step.update(f"Spark {spark.version} on {options.master}")
        outcome = work(options, progress, session, run_id, version, spark, Store(address), folder)
    except BaseException as error:
        report_failure(options, session, run_id, error, progress)
        raise
    finally:
        stop_spark(spark)
        shutil.rmtree(folder, ignore_errors=True)
    return {"run": run_id, "version": version, **outcome}


def nothing_to_learn() -> BatchError:
    return BatchError(
        "MARQUEE_BATCH_EMPTY",
        "there is nothing to learn from: neither the archive nor rt_user_interactions has an action "
        "on a movie. Emit or import some, or `marquee backfill` history.",
    )


def stop_spark(spark: SparkSession | None) -> None:
    if spark is None:
        return
    try:
        spark.stop()
    except (Py4JError, OSError) as error:  # it is gone already
        print(f"Spark did not stop by itself: {error}", file=sys.stderr)


def report_failure(
    options: Options,
    session: psycopg.Connection,
    run_id: int,
    error: BaseException,
    progress: Progress,
) -> None:
    if isinstance(error, BatchError):
        reason = f"{error.code}: {error}"
    elif isinstance(error, SystemExit | KeyboardInterrupt):
        reason = "it was told to stop"
    else:
        reason = f"{type(error).__name__}: {error}"
    try:
        # Postgres may have been away and back: then the session is gone, and with it the lock.
        if session.broken or session.closed:
            session = database.connect(options.postgres)
        database.log_run(session, run_id, {"durations": progress.seconds})
        database.end_run(session, run_id, "failed", reason[:2000])
    except (psycopg.Error, BatchError):
        progress.say(note="the failure could not be logged; the next run will")


def work(
    options: Options,
    progress: Progress,
    session: psycopg.Connection,
    run_id: int,
    version: str,
    spark: SparkSession,
    store: Store,
    folder: Path,
) -> dict[str, Any]:
    settings = options.settings
    with progress.step("read") as step:
        found = gather(options, spark, store, session)
        data = found.data
        if data.users == 0:
            raise nothing_to_learn()
        step.update(f"{found.events:,} events, {len(data.movies):,} pairs, {data.users:,} users")
    database.log_run(
        session,
        run_id,
        {
            "events": found.events,
            "pairs": len(data.movies),
            "users": data.users,
            "movies": len(data.movie_ids),
            "details": {"skipped": found.skipped},
        },
    )
    failpoint("read")
    with progress.step("judge") as step:
        judged = judge_models(options, spark, found, folder / "judge", step.phase)
        step.update(f"{judged['users']:,} users")
    chosen, popular = (
        judged["metrics"].get(settings.lists.ranker, {}),
        judged["metrics"].get("popularity", {}),
    )
    database.log_run(
        session,
        run_id,
        {
            "judged_users": judged["users"],
            **chosen,
            **{f"popularity_{k}": v for k, v in popular.items() if k != "hit_rate_at_10"},
            **judged["ratings"],
            "details": {"metrics": judged["metrics"]},
        },
    )
    failpoint("judged")
    with progress.step("train") as step:
        trained = train_models(options, spark, found, folder / "final", step.phase)
        step.update(f"{settings.als.factors} factors, {trained.neighbours.nnz:,} neighbours")
    if options.keep is not None:
        shutil.copy(folder / "final" / "x.npz", options.keep)
    failpoint("trained")
    with progress.step("snapshot") as step:
        generated_at = datetime.now(UTC).isoformat()
        write_snapshot(spark, store, version, found, trained, settings, step.phase)
        failpoint("snapshot_half")
        metadata = metadata_of(options, version, generated_at, found, judged, progress)
        snapshot.finish(
            store, version, metadata, {"ratings": {"mean": trained.ratings.biases.mean}}
        )
        step.update(f"models/*/{version}/")
    failpoint("snapshot")
    serving = database.active(session)
    reason = verdict(chosen, popular, serving[1] if serving else None, settings.gate)
    status = "rejected" if reason else "promoted" if options.promote else "ready"
    if reason is None:
        with progress.step("publish") as step:
            recall = load(session, store, version, metadata, step)
        database.log_run(session, run_id, {"index_recall_at_50": recall})
        failpoint("loaded")
    with session.transaction():
        if status == "promoted":
            database.promote(session, version, "gate")
        database.log_run(
            session,
            run_id,
            {"durations": progress.seconds, "details": {"peak_memory_mb": peak_memory_mb()}},
        )
        database.end_run(session, run_id, status, reason)
    failpoint("promoted")
    clear_up(session, store, settings, progress)
    return {
        "status": status,
        "reason": reason,
        "users": data.users,
        "movies": len(data.movie_ids),
        "events": found.events,
        "judged_users": judged["users"],
        "metrics": judged["metrics"],
        "ratings": judged["ratings"],
        "skipped": found.skipped,
        "seconds": progress.seconds,
    }


def gather(
    options: Options, spark: SparkSession, store: Store, session: psycopg.Connection
) -> Gathered:
    with database.input_of(options.postgres) as source:
        events, problems = read_events(spark, source, store.address, options.jdbc)
        rows = sum(f.rows for f in source.files) + source.hot_rows
        histories = collect_histories(
            fold_histories(events, rows, options.settings, source.newest_ms)
        )
    skipped = problems()
    refuse_problems(skipped, options.skip_corrupt)
    return Gathered(
        users=histories.column("user_id").combine_chunks(),
        data=Dataset.of(histories),
        events=int(np.asarray(histories.column("events")).sum()) if len(histories) else 0,
        catalogue=database.catalogue(session),
        source=source,
        skipped=skipped,
    )


def withdrawn_places(found: Gathered) -> np.ndarray:
    gone = np.array(
        [movie for movie, *_, withdrawn in found.catalogue if withdrawn], dtype=np.int64
    )
    return np.flatnonzero(np.isin(found.data.movie_ids, gone)).astype(np.int32)


def judge_models(options: Options, spark, found: Gathered, folder: Path, told) -> dict[str, Any]:
    """Trains on what is not held out, and holds each algorithm against the rest."""
    settings, data = options.settings, found.data
    folder.mkdir()
    held = data.held_out(settings.holdout.share)
    ratings = judge_ratings(options, spark, data, held, told)
    users = users_to_judge(data, settings.holdout, options.seed)
    matrix = data.matrix(~held)
    if len(users) == 0 or matrix.nnz == 0:
        return {"users": 0, "metrics": {}, "ratings": ratings}
    files, variants, _ = model_files(
        options, spark, data, matrix, folder, np.zeros(0, np.int32), told
    )
    told("ranking")
    tallies = judge(spark, files, variants, users, settings.holdout, settings.lists.length)
    return {
        "users": len(users),
        "metrics": {name: tally.means(len(data.movie_ids)) for name, tally in tallies.items()},
        "ratings": ratings,
    }


def model_files(
    options: Options,
    spark: SparkSession,
    data: Dataset,
    matrix: sparse.csr_matrix,
    folder: Path,
    withdrawn: np.ndarray,
    told,
) -> tuple[Files, dict[str, Variant], ALSModel]:
    """Trains the ranking models on a matrix, and puts them into files for tasks."""
    settings = options.settings
    x = save_matrix(folder, "x", matrix)
    items = train_item_item(spark, x, matrix.shape[1], settings.item_item, told)
    told("ALS")
    factors = train_factors(spark, matrix, settings.als, options.seed)
    np.save(folder / "user_factors.npy", factors.users)
    np.save(folder / "item_factors.npy", factors.movies)
    np.save(folder / "popularity.npy", popularity(matrix))
    np.save(folder / "withdrawn.npy", withdrawn)
    files = Files(
        dataset=data.save(folder),
        popularity=folder / "popularity.npy",
        withdrawn=folder / "withdrawn.npy",
        items=sorted({items.full, items.cut}),
        user_factors=folder / "user_factors.npy",
        item_factors=folder / "item_factors.npy",
    )
    variants = {
        "blend": Variant(item=items.full.name, als=settings.blend.als),
        "item_item": Variant(item=items.full.name),
        "neighbours": Variant(item=items.cut.name),
        "als": Variant(als=1.0),
        "popularity": Variant(),
    }
    return files, variants, factors.model


def judge_ratings(
    options: Options, spark, data: Dataset, held: np.ndarray, told
) -> dict[str, float]:
    rated = ~np.isnan(data.ratings)
    test = rated & held
    if not test.any() or not (rated & ~held).any():
        return {}
    told("ratings")
    model = rating_model(options, spark, data, rated & ~held)
    predicted = model.predict(data.user_of_pair()[test], data.movies[test])
    return errors(predicted, data.ratings[test])


def rating_model(options: Options, spark, data: Dataset, kept: np.ndarray) -> RatingModel:
    users, movies, stars = data.user_of_pair()[kept], data.movies[kept], data.ratings[kept]
    settings = options.settings.ratings
    biases = fit_biases(users, movies, stars, data.users, len(data.movie_ids), settings)
    rows = spark.createDataFrame(
        pa.table({"user": users, "movie": movies, "value": residuals(users, movies, stars, biases)})
    )
    return train_ratings(
        rows, len(stars), biases, data.users, len(data.movie_ids), settings, options.seed
    )


@dataclass
class Trained:
    """The models of a whole run, and where their files are."""

    files: Files
    variants: dict[str, Variant]
    als: ALSModel
    neighbours: sparse.csr_matrix
    ratings: RatingModel


def train_models(options: Options, spark, found: Gathered, folder: Path, told) -> Trained:
    data = found.data
    folder.mkdir()
    matrix = data.matrix(np.ones(len(data.movies), dtype=bool))
    if matrix.nnz == 0:
        raise BatchError(
            "MARQUEE_BATCH_EMPTY",
            "nobody liked anything: every pair of user and movie weighs 0 by [weights] of the settings",
        )
    told("ratings")
    ratings = rating_model(options, spark, data, ~np.isnan(data.ratings))
    files, variants, als = model_files(
        options, spark, data, matrix, folder, withdrawn_places(found), told
    )
    cut = sparse.load_npz(folder / str(variants["neighbours"].item))
    return Trained(files, variants, als, cut, ratings)


def write_snapshot(
    spark: SparkSession,
    store: Store,
    version: str,
    found: Gathered,
    trained: Trained,
    settings: Settings,
    told: Callable[[str], None],
) -> None:
    """Everything of a version but the metadata that makes it whole."""
    data = found.data
    bucket = f"s3a://{store.address.bucket}"
    for algorithm in snapshot.ALGORITHMS:
        for path in store.objects(snapshot.folder(algorithm, version)):
            store.remove(path)  # of a run that was killed within the same second
    told("lists")
    lists = make_lists(
        spark,
        trained.files,
        trained.variants[settings.lists.ranker],
        data.users,
        settings.lists.length,
    )
    names = spark.createDataFrame(
        pa.table({"user": np.arange(data.users, dtype=np.int32), "user_id": found.users})
    )
    lists.join(names, "user").select("user_id", "movie_ids", "scores").write.parquet(
        f"{bucket}/{snapshot.folder('lists', version)}/lists", compression="zstd"
    )
    told("factors")
    assert trained.files.user_factors is not None and trained.files.item_factors is not None
    user_factors = np.load(trained.files.user_factors)
    item_factors = np.load(trained.files.item_factors)
    store.put_table(
        f"{snapshot.folder('als', version)}/user_factors/part-0.parquet",
        pa.table({"user_id": found.users, "factors": rows_as_lists(user_factors)}),
    )
    store.put_table(
        f"{snapshot.folder('als', version)}/item_factors.parquet", item_table(found, item_factors)
    )
    entries = trained.neighbours.tocoo()
    store.put_table(
        f"{snapshot.folder('item-item', version)}/neighbours.parquet",
        pa.table(
            {
                "movie_id": data.movie_ids[entries.row],
                "neighbour_id": data.movie_ids[entries.col],
                "weight": entries.data.astype(np.float32),
            }
        ),
    )
    write_ratings(store, version, found, trained.ratings)
    told("Spark's models")
    trained.als.save(f"{bucket}/{snapshot.folder('als', version)}/spark-model")
    if trained.ratings.model is not None:
        trained.ratings.model.save(f"{bucket}/{snapshot.folder('ratings', version)}/spark-model")


def write_ratings(store: Store, version: str, found: Gathered, model: RatingModel) -> None:
    folder = snapshot.folder("ratings", version)
    store.put_table(
        f"{folder}/users.parquet",
        pa.table(
            {
                "user_id": found.users,
                "bias": model.biases.users,
                "factors": rows_as_lists(model.user_factors),
            }
        ),
    )
    store.put_table(
        f"{folder}/movies.parquet",
        pa.table(
            {
                "movie_id": found.data.movie_ids,
                "bias": model.biases.movies,
                "factors": rows_as_lists(model.movie_factors),
            }
        ),
    )


def rows_as_lists(array: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(array, dtype=np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, array.shape[1]).cast(pa.list_(pa.float32()))


def item_table(found: Gathered, factors: np.ndarray) -> pa.Table:
    """Vectors of all movies: those that somebody liked as trained, the rest of the catalogue predicted
    from metadata."""
    data = found.data
    liked = factors.any(axis=1)
    support = np.bincount(data.movies, minlength=len(data.movie_ids)).astype(np.float64)
    place = {int(movie): i for i, movie in enumerate(data.movie_ids)}
    rows = features(found.catalogue) if found.catalogue else None
    trained = [
        i for i, (movie, *_) in enumerate(found.catalogue) if movie in place and liked[place[movie]]
    ]
    rest = [
        i
        for i, (movie, *_, withdrawn) in enumerate(found.catalogue)
        if not withdrawn and not (movie in place and liked[place[movie]])
    ]
    ids, vectors = data.movie_ids[liked], factors[liked]
    source = ["actions"] * len(ids)
    if rows is not None and trained and rest:
        places = [place[found.catalogue[i][0]] for i in trained]
        predicted = predict(rows[trained], factors[places], support[places], rows[rest])
        ids = np.concatenate([ids, [found.catalogue[i][0] for i in rest]])
        vectors = np.concatenate([vectors, predicted])
        source += ["metadata"] * len(rest)
    return pa.table(
        {"movie_id": pa.array(ids, pa.int64()), "source": source, "factors": rows_as_lists(vectors)}
    )


def metadata_of(
    options: Options,
    version: str,
    generated_at: str,
    found: Gathered,
    judged: dict,
    progress: Progress,
) -> dict[str, Any]:
    return {
        "version": version,
        "generated_at": generated_at,
        "code": options.code,
        "seed": options.seed,
        "settings": options.settings.as_dict(),
        "inputs": {
            "archive": [
                {"path": f.path, "sha256": f.sha256, "rows": f.rows} for f in found.source.files
            ],
            "hot": {
                "from_offsets": dict(found.source.offsets),
                "rows": found.source.hot_rows,
            },
            "skipped": found.skipped,
        },
        "counts": {
            "events": found.events,
            "pairs": len(found.data.movies),
            "users": found.data.users,
            "movies": len(found.data.movie_ids),
        },
        "metrics": judged["metrics"],
        "ratings": judged["ratings"],
        "judged_users": judged["users"],
        "seconds": progress.seconds,
    }


def clear_up(session, store: Store, settings: Settings, progress: Progress) -> None:
    """What is older than is kept goes; that it could not go fails no run."""
    with progress.step("clear up") as step:
        try:
            gone = database.drop_old(session, settings.keep.versions)
            loaded = set(database.loaded_versions(session))
            removed = snapshot.drop_old(store, settings.keep.snapshots, loaded)
            step.update(f"{len(gone)} loaded versions and {len(removed)} snapshots removed")
        except (psycopg.Error, BatchError) as error:
            step.update(f"left to the next run: {error}")


def peak_memory_mb() -> int:
    """Of this process and of those that it waited for."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024)
