"""The traced numbers of an experiment under their configuration keys, in the units of the keys.

A ``Parameter`` reads its value from an experiment and returns the experiment that has another one. Both directions are
pure functions of arrays, so that a fit or an attribution differentiates from the configuration's numbers to the image.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from jax import Array

from nbjax.errors import ConfigError, Fault
from nbjax.experiment import Experiment
from nbjax.geometry.crystal_systems import CRYSTAL_SYSTEMS
from nbjax.parameters.accessors import access
from nbjax.parameters.panels import SECTIONS
from nbjax.parameters.parameter import Meaning, Parameter
from nbjax.parameters.plural import (
    ALL,
    alone,
    beside,
    crystal_of,
    for_crystal,
    key_of,
    meant,
    panel_of,
    path_alone,
    path_of,
)
from nbjax.quantities import QUANTITIES

__all__ = [
    "ALL",
    "Parameter",
    "alone",
    "beside",
    "crystal_of",
    "find",
    "for_crystal",
    "key_of",
    "meant",
    "panel_of",
    "parameters_of",
    "path_alone",
    "path_of",
    "set_values",
]

_SCALES = "only scales the fluence; use scale or beam.fluence_photons_per_m2"
_PANEL_AXIS = "turns with the other two axes of the panel; use detector.axes_deg"
_EACH = "detector.origin_shift_mm for all of them, or panels[*].shift_mm for each"
_OF_ONE_PANEL = {
    "detector.close_distance_mm": "detector.distance_mm",
    "detector.pixel_mm": "detector.distance_mm",
    **{
        f"detector.{name}": _EACH for axis in "xy" for name in (f"beam_{axis}_mm", f"org_{axis}_px", f"close_{axis}_mm")
    },
}
"""What is no parameter of several panels, and those to use."""
_SHOWN_NAMES = 6
_DISORDER = "needs Gaussian domains; give it in the configuration, 0 to start from, with sampling.mosaic_domains"
_MOTION = "needs both in the configuration; give crystal.diffuse_sigma_A, 0 if none is known, and diffuse_gamma_A"
_LISTED = "needs a list of sources; give beam.source_file"
_ELSEWHERE = {
    "beam.flux_photons_per_s": _SCALES,
    "beam.exposure_s": _SCALES,
    "beam.beamsize_mm": _SCALES,
    "beam.polarization_normal": "says where the polarization axis is; use beam.polarization_axis",
    "beam.bandwidth_percent": "needs a Gaussian spectrum; give beam.bandwidth_percent without another shape",
    "beam.spike_width_percent": "draws other spikes; choose a value",
    "beam.spectrum_offset_eV": "moves the spectrum of a file; use beam.energy_eV",
    "beam.source_directions": _LISTED,
    "beam.source_wavelengths_A": _LISTED,
    "beam.source_weights": "needs a list of two or more sources; give beam.source_file",
    "crystal.structure_factors": "needs one table of amplitudes; give crystal.hkl_file, or leave out "
    "crystal.anomalous_channels",
    "beam.divergence_sigma_mrad": "needs a Gaussian divergence; give it in the configuration, above zero",
    "crystal.mosaic_spread_deg": "is a cap of domains, and these are Gaussian; use crystal.mosaicity_deg",
    "crystal.mosaicity_deg": _DISORDER,
    "crystal.mosaicity_axes_deg": _DISORDER,
    "crystal.cell_spread_percent": _DISORDER,
    **{f"crystal.diffuse_{name}_A": _MOTION for name in ("sigma", "sigma_axes", "gamma", "gamma_axes")},
    "crystal.cells_off_diagonal": "needs numbers to start from; give it in the configuration, zeros if none are known",
    "crystal.b_factor_A2": "needs a value to start from; give it in the configuration, 0 if none is known",
    "crystal.offset_mm": "needs a beam whose fluence falls off; give beam.profile",
    "crystal.default_F": "stands for reflections of a table that lacks them; use crystal.structure_factors",
    "crystal.water_um": "needs one background of water; give crystal.water_um above zero",
    "detector.fast_axis": _PANEL_AXIS,
    "detector.slow_axis": _PANEL_AXIS,
    "detector.normal_axis": _PANEL_AXIS,
    "sampling.phi_step_deg": "follows the range; use crystal.phi_range_deg",
    "sampling.divergence_horizontal_step_mrad": "follows the range; use beam.divergence_horizontal_mrad",
    "sampling.divergence_vertical_step_mrad": "follows the range; use beam.divergence_vertical_mrad",
    "sampling.resolution_limit_A": "is a sharp edge that has no gradient; choose a value",
}
"""Numbers of the configuration that are no parameter of their own, and why."""


def parameters_of(
    experiment: Experiment, convention: str | None = None, system: str = "triclinic"
) -> dict[str, Parameter]:
    """Every parameter of an experiment by its path, in the order of computation.

    The paths are keys of quantities, ``crystal.misset_deg``; with two or more crystals ``crystals[0].misset_deg``,
    ``crystals[1].misset_deg`` and so on. Several panels have the parameters of the whole detector, and
    ``panels[left].shift_mm`` and so on of each of them and of their groups.

    Args:
        experiment: decides what there is: a panel with a close distance has no distance, for instance.
        convention: of the detector; without it there are no beam centres, whose meaning it decides.
        system: crystal system that ``crystal.cell`` keeps to, a key of ``CRYSTAL_SYSTEMS``.
    """
    meaning = Meaning(convention, CRYSTAL_SYSTEMS[system])
    found = [
        parameter
        for quantity in QUANTITIES.values()
        if quantity.fitted
        for parameter in access(quantity, experiment, meaning)
    ]
    return {parameter.path: parameter for parameter in found}


def find(parameters: dict[str, Parameter], path: str, key: str = "parameters") -> Parameter:
    """The parameter of a path.

    Raises:
        ConfigError: there is none; names the parameter that does the same, or the nearest name.
    """
    if path not in parameters:
        raise ConfigError([Fault(key, f"got {path!r}, {_what_instead(parameters, path)}")])
    return parameters[path]


def _what_instead(parameters: dict[str, Parameter], path: str) -> str:
    of_panels = _panels_instead(parameters, path)
    if of_panels is not None:
        return of_panels
    same = [other for other in parameters if key_of(other) == key_of(path)]
    crystals = sum(key_of(other) == "crystal.cell_A" for other in parameters)
    if same:
        count = {0: "no crystal", 1: "one crystal"}.get(crystals, f"{crystals} crystals")
        return f"no parameter of this experiment, which has {count}; use {' or '.join(same)}"
    if key_of(path) in _ELSEWHERE:
        return f"which {_ELSEWHERE[key_of(path)]}"
    if not crystals and key_of(path).startswith("crystal."):
        return "no parameter of this experiment, which has no crystal"
    for axis in "xy":
        keys = [f"detector.{name}" for name in (f"beam_{axis}_mm", f"org_{axis}_px", f"close_{axis}_mm")]
        if path in keys:
            centre = [key for key in keys if key in parameters]
            if not centre:
                return "whose meaning the detector's convention decides; give the convention too"
            return f"which does not place the panel in this convention; use {centre[0]}"
    near = difflib.get_close_matches(path, parameters, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(parameters)}"
    return f"no parameter of this experiment; {hint}"


def _panels_instead(parameters: dict[str, Parameter], path: str) -> str | None:
    """The answer to a name of a panel or a group, and to what is of one panel where there are several."""
    which, key, several = panel_of(path), key_of(path), any(map(panel_of, parameters))
    if which is None and key == path and key in QUANTITIES and QUANTITIES[key].section in SECTIONS and several:
        return f"which names none of the {QUANTITIES[key].section}; use {path.replace('.', '[*].')} for all of them"
    if which is None:
        if not several or key not in _OF_ONE_PANEL:
            return None
        return f"which is of one panel, and this detector has several; use {_OF_ONE_PANEL[key]}"
    section, name = which
    motion = key.partition(".")[2]
    if key not in QUANTITIES:
        return f"which is no motion of {section}; use {section}[{name}].shift_mm or {section}[{name}].rotation_deg"
    known = [panel_of(other) for other in parameters if key_of(other) == key]
    if not several:
        return "no parameter of this experiment, which has one panel; use detector.origin_shift_mm or detector.axes_deg"
    if not known:
        return f"but the file of the detector has no groups; use panels[*].{motion}"
    names = [each[1] for each in known if each]
    shown = ", ".join(names[:_SHOWN_NAMES])
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return f"but the {section} of this detector are {shown}{more}; name one of them, or [*] for all"


def set_values(experiment: Experiment, parameters: Iterable[Parameter], values: Iterable[Array]) -> Experiment:
    """The experiment in which every parameter has its value."""
    for parameter, value in zip(parameters, values, strict=True):
        experiment = parameter.set(experiment, value)
    return experiment
