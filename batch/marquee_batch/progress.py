"""What a run says while it works: JSON lines on standard output, which `marquee batch` shows."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Progress:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def say(self, **fields: object) -> None:
        # Nobody may be left to hear it; the run's end is logged in Postgres.
        with suppress(BrokenPipeError):
            sys.stdout.write(json.dumps(fields, allow_nan=False) + "\n")
            sys.stdout.flush()

    @contextmanager
    def step(self, name: str) -> Iterator["Step"]:
        """Times a step; `done` of it says what came of it."""
        started = time.monotonic()
        step = Step(self, name)
        self.say(step=name, state="begun")
        try:
            yield step
        except BaseException:
            self.say(step=name, state="failed")
            raise
        step.end_phase()
        self.seconds[name] = round(time.monotonic() - started, 3)
        self.say(step=name, state="done", text=step.text)


class Step:
    def __init__(self, progress: Progress, name: str) -> None:
        self.progress = progress
        self.name = name
        self.text = ""
        self.open_phase: tuple[str, float] | None = None

    def phase(self, name: str) -> None:
        """A part of the step begins; it is timed until the next one or the step's end."""
        self.end_phase()
        self.open_phase = (name, time.monotonic())
        self.update(name)

    def end_phase(self) -> None:
        if self.open_phase is not None:
            name, started = self.open_phase
            key = f"{self.name}: {name}"
            spent = self.progress.seconds.get(key, 0.0) + time.monotonic() - started
            self.progress.seconds[key] = round(spent, 3)
            self.open_phase = None

    def update(self, text: str) -> None:
        self.text = text
        self.progress.say(step=self.name, state="under_way", text=text)
