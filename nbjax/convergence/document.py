"""A convergence as a document for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nbjax.convergence.change import Change
from nbjax.convergence.closed import Closed
from nbjax.convergence.convergence import Convergence


def document_of(convergence: Convergence, closed: Closed, configuration: str) -> dict[str, Any]:
    """Everything that was found, as dictionaries, lists, numbers and text.

    Args:
        convergence: from ``converge``.
        closed: the closed model beside it.
        configuration: name of the file.
    """
    found = convergence.found
    return {
        "configuration": configuration,
        "error": convergence.error,
        "met": found.met,
        "dimensions": [
            {
                "name": one.name,
                "key": one.key,
                "given": one.given,
                "needed": found.counts[one.name],
                "enough": one.name not in found.short,
                "change": _change(found.alone[one.name]),
            }
            for one in convergence.dimensions
        ],
        "values": {key: value for key, value in convergence.values.items() if value is not None},
        "left_out": [key for key, value in convergence.values.items() if value is None],
        "error_found": _change(found.check),
        "error_of_configuration": _change(convergence.given),
        "seconds": {"given": convergence.given_s, "needed": convergence.needed_s},
        "closed": asdict(closed),
        "pixels": len(convergence.pixels.at),
        "spots": convergence.pixels.spots,
        "trials": [asdict(trial) for trial in convergence.trials],
    }


def _change(change: Change | None) -> dict[str, float] | None:
    return None if change is None else asdict(change)
