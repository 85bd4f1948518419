"""What the resolution of a configuration has to say, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbjax.resolve import Resolved


def say_resolved(resolved: Resolved, reword: Callable[[str], str] = str) -> None:
    """Print warnings, and choices that decide what the image shows.

    Args:
        resolved: a configuration.
        reword: turns configuration keys into the user's own terms.
    """
    from nbjax.advice import doubts

    for sentence in doubts(resolved):
        print(f"nbjax: warning: {reword(sentence)}", file=sys.stderr)
    for sentence in resolved.remarks:
        print(f"nbjax: {reword(sentence)}", file=sys.stderr)
