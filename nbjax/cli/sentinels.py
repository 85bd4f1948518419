"""Numbers of an option line that mean "not given", and what the C program takes for one that is not."""

from __future__ import annotations

from typing import Any

_SPACINGS = (
    "sampling.phi_step_deg",
    "sampling.divergence_horizontal_step_mrad",
    "sampling.divergence_vertical_step_mrad",
)
_RANGES = (
    "crystal.phi_range_deg",
    "crystal.mosaic_spread_deg",
    "beam.divergence_horizontal_mrad",
    "beam.divergence_vertical_mrad",
    "beam.dispersion_percent",
)
_POSITIVE = (
    "beam.flux_photons_per_s",
    "crystal.size_a_mm",
    "crystal.size_b_mm",
    "crystal.size_c_mm",
    "detector.pixels_fast",
    "detector.pixels_slow",
    "sampling.divergence_horizontal_steps",
    "sampling.divergence_vertical_steps",
    "sampling.dispersion_steps",
    "sampling.mosaic_domains",
    "sampling.oversample",
    "sampling.thickness_layers",
)


def forget_sentinels(values: dict[str, Any], as_c_program: bool) -> dict[str, str]:
    """Drop spacings of zero; as in the C program also ranges below zero, and counts and a flux of zero.

    Args:
        values: configuration key -> value; changed in place.
        as_c_program: whether the ledger's ``sentinel_values`` is on.

    Returns:
        Key -> what became of its value, for those that the C program alone takes for not given.
    """
    for key in _SPACINGS:
        if values.get(key) == 0:
            del values[key]
    if not as_c_program:
        return {}
    said: dict[str, str] = {}
    dropped = [key for key in (*_SPACINGS, *_RANGES) if values.get(key, 0.0) < 0]
    dropped += [key for key in _POSITIVE if values.get(key, 1) <= 0]
    if values.get("sampling.phi_steps", 1) < 0:
        dropped.append("sampling.phi_steps")
    for key in dropped:
        said[key] = f"{values.pop(key):g} is taken for not given, as in the C program"
    if values.get("sampling.phi_steps") == 0:
        said["sampling.phi_steps"], values["sampling.phi_steps"] = "0 is taken for 1, as in the C program", 1
    cells = values.get("crystal.cells", (1,))
    if min(cells) < 1:
        said["crystal.cells"] = f"{min(cells):g} is taken for 1, as in the C program"
        values["crystal.cells"] = tuple(max(1, number) for number in cells)
    return said


def take_two_steps(values: dict[str, Any], sources: dict[str, str]) -> None:
    """Give a rotation of a known range alone two steps, where a configuration takes what the crystal asks for."""
    steps = {"sampling.phi_step_deg", "sampling.phi_steps"}
    if "crystal.phi_range_deg" in values and not steps & values.keys():
        values["sampling.phi_steps"] = 2
        sources["sampling.phi_steps"] = f"{sources['crystal.phi_range_deg']} alone, as in the C program"
