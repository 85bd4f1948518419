"""Parameters of the detector."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jax import Array

from nbjax.experiment import Experiment
from nbjax.fields import put
from nbjax.geometry.conventions import CONVENTIONS, PLATE_AXES
from nbjax.parameters.parameter import DEGREE, XYZ, Parameter, item, number, relative, single, tilt, vector
from nbjax.rotations import about_vector


def of_panel(experiment: Experiment) -> list[Parameter]:
    """Everything but the beam centre."""
    distance = "close_distance" if experiment.panel.distance_m is None else "distance"
    found = [
        number("detector.pixel_mm", "mm", 1e-5, "panel.pixel_size_m", 1e-3),
        number(f"detector.{distance}_mm", "mm", 0.01, f"panel.{distance}_m", 1e-3),
        vector("detector.origin_shift_mm", "mm", 0.01, XYZ, "panel.origin_shift_m", 1e-3),
        relative("detector.axes_deg", "degrees", 0.01, XYZ, _turned_axes),
        tilt("detector.two_theta_axis", "panel.two_theta_axis"),
        number("detector.two_theta_deg", "degrees", 0.01, "panel.two_theta_rad", DEGREE),
    ]
    for i, axis in enumerate(XYZ):
        found.append(item(f"detector.rotation_{axis}_deg", "degrees", 0.01, "panel.rotation_rad", i, DEGREE))
    if experiment.panel.has_sensor:
        found.append(number("detector.thickness_um", "um", 1.0, "panel.thickness_m", 1e-6))
        found.append(
            single(
                "detector.attenuation_depth_um",
                "um",
                1.0,
                lambda e: 1e6 / e.panel.attenuation_per_m,
                lambda e, x: put(e, "panel.attenuation_per_m", 1e6 / x),
            )
        )
    return found


def of_plate_centre(experiment: Experiment, convention: str) -> list[Parameter]:
    """The beam centre as the convention writes it, or the near point where the panel hangs on that."""
    found = []
    if experiment.panel.pivot == "sample" and convention != "custom":
        for i, axis in enumerate("xy"):

            def get(e: Experiment, i: int = i) -> Array:
                return e.panel.near_point_m[i] / e.panel.pixel_size_m + 0.5

            def set_near(e: Experiment, x: Array, i: int = i) -> Experiment:
                near = e.panel.near_point_m.at[i].set((x - 0.5) * e.panel.pixel_size_m)
                return put(e, "panel.near_point_m", near)

            found.append(single(f"detector.org_{axis}_px", "px", 0.1, get, set_near))
        return found
    rule = PLATE_AXES[CONVENTIONS[convention].beam_centre]
    for axis, plate in zip("xy", rule, strict=True):
        points = ("beam_centre_m", "near_point_m") if convention == "custom" else ("beam_centre_m",)

        def get_centre(e: Experiment, plate: Any = plate) -> Array:
            on_panel = e.panel.beam_centre_m[plate.on_panel]
            return 1e3 * plate.from_panel(on_panel, e.panel.pixel_size_m, e.panel.pixel_size_m * e.grid.slow)

        def set_centre(e: Experiment, x: Array, plate: Any = plate, points: Any = points) -> Experiment:
            on_panel = plate.to_panel(x * 1e-3, e.panel.pixel_size_m, e.panel.pixel_size_m * e.grid.slow)
            moved = {point: getattr(e.panel, point).at[plate.on_panel].set(on_panel) for point in points}
            return e.with_panel(replace(e.panel, **moved))

        found.append(single(f"detector.beam_{axis}_mm", "mm", 0.01, get_centre, set_centre))
        if convention == "custom":
            found.append(replace(found[-1], path=f"detector.close_{axis}_mm"))
    return found


def _turned_axes(e: Experiment, x: Array) -> Experiment:
    """Turn fast, slow and normal together by a rotation vector (laboratory axes), before the panel's rotations."""
    turn, panel = about_vector(x * DEGREE), e.panel
    axes = {name: turn @ getattr(panel, name) for name in ("fast_axis", "slow_axis", "normal_axis")}
    return e.with_panel(replace(panel, **axes))
