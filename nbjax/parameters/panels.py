"""Parameters of several panels: of all of them together, of each, and of the groups in which they move."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.geometry.detector import DetectorParameters, PanelGroups, first_panel
from nbjax.geometry.panel import PanelParameters
from nbjax.parameters.parameter import Parameter, single
from nbjax.quantities import UNITS, Quantity
from nbjax.rotations import about_axis, about_xyz

SECTIONS = ("groups", "panels")
"""Of the quantities that each group and each panel has."""

TOGETHER = frozenset(
    {
        "detector.origin_shift_mm",
        "detector.axes_deg",
        "detector.two_theta_axis",
        "detector.two_theta_deg",
        "detector.thickness_um",
        "detector.attenuation_depth_um",
        *(f"detector.rotation_{axis}_deg" for axis in "xyz"),
    }
)
"""Quantities of one panel that move several alike."""


def on_first_panel(experiment: Experiment) -> Experiment:
    """The experiment with the first of its panels alone."""
    return _on(experiment, first_panel(experiment.detector))


def _on(experiment: Experiment, panel: PanelParameters) -> Experiment:
    return replace(experiment, detector=DetectorParameters(panel))


def for_all_panels(quantity: Quantity, parameter: Parameter) -> Parameter:
    """The parameter of one panel, for all of several: its value is the first panel's.

    The others keep their differences to it; of what is never below zero, their ratios.
    """
    get, change, keeps_ratio = parameter.get, parameter.set, quantity.possible.low == 0

    def set_all(e: Experiment, x: Array) -> Experiment:
        first = get(on_first_panel(e))

        def changed(panel: PanelParameters) -> PanelParameters:
            own = get(_on(e, panel))
            value = own / first * x if keeps_ratio else own - first + x
            return change(_on(e, panel), value).detector.panels

        return replace(e, detector=replace(e.detector, panels=jax.vmap(changed)(e.detector.panels)))

    return replace(parameter, get=lambda e: get(on_first_panel(e)), set=set_all)


def mean_distance(quantity: Quantity, experiment: Experiment) -> Parameter | None:
    """Mean of the panels' middles along the beam, before swings, shifts and turns; all panels move along the beam."""
    panels = experiment.detector.panels
    if panels.pivot != "sample" or panels.close_distance_m is None:
        return None

    def get(e: Experiment) -> Array:
        groups = _groups(e)
        return 1e3 * jnp.mean(groups.centre_m[jnp.asarray(_last_of(groups))] @ e.beam.direction)

    def set_distance(e: Experiment, x: Array) -> Experiment:
        groups, further_m = _groups(e), 1e-3 * (x - get(e)) * e.beam.direction
        panels = jax.vmap(_moved, in_axes=(0, None))(e.detector.panels, further_m)
        moved = replace(groups, centre_m=groups.centre_m + further_m)
        return replace(e, detector=replace(e.detector, panels=panels, groups=moved))

    return single(quantity, get, set_distance)


def _moved(panel: PanelParameters, shift_m: Array) -> PanelParameters:
    """A panel under the sample pivot that stands elsewhere in the laboratory after its swing."""
    assert panel.close_distance_m is not None
    swing = about_axis(panel.two_theta_axis, panel.two_theta_rad) @ about_xyz(panel.rotation_rad)
    axes = jnp.stack([-panel.fast_axis, -panel.slow_axis, panel.normal_axis], axis=1)
    # the axes of a file need not be quite at right angles
    along = jnp.linalg.solve(swing @ axes, shift_m)
    return replace(
        panel, near_point_m=panel.near_point_m + along[:2], close_distance_m=panel.close_distance_m + along[2]
    )


def names_in(section: str, experiment: Experiment) -> dict[str, int]:
    """The panels, or the groups of several, by name: where they are in ``PanelGroups``."""
    groups = experiment.detector.groups
    if groups is None:
        return {}
    panels = _last_of(groups)
    numbers = panels if section == "panels" else [i for i in range(len(groups.names)) if i not in panels]
    return {groups.names[i]: i for i in numbers}


def rigid_motions(quantity: Quantity, experiment: Experiment) -> list[Parameter]:
    """Shifts or rotations of each panel or group."""
    section, place, si = quantity.section, quantity.place, UNITS[quantity.unit].si
    assert place is not None
    assert quantity.typical is not None

    def of(name: str, number: int) -> Parameter:
        def change(e: Experiment, x: Array) -> Experiment:
            old = getattr(_groups(e), place)
            # values of a fit may have more digits than the experiment, which small motions do not need
            moved = old.at[number].set((x * si).astype(old.dtype))
            return replace(e, detector=replace(e.detector, groups=replace(_groups(e), **{place: moved})))

        return Parameter(
            f"{section}[{name}].{quantity.name}",
            (quantity.unit,) * 3,
            quantity.labels,
            (quantity.typical or 0.0,) * 3,
            lambda e: getattr(_groups(e), place)[number] / si,
            change,
        )

    return [of(name, number) for name, number in names_in(section, experiment).items()]


def _groups(experiment: Experiment) -> PanelGroups:
    assert experiment.detector.groups is not None
    return experiment.detector.groups


def _last_of(groups: PanelGroups) -> list[int]:
    """Of each panel the group that it is alone."""
    return [chain[-1] for chain in groups.chains]
