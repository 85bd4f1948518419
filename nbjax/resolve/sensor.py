"""Resolution of what stops photons: the sensor, and gas and windows before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Config
from nbjax.errors import ArgumentError
from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.io.materials import attenuation_per_m
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.notes import Notes

_MOST_NODES = 33


@dataclass(frozen=True)
class ResolvedMaterial:
    """A material in the beam.

    Attributes:
        name: of the material.
        per_m: attenuation at the beam's wavelength.
        wavelengths_A: where the attenuation is tabulated, ascending; none where the beam has one wavelength.
        ratios: to ``per_m``, at these.
        thickness_um: of a window; None of a gas, or where the panels have their own.
    """

    name: str
    per_m: float
    wavelengths_A: np.ndarray
    ratios: np.ndarray
    thickness_um: float | None = None


@dataclass(frozen=True)
class ResolvedSensor:
    """The sensor.

    Attributes:
        thickness_um, attenuation_depth_um: of all panels that have none of their own.
        layers, layers_given: how many are sampled, and whether that was said.
        materials: of each panel of ``detector.file``, or of the only one; empty where no material is known.
        filters: gas and window.
    """

    thickness_um: float
    attenuation_depth_um: float
    layers: int
    layers_given: bool
    materials: tuple[ResolvedMaterial, ...] = ()
    filters: tuple[ResolvedMaterial, ...] = ()


def resolve_sensor(
    config: Config, beam: ResolvedBeam, panels: tuple[RecordedPanel, ...], notes: Notes
) -> ResolvedSensor:
    """Fill in the sensor; faults go to ``notes``.

    Args:
        config: completed.
        beam: its wavelengths are those at which materials are looked up.
        panels: of ``detector.file``.
        notes: takes faults, warnings and origins.
    """
    detector = config.detector
    filters = _filters(config, beam, notes)
    thickness = notes.choose("detector.thickness_um", detector.thickness_um, 0.0, "default: every photon is captured")
    if thickness <= 0:
        if detector.material is not None:
            notes.fault(
                "detector.material", f"got {detector.material!r} without a thickness; give detector.thickness_um"
            )
        notes.record("sampling.thickness_layers", 1, "no sensor thickness")
        return ResolvedSensor(0.0, 1.0, 1, False, filters=filters)
    materials = _materials(config, beam, panels, notes)
    depth = _depth(config, materials, thickness, notes)
    count = config.sampling.thickness_layers
    layers = notes.choose("sampling.thickness_layers", count, 2)
    if layers == 1 and "layer_step" in config.parity:
        layers = 2
        notes.record("sampling.thickness_layers", 2, "the C program takes at least two")
    return ResolvedSensor(thickness, depth, layers, count is not None, materials, filters)


def _depth(config: Config, materials: tuple[ResolvedMaterial, ...], thickness: float, notes: Notes) -> float:
    given, key = config.detector.attenuation_depth_um, "detector.attenuation_depth_um"
    if given is None and materials:
        origin = f"of {materials[0].name} at beam.wavelength_A"
        return notes.choose(key, None, 1e6 / materials[0].per_m, origin)
    if given is None:
        notes.warn("detector.thickness_um without detector.attenuation_depth_um: the thickness is taken for the depth")
    elif config.detector.material is not None:
        notes.fault("detector.material", f"given together with {key}; each says what the sensor stops: keep one")
    return notes.choose(key, given, thickness, "= thickness")


def _materials(
    config: Config, beam: ResolvedBeam, panels: tuple[RecordedPanel, ...], notes: Notes
) -> tuple[ResolvedMaterial, ...]:
    """Of each panel, where its attenuation is not told as a number."""
    if config.detector.material is not None:
        notes.given("detector.material", config.detector.material)
        found = _looked_up("detector.material", config.detector.material, beam, notes)
        return () if found is None else (found,) * max(1, len(panels))
    if config.detector.attenuation_depth_um is not None:
        return ()
    names = [panel.material for panel in panels]
    if not names or None in names:
        return ()
    tables = {name: _looked_up("detector.file", name, beam, notes) for name in dict.fromkeys(names) if name}
    listed = [tables[name] for name in names if name]
    return () if None in listed else tuple(table for table in listed if table is not None)


def _filters(config: Config, beam: ResolvedBeam, notes: Notes) -> tuple[ResolvedMaterial, ...]:
    detector, found = config.detector, []
    if detector.gas is not None:
        notes.given("detector.gas", detector.gas)
        found.append(_looked_up("detector.gas", detector.gas, beam, notes))
    if (detector.window is None) != (detector.window_um is None):
        lacking = "window_um" if detector.window_um is None else "window"
        notes.fault(f"detector.{lacking}", "missing; a window has a material and a thickness: give both")
    elif detector.window is not None and detector.window_um is not None:
        notes.given("detector.window", detector.window)
        notes.given("detector.window_um", detector.window_um)
        found.append(_looked_up("detector.window", detector.window, beam, notes, detector.window_um))
    if found and config.parity:
        notes.fault("parity", "the C program knows no gas and no window; leave parity, or them, out")
    return tuple(each for each in found if each is not None)


def _looked_up(
    key: str, name: str, beam: ResolvedBeam, notes: Notes, thickness_um: float | None = None
) -> ResolvedMaterial | None:
    wavelengths_A = np.unique(beam.source_wavelengths())
    if len(wavelengths_A) > _MOST_NODES:
        wavelengths_A = np.geomspace(wavelengths_A[0], wavelengths_A[-1], _MOST_NODES)
    try:
        central, *rest = attenuation_per_m(name, np.array([beam.wavelength_A, *wavelengths_A]))
    except ArgumentError as error:
        notes.fault(key, str(error))
        return None
    nodes = wavelengths_A if len(wavelengths_A) > 1 else np.zeros(0)
    ratios = np.array(rest) / central if len(nodes) else np.zeros(0)
    return ResolvedMaterial(name, float(central), nodes, ratios, thickness_um)
