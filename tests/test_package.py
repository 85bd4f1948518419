"""What ``import nbjax`` gives."""

from __future__ import annotations

import subprocess
import sys

import nbjax


def test_everything_that_is_promised_is_there() -> None:
    assert dir(nbjax) == sorted(nbjax.__all__)
    assert all(getattr(nbjax, name) is not None for name in nbjax.__all__)


def test_the_rooms_need_no_import_of_their_own() -> None:
    code = "import nbjax; nbjax.dataset.open; nbjax.fit.Free; nbjax.errors.ConfigError; nbjax.physics.noise"
    subprocess.run([sys.executable, "-c", code], check=True)
