"""What a user should know of a configuration before its image is made, and after."""

from __future__ import annotations

from nbjax.advice.reach import dark_corners
from nbjax.resolve import Resolved


def doubts(resolved: Resolved) -> list[str]:
    """Sentences on what is unusual or has no effect; every command says them before it begins."""
    found = dark_corners(resolved)
    return [*resolved.warnings, *([found] if found else [])]
