"""How much memory a process may still take."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_LEAST_LIMIT = 2**24


def available_bytes() -> int:
    """Memory that is free on this machine and within the limit of the container; the largest integer if unknown."""
    found = [_free(), _of_container()]
    return min(number for number in (*found, 2**62) if number is not None)


def _free() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        names = getattr(os, "sysconf_names", {})
        if "SC_PHYS_PAGES" not in names or "SC_PAGE_SIZE" not in names:
            return None
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _of_container() -> int | None:
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
        # pages of files count as used and are given back when they are needed
        rows = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        used -= int(rows.get("inactive_file", 0)) + int(rows.get("active_file", 0))
    except (OSError, ValueError):
        return None
    return None if limit == "max" or int(limit) < _LEAST_LIMIT else max(0, int(limit) - used)


def share_of_maps() -> float | None:
    """Memory maps of this process over the most that Linux grants it; None where there is no such limit."""
    try:
        most = int(Path("/proc/sys/vm/max_map_count").read_text())
        with Path("/proc/self/maps").open("rb") as maps:
            return sum(1 for _ in maps) / most
    except OSError:
        return None
