"""The detector of a resolved configuration: its panels, where they stand, and whether they can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nbjax.attenuation import Attenuation, Filter
from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.errors import ConfigError, Fault
from nbjax.geometry.detector import DetectorParameters, PanelGroups, place_detector
from nbjax.geometry.panel import Panel, PanelParameters
from nbjax.pipeline.compilation import compiled
from nbjax.resolve import Resolved
from nbjax.resolve.detector import ResolvedDetector
from nbjax.resolve.panels import placement
from nbjax.resolve.sensor import ResolvedMaterial

MakeArray = Callable[[object], Any]
_ALONG_BEAM = 1e-9
place = compiled(place_detector)


def radians(degrees: object) -> np.ndarray:
    """Angles in rad."""
    # a division, as in the C program, so that phi steps that cross zero hit it in the same steps
    return np.asarray(np.asarray(degrees, float) / DEGREES_PER_RADIAN)


def panel_parameters(resolved: Resolved, array: MakeArray) -> PanelParameters:
    """The panel; of ``detector.file`` the one nearest to the beam."""
    d = resolved.detector
    close = d.close_distance_mm
    return PanelParameters(
        pixel_size_m=array(d.pixel_mm / 1000),
        distance_m=array(d.distance_mm / 1000) if close is None else None,
        close_distance_m=None if close is None else array(close / 1000),
        beam_centre_m=array(np.array(d.centre_mm) / 1000),
        near_point_m=array(np.array(d.near_mm) / 1000),
        fast_axis=array(d.fast_axis),
        slow_axis=array(d.slow_axis),
        normal_axis=array(d.normal_axis),
        rotation_rad=array(radians(d.rotation_deg)),
        two_theta_rad=array(radians(d.two_theta_deg)),
        two_theta_axis=array(d.two_theta_axis),
        origin_shift_m=array(np.array(d.origin_shift_mm) / 1000),
        thickness_m=array(d.thickness_um * 1e-6),
        attenuation_per_m=array(1 / (d.attenuation_depth_um * 1e-6)),
        pivot=d.pivot,
        curved=resolved.config.detector.curved,
        point_pixel=resolved.config.detector.point_pixel,
        has_sensor=d.thickness_um > 0,
        layers=d.layers,
        two_sided="two_sided_panel" in resolved.config.parity,
        attenuation=_spectrum(d.sensor.materials[:1], array),
    )


def _spectrum(materials: Sequence[ResolvedMaterial], array: MakeArray) -> Attenuation | None:
    """How the attenuation of materials depends on the wavelength; of several, one row for each."""
    if not materials or not len(materials[0].wavelengths_A):
        return None
    logarithms = np.log([material.ratios for material in materials])
    return Attenuation(
        wavelengths_m=array(materials[0].wavelengths_A * 1e-10),
        logarithms=array(logarithms[0] if len(materials) == 1 else logarithms),
    )


def _filters(resolved: Resolved, array: MakeArray) -> tuple[Filter, ...]:
    return tuple(
        Filter(
            per_m=array(material.per_m),
            thickness_m=None if material.thickness_um is None else array(material.thickness_um * 1e-6),
            spectrum=_spectrum([material], array),
            name=material.name,
        )
        for material in resolved.detector.sensor.filters
    )


def meets_beam(panel: Panel, beam: np.ndarray) -> bool:
    """Whether the beam meets the plane of a placed panel, and so has a distance and a centre on it."""
    return bool(abs(float(np.dot(np.asarray(panel.normal), beam))) > _ALONG_BEAM)


def placed_panel(resolved: Resolved) -> Panel:
    """The panel in the laboratory, in double precision whatever JAX's present setting; of several the one nearest to
    the beam.
    """
    with jax.enable_x64(True):
        panel = panel_parameters(resolved, _in_double)
        return place(DetectorParameters(panel), _in_double(resolved.detector.beam_direction))


def _in_double(value: object) -> Array:
    return jnp.asarray(np.asarray(value, float))


def placed_panels(resolved: Resolved) -> Panel:
    """All panels in the laboratory, with a leading axis that one panel has too, in double precision."""
    with jax.enable_x64(True):
        detector = detector_parameters(resolved, _in_double)
        placed: Panel = place(detector, _in_double(resolved.detector.beam_direction))
        return placed if detector.groups is not None else jax.tree.map(lambda leaf: leaf[None], placed)


def detector_parameters(resolved: Resolved, array: MakeArray) -> DetectorParameters:
    """All panels, the groups in which several move, and what lies before them."""
    d, shared = resolved.detector, panel_parameters(resolved, array)
    filters = _filters(resolved, array)
    if not d.panels:
        return DetectorParameters(shared, filters=filters)
    own = _own_fields(resolved)
    if len(d.panels) == 1:
        panel = replace(shared, **{name: array(rows[0]) for name, rows in own.items()})
        return DetectorParameters(panel, filters=filters)
    count = len(d.panels)
    spread = jax.tree.map(lambda leaf: array(np.broadcast_to(np.asarray(leaf), (count, *np.shape(leaf)))), shared)
    panels = replace(spread, **{name: array(np.array(rows)) for name, rows in own.items()})
    if panels.attenuation is not None:
        rows = [np.log(material.ratios) for material in d.sensor.materials]
        panels = replace(panels, attenuation=replace(panels.attenuation, logarithms=array(np.array(rows))))
    return DetectorParameters(panels, _groups(d, array), filters)


def _own_fields(resolved: Resolved) -> dict[str, list[Any]]:
    """What each panel of ``detector.file`` has of its own, in SI units."""
    d = resolved.detector
    placed = [placement(one, d.file or "") for one in d.panels]
    return {
        "pixel_size_m": [one.pixel_mm[0] / 1000 for one in d.panels],
        "pixel_slow_m": [one.pixel_mm[1] / 1000 for one in d.panels],
        "close_distance_m": [at.close_mm / 1000 for at in placed],
        "near_point_m": [np.array(at.near_mm) / 1000 for at in placed],
        "fast_axis": [at.fast for at in placed],
        "slow_axis": [at.slow for at in placed],
        "normal_axis": [at.normal for at in placed],
        **_sensors(d),
    }


def _sensors(d: ResolvedDetector) -> dict[str, list[float]]:
    """Thickness and attenuation of each panel, unless the configuration has others for all."""
    if not d.thickness_um:
        return {}
    shared_mm = d.thickness_um / 1000
    of_file = any(np.isclose(panel.thickness_mm or 0.0, shared_mm) for panel in d.panels)
    thick_mm = [(panel.thickness_mm if of_file else None) or shared_mm for panel in d.panels]
    if d.sensor.materials:
        per_m = [material.per_m for material in d.sensor.materials]
    else:
        shared = 1e6 / d.attenuation_depth_um
        told = [1000 * panel.attenuation_per_mm if panel.attenuation_per_mm else shared for panel in d.panels]
        per_m = told if np.isclose(told, shared).any() else [shared] * len(told)
    return {"thickness_m": [thickness / 1000 for thickness in thick_mm], "attenuation_per_m": per_m}


def _groups(d: ResolvedDetector, array: MakeArray) -> PanelGroups:
    """The groups of ``detector.file`` and each panel, at rest."""
    members = [*(group.panels for group in d.groups), *((number,) for number in range(len(d.panels)))]
    names = _distinct([*(group.name for group in d.groups), *(panel.name for panel in d.panels)])
    middles_m = np.array([panel.middle_mm for panel in d.panels]) / 1000
    nothing = np.zeros((len(members), 3))
    return PanelGroups(
        shift_m=array(nothing),
        rotation_rad=array(nothing),
        centre_m=array(np.stack([middles_m[list(numbers)].mean(axis=0) for numbers in members])),
        names=names,
        chains=tuple(
            tuple(i for i, numbers in enumerate(members) if number in numbers) for number in range(len(d.panels))
        ),
    )


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Names of which no two are the same: a later one gets its number."""
    return tuple(f"{name}.{i}" if name in names[:i] else name for i, name in enumerate(names))


