"""The sliders of the page: keys of a configuration, each with its value and how far a slider moves it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbjax.explore.changes import key_in_crystal, key_of_crystal
from nbjax.quantities import QUANTITIES
from nbjax.resolve import Resolved


@dataclass(frozen=True)
class Slider:
    """A number, or the components of a vector, that the page moves.

    Attributes:
        key: of the configuration.
        title: above it.
        step: of one click.
        reach: how far it moves to either side; of "times" sliders the factor.
        course: "about" the value that was there first, "times" it, or from zero "up".
        crystal: number of the one of ``[[crystals]]`` that the key is of, or None.
    """

    key: str
    title: str
    step: float
    reach: float
    course: str = "about"
    crystal: int | None = None


SLIDERS = (
    Slider("detector.distance_mm", "distance", 0.1, 2.0, "times"),
    Slider("detector.close_distance_mm", "distance, least", 0.1, 2.0, "times"),
    Slider("detector.rotation_x_deg", "tilt about x", 0.01, 10.0),
    Slider("detector.rotation_y_deg", "tilt about y", 0.01, 10.0),
    Slider("detector.rotation_z_deg", "tilt about z", 0.01, 10.0),
    Slider("detector.origin_shift_mm", "shift", 0.01, 5.0),
    Slider("crystal.misset_deg", "misset", 0.01, 5.0),
    Slider("crystal.cell_A", "cell", 0.01, 1.1, "times"),
    Slider("beam.wavelength_A", "wavelength", 0.0001, 1.2, "times"),
    Slider("beam.bandwidth_percent", "bandwidth", 0.01, 2.0, "up"),
    Slider("crystal.mosaicity_deg", "mosaicity", 0.005, 1.0, "up"),
    Slider("crystal.cells", "cells N", 1.0, 4.0, "times"),
    Slider("beam.fluence_photons_per_m2", "fluence", 0.0, 100.0, "times"),
)


_PLACED_BY_FILE = {f"detector.rotation_{axis}_deg" for axis in "xyz"}


def shown_sliders(resolved: Resolved) -> list[Slider]:
    """The sliders that act on a configuration, those of the crystal once for each that there is."""
    beam, crystals = resolved.config.beam, range(len(resolved.config.crystals))
    no_band = beam.spectrum_file is not None or beam.source_file is not None
    idle = {"beam.bandwidth_percent", "beam.wavelength_A"} if no_band else set()
    by_near_point = resolved.detector.file is None and resolved.detector.close_distance_mm is not None
    idle |= {"detector.distance_mm" if by_near_point else "detector.close_distance_mm"}
    if resolved.detector.file is not None:
        idle |= _PLACED_BY_FILE
    found: list[Slider] = []
    for slider in SLIDERS:
        if slider.key not in idle and not slider.key.startswith("crystal."):
            found.append(slider)
    for number in crystals or (None,):
        for slider in SLIDERS:
            if slider.key.startswith("crystal."):
                found.append(replace(slider, key=key_of_crystal(number, slider.key), crystal=number))
    return found


def slider_values(resolved: Resolved) -> dict[str, list[float]]:
    """The components of each slider's key as the configuration has them."""
    return {slider.key: list(_values(resolved, slider)) for slider in shown_sliders(resolved)}


def described(resolved: Resolved) -> list[dict[str, Any]]:
    """The sliders as the page takes them, with their units and the names of their components."""
    shown = shown_sliders(resolved)
    quantities = [QUANTITIES[key_in_crystal(slider.key)] for slider in shown]
    return [
        {
            "key": slider.key,
            "title": slider.title,
            "unit": quantity.unit,
            "labels": list(quantity.labels),
            "step": slider.step,
            "reach": slider.reach,
            "course": slider.course,
            "crystal": slider.crystal,
        }
        for slider, quantity in zip(shown, quantities, strict=True)
    ]


def _values(resolved: Resolved, slider: Slider) -> tuple[float, ...]:
    crystal, detector = resolved.crystals[resolved.listed[slider.crystal or 0]], resolved.detector
    match key_in_crystal(slider.key):
        case "crystal.mosaicity_deg":
            axes = crystal.mosaicity_deg
            return (0.0,) if axes is None else (sum(axes) / len(axes),)
        case "crystal.misset_deg":
            value: Any = crystal.misset_deg
        case "crystal.cell_A":
            value = crystal.cell_A
        case "crystal.cells":
            value = crystal.cells
        case "beam.bandwidth_percent":
            value = resolved.config.beam.bandwidth_percent or 0.0
        case "beam.fluence_photons_per_m2":
            value = resolved.beam.fluence_photons_per_m2
        case "beam.wavelength_A":
            value = resolved.beam.wavelength_A
        case "detector.distance_mm" if detector.panels:
            value = np.mean([panel.middle_mm @ detector.beam_direction for panel in detector.panels])
        case key:
            value = resolved.notes[key][0]
    return tuple(map(float, value)) if isinstance(value, tuple | list) else (float(value),)
