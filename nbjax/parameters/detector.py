"""Parameters of the detector that are more than a number at a place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from jax import Array

from nbjax.experiment import Experiment
from nbjax.fields import put
from nbjax.geometry.conventions import CONVENTIONS, PLATE_AXES
from nbjax.parameters.parameter import DEGREE, Meaning, Parameter, relative, single, tilt
from nbjax.quantities import Quantity
from nbjax.rotations import about_vector


def _attenuation_depth(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter:
    return single(
        quantity,
        lambda e: 1e6 / e.panel.attenuation_per_m,
        lambda e, x: put(e, "panel.attenuation_per_m", 1e6 / x),
    )


def _near_point(i: int, quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    """The XDS origin, where the panel hangs on its near point."""
    if meaning.convention in (None, "custom") or experiment.panel.pivot != "sample":
        return None

    def get(e: Experiment) -> Array:
        return e.panel.near_point_m[i] / e.panel.pixel_size_m + 0.5

    def set_near(e: Experiment, x: Array) -> Experiment:
        near = e.panel.near_point_m.at[i].set((x - 0.5) * e.panel.pixel_size_m)
        return put(e, "panel.near_point_m", near)

    return single(quantity, get, set_near)


def _plate_centre(i: int, quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    """The beam centre as the convention writes it, where the panel hangs on that."""
    custom = meaning.convention == "custom"
    if meaning.convention is None or (experiment.panel.pivot == "sample" and not custom):
        return None
    plate = PLATE_AXES[CONVENTIONS[meaning.convention].beam_centre][i]
    points = ("beam_centre_m", "near_point_m") if custom else ("beam_centre_m",)

    def get(e: Experiment) -> Array:
        on_panel = e.panel.beam_centre_m[plate.on_panel]
        return 1e3 * plate.from_panel(on_panel, e.panel.pixel_size_m, e.panel.pixel_size_m * e.grid.slow)

    def set_centre(e: Experiment, x: Array) -> Experiment:
        on_panel = plate.to_panel(x * 1e-3, e.panel.pixel_size_m, e.panel.pixel_size_m * e.grid.slow)
        moved = {point: getattr(e.panel, point).at[plate.on_panel].set(on_panel) for point in points}
        return e.with_panel(replace(e.panel, **moved))

    return single(quantity, get, set_centre)


def _closest(i: int, quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    return _plate_centre(i, quantity, experiment, meaning) if meaning.convention == "custom" else None


def _turned_axes(e: Experiment, x: Array) -> Experiment:
    """Turn fast, slow and normal together by a rotation vector (laboratory axes), before the panel's rotations."""
    turn, panel = about_vector(x * DEGREE), e.panel
    axes = {name: turn @ getattr(panel, name) for name in ("fast_axis", "slow_axis", "normal_axis")}
    return e.with_panel(replace(panel, **axes))


DETECTOR: dict[str, Callable[[Quantity, Experiment, Meaning], Parameter | None]] = {
    "detector.axes_deg": lambda q, e, meaning: relative(q, "degrees", q.labels, _turned_axes),
    "detector.two_theta_axis": lambda q, e, meaning: tilt(q, "panel.two_theta_axis"),
    "detector.attenuation_depth_um": _attenuation_depth,
    **{f"detector.org_{axis}_px": partial(_near_point, i) for i, axis in enumerate("xy")},
    **{f"detector.beam_{axis}_mm": partial(_plate_centre, i) for i, axis in enumerate("xy")},
    **{f"detector.close_{axis}_mm": partial(_closest, i) for i, axis in enumerate("xy")},
}
"""Key -> accessor."""
