"""What ``import nbjax`` gives."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbjax

ROOT = Path(__file__).parents[1]


def test_everything_that_is_promised_is_there() -> None:
    assert dir(nbjax) == sorted(nbjax.__all__)
    assert all(getattr(nbjax, name) is not None for name in nbjax.__all__)


def test_the_rooms_need_no_import_of_their_own() -> None:
    code = "import nbjax; nbjax.dataset.open; nbjax.fit.Free; nbjax.errors.ConfigError; nbjax.physics.noise"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_version_is_told_everywhere() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == nbjax.__version__
    assert f"\nversion: {nbjax.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    released = re.findall(r"^## (\S+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == nbjax.__version__
