"""python -m marquee_batch REQUEST: REQUEST is JSON, as `marquee batch` gives it. Standard output is
a line of JSON for each thing that happens; standard input ends when the one who started this is
gone."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import psycopg

from . import database
from .errors import BatchError
from .explain import explain
from .options import Options
from .progress import Progress
from .publish import load
from .run import run
from .settings import load_settings
from .snapshot import read_metadata
from .store import Store, StoreAddress
from .tune import tune


def end_with_parent() -> None:
    """A run whose starter was killed must not go on unseen."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def stop(*_: object) -> None:
    # It may come twice, from the one who started this and from a service manager.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Of this one py4j knows to give up the connection whose answer it waits for: Spark can be
    # stopped.
    raise KeyboardInterrupt


def main() -> int:
    request = json.loads(sys.argv[1])
    progress = Progress()
    signal.signal(signal.SIGTERM, stop)
    end_with_parent()
    try:
        commands = {"run": run_request, "load": load_request, "tune": tune_request}
        result = commands[request["command"]](request, progress)
    except BatchError as error:
        progress.say(error=error.code, message=str(error))
        return 1
    except psycopg.Error as error:
        known = explain(error)
        if known is None:
            raise
        progress.say(error=known.code, message=str(known))
        return 1
    except KeyboardInterrupt:
        return 143
    progress.say(result=result)
    return 0


def run_request(request: dict, progress: Progress) -> dict:
    return run(options_of(request), progress)


def tune_request(request: dict, progress: Progress) -> dict:
    return tune(options_of(request), progress)


def options_of(request: dict) -> Options:
    path = request.get("settings")
    return Options(
        settings=load_settings(Path(path) if path else None, tuple(request.get("set", ()))),
        seed=request["seed"],
        master=request["master"],
        memory=request["memory"],
        conf=request.get("conf", {}),
        skip_corrupt=request.get("skipCorrupt", False),
        promote=request.get("promote", True),
        postgres=os.environ["MARQUEE_PG_WRITER_URL"],
        late_ms=request["lateMs"],
        code=request["code"],
        keep=request.get("keep"),
    )


def load_request(request: dict, progress: Progress) -> dict:
    """Loads a snapshot of the store again, so that it can be promoted."""
    version = request["version"]
    session = database.connect(os.environ["MARQUEE_PG_WRITER_URL"])
    database.lock(session)
    store = Store(StoreAddress.from_environment())
    metadata = read_metadata(store, version)
    if version in database.loaded_versions(session):
        return {"version": version, "loaded": False}
    with progress.step("publish") as step:
        recall = load(session, store, version, metadata, step)
        database.log_recall(session, version, recall)
    return {"version": version, "loaded": True}


if __name__ == "__main__":
    sys.exit(main())
