"""What a run will cost, said before it starts."""

from __future__ import annotations

import numpy as np

from nbjax.errors import UsageError
from nbjax.geometry.unit_cell import cell_volume
from nbjax.memory import available_bytes
from nbjax.pipeline.cost import Cost
from nbjax.resolve import Resolved

_WORTH_SAYING_S = 20.0
_LONG_S = 600.0
_SMALL_BLOCK_UM = 0.1
"""An edge of a mosaic block as real crystals have them."""


def cost_lines(resolved: Resolved, cost: Cost) -> list[str]:
    """What takes long, and what could be changed; nothing if it does not.

    Raises:
        UsageError: it needs more memory than there is.
    """
    free = available_bytes()
    if cost.bytes > free:
        raise UsageError(
            f"this run needs about {_bytes(cost.bytes)} of memory and {_bytes(float(free))} are free; use fewer pixels"
            f", a region of interest, or {', '.join(_remedies(resolved, cost))}"
        )
    if cost.seconds < _WORTH_SAYING_S:
        return []
    counts = " x ".join(f"{count:.4g} {name}" for name, count in cost.counts.items() if count > 1)
    lines = [f"{cost.samples:.2g} samples ({counts}): about {_duration(cost.seconds)} and {_bytes(cost.bytes)}"]
    if cost.seconds > _LONG_S:
        lines.append(f"to make it shorter: {'; '.join(_remedies(resolved, cost))}")
    return lines


def _remedies(resolved: Resolved, cost: Cost) -> list[str]:
    """What could be changed, the largest gain first."""
    found = []
    config, counts = resolved.config, cost.counts
    if counts["subpixels"] > 1:
        found.append((counts["subpixels"], _fewer_subpixels(resolved)))
    for name, remedy in (
        ("sources", "fewer sources, steps of divergence and dispersion, or beam.channels"),
        ("phi steps", "fewer sampling.phi_steps"),
        ("mosaic domains", "fewer sampling.mosaic_domains"),
        ("sensor layers", "fewer sampling.thickness_layers"),
    ):
        if counts[name] > 1:
            found.append((counts[name], remedy))
    if config.detector.roi is None:
        found.append((counts["pixels"] // 10**4, "a smaller detector.roi"))
    ordered = [remedy for _, remedy in sorted(found, reverse=True)]
    return ordered or ["fewer pixels"]


def _fewer_subpixels(resolved: Resolved) -> str:
    crystal, given = resolved.crystal, resolved.config.sampling.oversample
    edges_A = np.multiply(crystal.cells, crystal.cell_A)
    if given is not None or edges_A.max() < 1e4 * _SMALL_BLOCK_UM:
        return "fewer sampling.oversample"
    volume_um3 = crystal.volume_um3 or 1e-12 * cell_volume(edges_A, np.radians(crystal.cell_deg))
    block = " ".join(f"{max(1, round(1e4 * _SMALL_BLOCK_UM / edge)):g}" for edge in crystal.cell_A)
    return (
        f"a crystal of small mosaic blocks: crystal.cells = {block} and crystal.volume_um3 = {volume_um3:.4g} give as "
        "many photons in wider spots"
    )


def _duration(seconds: float) -> str:
    for limit, unit, size in ((120, "s", 1), (7200, "min", 60), (172800, "h", 3600), (63e6, "days", 86400)):
        if seconds < limit:
            return f"{seconds / size:.2g} {unit}" if seconds / size < 100 else f"{seconds / size:.0f} {unit}"
    return f"{seconds / 3.156e7:.2g} years"


def _bytes(number: float) -> str:
    return f"{number / 1e9:.2g} GB" if number < 1e11 else f"{number / 1e9:.3g} GB"
