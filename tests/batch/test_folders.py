"""Whose folders are removed."""

import os
import subprocess
import sys
import tempfile

from marquee_batch.folders import make_folder


def test_folders_of_the_dead_are_removed_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = [f"marquee-batch-{dead.pid}-x", f"marquee-batch-{os.getppid()}-x", "marquee-other-1-x"]
    for name in names:
        (tmp_path / name).mkdir()
    mine = make_folder()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*names[1:], mine.name])
