"""The sliders of the page: keys of a configuration, each with its value and how far a slider moves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    """

    key: str
    title: str
    step: float
    reach: float
    course: str = "about"


SLIDERS = (
    Slider("detector.distance_mm", "distance", 0.1, 2.0, "times"),
    Slider("detector.rotation_x_deg", "tilt about x", 0.01, 10.0),
    Slider("detector.rotation_y_deg", "tilt about y", 0.01, 10.0),
    Slider("detector.rotation_z_deg", "tilt about z", 0.01, 10.0),
    Slider("crystal.misset_deg", "misset", 0.01, 5.0),
    Slider("crystal.cell_A", "cell", 0.01, 1.1, "times"),
    Slider("beam.wavelength_A", "wavelength", 0.0001, 1.2, "times"),
    Slider("beam.bandwidth_percent", "bandwidth", 0.01, 2.0, "up"),
    Slider("crystal.mosaicity_deg", "mosaicity", 0.005, 1.0, "up"),
    Slider("crystal.cells", "cells N", 1.0, 4.0, "times"),
    Slider("beam.fluence_photons_per_m2", "fluence", 0.0, 100.0, "times"),
)


def shown_sliders(resolved: Resolved) -> list[Slider]:
    """The sliders that act on a configuration: those of the crystal where there is one alone."""
    several = len(resolved.config.crystals) > 1
    no_band = resolved.config.beam.spectrum_file is not None or resolved.config.beam.source_file is not None
    fixed = {"beam.bandwidth_percent", "beam.wavelength_A"} if no_band else set()
    if resolved.detector.panels:
        fixed |= {slider.key for slider in SLIDERS if slider.key.startswith("detector.")}
    return [one for one in SLIDERS if one.key not in fixed and not (several and one.key.startswith("crystal."))]


def slider_values(resolved: Resolved) -> dict[str, list[float]]:
    """The components of each slider's key as the configuration has them."""
    return {slider.key: list(_values(resolved, slider.key)) for slider in shown_sliders(resolved)}


def described(resolved: Resolved) -> list[dict[str, Any]]:
    """The sliders as the page takes them, with their units and the names of their components."""
    return [
        {
            "key": slider.key,
            "title": slider.title,
            "unit": QUANTITIES[slider.key].unit,
            "labels": list(QUANTITIES[slider.key].labels),
            "step": slider.step,
            "reach": slider.reach,
            "course": slider.course,
        }
        for slider in shown_sliders(resolved)
    ]


def _values(resolved: Resolved, key: str) -> tuple[float, ...]:
    crystal = resolved.crystal
    match key:
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
        case _:
            value = resolved.notes[key][0]
    return tuple(map(float, value)) if isinstance(value, tuple | list) else (float(value),)