def check_front(resolved: Resolved) -> None:
    """Refuse a panel whose back faces the sample: no pixel sees it."""
    d = resolved.detector
    moves = {"two_theta_deg": (d.two_theta_deg,), "origin_shift_mm": d.origin_shift_mm}
    turned = [key for key, values in moves.items() if any(values)]
    turned += [f"rotation_{axis}_deg" for axis, value in zip("xyz", d.rotation_deg, strict=True) if value]
    if (not turned and d.normal_axis @ d.beam_direction > 0) or "two_sided_panel" in resolved.config.parity:
        return
    for number, close_mm in enumerate(1000 * np.asarray(placed_panels(resolved).close_distance_m)):
        if close_mm > 0:
            continue
        whose = f"the plane of panel {d.panels[number].name!r}" if d.panels else "the panel's plane"
        problem = (
            f"put {whose} {close_mm:.6g} mm from the sample, with its back towards it, so that no pixel sees "
            "the sample; swing and tilt it by less than 90 degrees, or swing it about the sample, which the sample "
            "pivot does"
        )
        raise ConfigError([Fault("detector." + (turned or ["normal_axis"])[0], problem)])


def check_bend(resolved: Resolved) -> None:
    """Refuse a curved panel that would close upon itself."""
    d = resolved.detector
    if not resolved.config.detector.curved or "curved_mapping" in resolved.config.parity:
        return
    panel = placed_panel(resolved)
    for key, count, near_m, most_deg in zip(
        ("pixels_fast", "pixels_slow"), (d.pixels_fast, d.pixels_slow), panel.near_point_m, (90, 180), strict=True
    ):
        arc_m = max(float(near_m), count * d.pixel_mm / 1000 - float(near_m))
        reach_deg = float(np.degrees(arc_m / float(panel.close_distance_m)))
        if reach_deg > most_deg:
            problem = f"bends the panel by {reach_deg:.4g} degrees from its nearest point; {most_deg} are the most"
            raise ConfigError([Fault(f"detector.{key}", problem)])
