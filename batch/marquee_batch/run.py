"""A run: read, judge, train, snapshot, load, promote or reject. Each step's result is kept in files
or tables that nobody reads before the next one says so; a run that is killed leaves what serves
alone."""

import resource
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from pyspark.sql import SparkSession

from . import database, snapshot
from .appraisal import Judged, appraise
from .errors import BatchError
from .explain import explain
from .faults import failpoint
from .figures import figures_of
from .folders import make_folder
from .gate import Decision, decide
from .models import Trained, Trainer
from .options import Options
from .progress import Progress
from .publish import load
from .reading import Gathered, gather, nothing_to_learn
from .session import open_spark, stop_spark
from .settings import Settings
from .store import Store, StoreAddress
from .writing import describe_input, write_snapshot


def run(options: Options, progress: Progress) -> dict[str, Any]:
    """Does a whole run. Returns what became of it; raises BatchError where it failed."""
    session = database.connect(options.postgres)
    database.lock(session)
    address = StoreAddress.from_environment()
    folder = make_folder()
    run_id, version = database.begin_run(session, options.seed, options.settings.as_dict())
    progress.say(run=run_id, version=version)
    spark: SparkSession | None = None
    try:
        # Spark takes its time to start.
        if not database.has_input(session):
            raise nothing_to_learn()
        with progress.step("spark") as step:
            spark = open_spark(options.master, options.memory, address, folder, options.conf)
            step.update(f"Spark {spark.version} on {options.master}")
        outcome = Run(options, progress, session, run_id, version, spark, address, folder).work()
    except BaseException as error:
        known = explain(error)
        report_failure(options, session, run_id, known or error, progress)
        if known is not None:
            raise known from error
        raise
    finally:
        stop_spark(spark)
        shutil.rmtree(folder, ignore_errors=True)
    clear_up(session, Store(address), options.settings, progress)
    return {"run": run_id, "version": version, **outcome, "seconds": progress.seconds}


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
    # Postgres may have been away and back: then the session is gone, and with it the lock.
    for attempt in range(2):
        try:
            if attempt == 1:
                session = database.connect(options.postgres)
            database.log_run(session, run_id, {"durations": progress.seconds})
            database.fail_run(session, run_id, reason[:2000])
        except (psycopg.Error, BatchError):
            continue
        return
    progress.say(note="the failure could not be logged; the next run will")


@dataclass(frozen=True)
class Run:
    """The steps of a run that Spark and Postgres are there for."""

    options: Options
    progress: Progress
    session: psycopg.Connection
    run_id: int
    version: str
    spark: SparkSession
    address: StoreAddress
    folder: Path

    def log(self, **figures: Any) -> None:
        database.log_run(self.session, self.run_id, figures)

    def work(self) -> dict[str, Any]:
        found = self.read()
        judged = self.judge(found)
        decision = self.decide(judged)
        trained = self.train(found, decision)
        store = Store(self.address)
        metadata = self.snapshot(store, found, judged, trained)
        status = self.publish(store, metadata, decision)
        return {
            "status": status,
            "reason": decision.reason,
            "kind": decision.choice.kind,
            "popularity_share": decision.choice.share,
            "users": found.data.users,
            "movies": len(found.data.movie_ids),
            "events": found.events,
            "judged_users": judged.users,
            "metrics": judged.metrics,
            "places": judged.places,
            "ratings": judged.ratings,
            "skipped": found.skipped,
        }

    def read(self) -> Gathered:
        with self.progress.step("read") as step:
            found = gather(self.options, self.spark, self.session, self.address)
            users, pairs = found.data.users, len(found.data.movies)
            step.update(f"{found.events:,} events, {pairs:,} pairs, {users:,} users")
        self.log(
            events=found.events,
            pairs=pairs,
            users=users,
            movies=len(found.data.movie_ids),
            details={"skipped": found.skipped},
        )
        failpoint("read")
        return found

    def judge(self, found: Gathered) -> Judged:
        with self.progress.step("judge") as step:
            trainer = self.trainer(step.phase)
            judged = appraise(trainer, found.data, self.folder / "judge", found.catalogue)
            step.update(f"{judged.users:,} users: {judged.choice.kind}")
        shutil.rmtree(self.folder / "judge")
        failpoint("judged")
        return judged

    def decide(self, judged: Judged) -> Decision:
        """What to publish; logged with its figures."""
        settings = self.options.settings
        chosen = judged.of(settings.lists.ranker, judged.choice)
        serving = database.active(self.session)
        decision = decide(judged.choice, judged.metrics, chosen, serving, settings.gate)
        self.log(
            judged_users=judged.users,
            **figures_of(judged, settings.lists.ranker, decision.choice),
            details={"metrics": judged.metrics, "choice": asdict(judged.choice)},
        )
        return decision

    def train(self, found: Gathered, decision: Decision) -> Trained:
        with self.progress.step("train") as step:
            trainer = self.trainer(step.phase)
            trained = trainer.train(found, self.folder / "final", decision.choice)
            factors = self.options.settings.als.factors
            step.update(f"{factors} factors, {trained.neighbours.nnz:,} neighbours")
        if self.options.keep is not None:
            shutil.copy(self.folder / "final" / "x.npz", self.options.keep)
        failpoint("trained")
        return trained

    def trainer(self, told) -> Trainer:
        return Trainer(self.spark, self.options.settings, self.options.seed, told)

    def snapshot(
        self, store: Store, found: Gathered, judged: Judged, trained: Trained
    ) -> dict[str, Any]:
        """Returns the version's metadata."""
        settings, version = self.options.settings, self.version
        with self.progress.step("snapshot") as step:
            generated_at = datetime.now(UTC).isoformat()
            write_snapshot(self.spark, store, version, found, trained, settings, step.phase)
            failpoint("snapshot_half")
            metadata = {
                "version": version,
                "generated_at": generated_at,
                "code": self.options.code,
                "seed": self.options.seed,
                "settings": settings.as_dict(),
                **describe_input(found),
                "metrics": judged.metrics,
                "ratings": judged.ratings,
                "judged_users": judged.users,
                "seconds": self.progress.seconds,
                "live": {**asdict(trained.live), "cut_ms": found.source.newest_ms},
            }
            own = {"ratings": {"mean": trained.ratings.biases.mean}}
            snapshot.finish(store, version, metadata, own)
            step.update(f"models/*/{version}/")
        failpoint("snapshot")
        return metadata

    def publish(self, store: Store, metadata: dict[str, Any], decision: Decision) -> str:
        """Loads and promotes the version if it was let pass. Returns what became of it."""
        options, session, version = self.options, self.session, self.version
        status = "rejected" if decision.rejected else "promoted" if options.promote else "ready"
        if not decision.rejected:
            with self.progress.step("publish") as step:
                recall = load(session, store, version, metadata, step)
            database.log_recall(session, version, recall)
            failpoint("loaded")
        with session.transaction():
            if status == "promoted":
                database.promote(session, version, "gate")
            durations = self.progress.seconds
            self.log(durations=durations, details={"peak_memory_mb": peak_memory_mb()})
            database.end_run(session, self.run_id, status, decision.reason)
        failpoint("promoted")
        return status


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
