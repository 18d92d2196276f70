"""What a run says while it works: JSON lines on standard output, which `marquee batch` shows."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def say(self, **fields: object) -> None:
        sys.stdout.write(json.dumps(fields) + "\n")
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
        self.seconds[name] = round(time.monotonic() - started, 3)
        self.say(step=name, state="done", text=step.text)


class Step:
    def __init__(self, progress: Progress, name: str) -> None:
        self.progress = progress
        self.name = name
        self.text = ""

    def update(self, text: str) -> None:
        self.text = text
        self.progress.say(step=self.name, state="under_way", text=text)
