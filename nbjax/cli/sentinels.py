"""Numbers of an option line that mean "not given"."""

from __future__ import annotations

from typing import Any

_SPACINGS = (
    "sampling.phi_step_deg",
    "sampling.divergence_horizontal_step_mrad",
    "sampling.divergence_vertical_step_mrad",
)


def forget_sentinels(values: dict[str, Any], as_c_program: bool) -> None:
    """Drop spacings of zero; as in the C program also what is below zero, and a flux of zero.

    Args:
        values: configuration key -> value; changed in place.
        as_c_program: whether the ledger's ``sentinel_values`` is on.
    """
    for key in _SPACINGS:
        if values.get(key) == 0 or (as_c_program and values.get(key, 0.0) < 0):
            del values[key]
    if as_c_program and values.get("crystal.phi_range_deg", 0.0) < 0:
        del values["crystal.phi_range_deg"]
    if as_c_program and values.get("beam.flux_photons_per_s") == 0:
        del values["beam.flux_photons_per_s"]
