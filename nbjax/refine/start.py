"""What all shots of a run share, and where each starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gemmi
import jax.numpy as jnp
import numpy as np

from nbjax.config.edit import with_values
from nbjax.config.load import config_from_dict
from nbjax.config.tree import Config
from nbjax.errors import ConfigError, Fault
from nbjax.exchange.combination import combine
from nbjax.exchange.configuration import configuration
from nbjax.experiment import Experiment
from nbjax.geometry.unit_cell import direct_vectors_m, setting_of
from nbjax.io.experiments.stills import Still
from nbjax.preparation import prepare_resolved
from nbjax.refine.parameters import Start, tie_of
from nbjax.refine.settings import RefineSettings
from nbjax.resolve import resolve

_SOURCES = ("reflections_file", "coordinates_file", "hkl_file", "dump_file", "default_F")
_MOSAICITY_DEG = 0.05
_LISTS = ("background", "record", "shadow", "absorber", "crystals")


def shared_config(still: Still, told: Mapping[str, Any]) -> Config:
    """The configuration of a run: detector and beam of its first still, and what its own file says on top.

    Raises:
        ConfigError: what is wrong with the file's tables.
        FileError: the still has something that nbjax has not.
    """
    own = config_from_dict(told)
    panels = still.experiment.panels
    config = configuration(combine([still.experiment]), panels[0] if len(panels) == 1 else None)
    for section in set(told) & set(_LISTS):
        raise ConfigError([Fault(section, "has no effect on spots; leave it out, backgrounds are refined by planes")])
    crystal = told.get("crystal", {})
    if not any(key in crystal for key in _SOURCES):
        raise ConfigError(
            [Fault("crystal.reflections_file", "is missing; give structure factors, or crystal.default_F = 1")]
        )
    values: dict[str, Any] = {"crystal.default_F": None, "crystal.mosaicity_deg": _MOSAICITY_DEG}
    if "mosaicity_axes_deg" in crystal:
        values["crystal.mosaicity_deg"] = None
    for section, table in told.items():
        if isinstance(table, Mapping):
            values |= {f"{section}.{key}": getattr(getattr(own, section), key) for key in table}
        else:
            values[section] = getattr(own, section)
    return with_values(config, values | {"crystal.model": "closed", "crystal.shape": "gauss"})


def shared_experiment(still: Still, told: Mapping[str, Any]) -> Experiment:
    """The experiment whose crystal and wavelength each shot replaces by its own.

    Raises:
        ConfigError: what is wrong with the configuration.
        FileError: a file that it names.
    """
    experiment = prepare_resolved(resolve(shared_config(still, told)), counted=False)
    return experiment.with_crystal(replace(experiment.crystal, capacity=None))


def start_of(still: Still, experiment: Experiment, settings: RefineSettings) -> Start:
    """Where a still begins.

    Raises:
        FileError: its axes are left-handed.
    """
    crystal = still.experiment.crystal
    assert crystal is not None
    assert crystal.direct_A is not None
    lengths, angles, orientation = setting_of(crystal.direct_A * 1e-10, still.experiment.file)
    wavelength_A = still.experiment.beam.wavelength_A
    wavelength_m = experiment.beam.wavelength_m if wavelength_A is None else jnp.asarray(wavelength_A * 1e-10)
    tie = tie_of(settings.system or system_of(still.space_group))
    return Start(wavelength_m, *map(jnp.asarray, (lengths, angles, orientation, tie, np.array(still.shift_mm))))


def system_of(hall: str) -> str:
    """Crystal system of a Hall symbol, with its axes; triclinic without one."""
    if not hall:
        return "triclinic"
    operations = gemmi.symops_from_hall(hall)
    group = gemmi.find_spacegroup_by_ops(operations)
    if group is None:
        return "triclinic"
    system = str(group.crystal_system_str())
    if system == "trigonal" and group.ext != "R":
        return "hexagonal"
    if system == "monoclinic" and group.monoclinic_unique_axis() != "b":
        return "triclinic"
    return system


def direct_angstrom(experiment: Experiment) -> np.ndarray:
    """Vectors a, b, c of a shot's crystal as rows, in Angstrom."""
    return np.asarray(direct_vectors_m(experiment.crystal.cell)) * 1e10
