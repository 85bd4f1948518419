"""One run at a time writes into a folder, and the dead hold nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nbjax
import nbjax.dataset.lock
from nbjax.dataset.lock import FolderLock
from nbjax.errors import UsageError

SHARING = """
import sys
from pathlib import Path
from nbjax.dataset.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]), "small")
lock.take()
lock.loosen()
lock.share(1)
print("shares", flush=True)
sys.stdin.read()
"""


def test_a_folder_is_locked_until_its_run_has_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbjax.dataset.lock, "_PATIENCE_S", 0.1)
    environment = {**os.environ, "PYTHONPATH": str(Path(nbjax.__file__).parents[1])}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", SHARING, str(tmp_path)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "shares\n"
        lock = FolderLock(tmp_path, "small")
        with pytest.raises(UsageError, match=r"another run is writing into it; wait for its end, or give another"):
            lock.take()
        with pytest.raises(UsageError, match="another run is writing into it"):
            lock.share(1)
        lock.share(0)
        lock.release()
        assert [path.name for path in tmp_path.iterdir()] == [".small.lock"]
        with FolderLock(tmp_path, "other"):
            pass
        running.kill()
    with FolderLock(tmp_path, "small"):
        assert [path.name for path in tmp_path.iterdir()] == [".small.lock"]
    assert not list(tmp_path.iterdir())
