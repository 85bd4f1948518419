"""Programs of DIALS, run as they were installed: apart from this environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import hdf5plugin

_TABLE = """
import json, sys
from dials.array_family import flex
table = flex.reflection_table.from_file(sys.argv[1])
columns = [[list(row) for row in table[name]] for name in ("miller_index", "xyzcal.px", "xyzcal.mm")]
print(json.dumps(columns))
"""


def run(folder: Path, *words: object) -> str:
    """Run a program in a folder and return what it says."""
    # its interpreter is the system's, which the packages of this one would confuse; the filters of HDF5 serve both
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["HDF5_PLUGIN_PATH"] = hdf5plugin.PLUGIN_PATH
    command = [str(word) for word in words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout


def interpreter() -> str:
    """The Python interpreter that DIALS was installed for."""
    return Path(shutil.which("dials.show") or "").read_text().split("\n", 1)[0].removeprefix("#!").strip()


def predictions(folder: Path) -> list:
    """Miller indices and places, in pixels and in mm, of what ``dials.predict`` left in a folder."""
    return json.loads(run(folder, interpreter(), "-c", _TABLE, "predicted.refl"))
