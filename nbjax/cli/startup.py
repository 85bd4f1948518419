"""What a process of the command line sets up before JAX is loaded."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

SWITCH = "NBJAX_COMPILATION_CACHE"
"""Environment variable: a folder, or ``off``."""

_OFF = {"off", "0", "no", "false", ""}


def keep_compiled_programs() -> None:
    """Let JAX keep compiled programs in the user's cache folder, so that a later run of equal structure starts at once.

    Whatever the user has told JAX itself stays as it is. Without a folder that can be written, nothing is kept.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ or "jax" in sys.modules:
        return
    chosen = os.environ.get(SWITCH)
    if chosen is not None and chosen.lower() in _OFF:
        return
    folder = Path(chosen) if chosen else _user_cache() / "nbjax" / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def collect_garbage_less() -> None:
    """Let Python look for cycles less often.

    Libraries and traced programs are millions of objects that stay; to walk them again and again is a tenth of the time
    that a small image takes.
    """
    gc.set_threshold(100_000, 20, 20)


def _user_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
