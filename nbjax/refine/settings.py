"""What a REFINE.toml says: a configuration, and a section ``refine`` about the data and the priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nbjax.config.load import read_data, structured
from nbjax.errors import ConfigError, Fault
from nbjax.refine.parameters import GROUPS, NAMES

System = Literal["triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"]
Extra = Literal["sizes", "b_factor", "spectrum", "wavelength", "detector"]
FactorPrior = Literal["wilson", "start"]
Shared = Literal["detector", "factors"]


@dataclass(frozen=True)
class Priors:
    """Standard deviations of what is refined about its start."""

    orientation_deg: float = 0.5
    length_percent: float = 1.0
    angle_deg: float = 0.5
    mosaicity_factor: float = 3.0  # a standard deviation of the logarithm is that of this factor
    size_factor: float = 3.0
    b_factor_A2: float = 10.0
    bandwidth_factor: float = 2.0
    wavelength_percent: float = 0.1
    detector_mm: float = 0.1
    panel_mm: float = 0.2  # of each group that moves, along each axis
    panel_deg: float = 0.2


@dataclass(frozen=True)
class RefineSettings:
    """How stills are refined; what a configuration does not say."""

    system: System | None = None  # None: that of the crystals' space group
    space_group: str | None = None  # None: that of the crystals, of a stream the lowest of their lattice
    box_px: int = 15
    spots: int = 200  # at most, of a shot
    fewest_spots: int = 6
    photons_per_count: float | None = None  # this and the next two: None for what the images say
    pedestal_counts: float | None = None
    saturation_counts: float | None = None
    readout_sigma_photons: float = 0.0
    dataset: str | None = None  # of HDF5 images
    mask_file: str | None = None
    factor_error: float = 0.1  # standard deviation of intensities over those of the structure factors
    profile_error: float = 0.1  # of the shape of spots, over their photons in a pixel
    rocking_error: float = 0.02  # of partialities, of which the highest is 1
    most_misfit: float = 3.0  # a pixel, from which on a shot is set aside
    free: tuple[Extra, ...] = ()  # besides scale, orientation, cell, mosaicity and size
    shared: tuple[Shared, ...] = ()  # what is refined of all shots together
    model_error: float = 0.1  # of intensities over those of the model, once the factors are refined
    factor_prior: FactorPrior = "wilson"  # or about the starting ones, within factor_error
    mates_apart: bool = False  # whether Friedel mates are two reflections
    moving: tuple[str, ...] = ("panels[*]",)  # groups of panels that move with shared = ["detector"]
    priors: Priors = field(default_factory=Priors)


def load_refine(path: str | Path, overrides: tuple[str, ...] = ()) -> tuple[dict[str, Any], RefineSettings]:
    """The tables of the configuration, and the settings.

    Raises:
        FileError: the file cannot be read, or is not TOML.
        ConfigError: what is wrong with ``refine``.
    """
    data, _ = read_data(path, overrides)
    own = data.pop("refine", {})
    if not isinstance(own, Mapping):
        raise ConfigError([Fault("refine", "is no table; begin it with [refine]")])
    settings = structured(own, RefineSettings, "refine")
    _check(settings)
    if settings.mask_file is not None:
        settings = structured(
            {**own, "mask_file": str(Path(path).resolve().parent / settings.mask_file)}, RefineSettings
        )
    return data, settings


def _check(settings: RefineSettings) -> None:
    faults = [
        Fault(f"refine.{section}{each.name}", f"is {value:g}; give a number above 0")
        for section, table in (("", settings), ("priors.", settings.priors))
        for each in fields(table)
        for value in [getattr(table, each.name)]
        if isinstance(value, float)
        and not value > 0
        and each.name not in ("readout_sigma_photons", "pedestal_counts", "rocking_error")
    ]
    faults += [
        Fault(f"refine.priors.{name}", f"is {value:g}; give a factor above 1")
        for name in ("mosaicity_factor", "size_factor", "bandwidth_factor")
        for value in [getattr(settings.priors, name)]
        if 0 < value <= 1
    ]
    if not 5 <= settings.box_px <= 101 or settings.box_px % 2 == 0:
        faults.append(Fault("refine.box_px", f"is {settings.box_px}; give an odd number of pixels from 5 to 101"))
    if not 3 <= settings.spots <= 5000:
        faults.append(Fault("refine.spots", f"is {settings.spots}; give 3 to 5000"))
    if not settings.moving:
        faults.append(Fault("refine.moving", 'is empty; name groups of panels as in ["panels[*]"]'))
    if settings.readout_sigma_photons < 0:
        faults.append(Fault("refine.readout_sigma_photons", "is below 0; give 0 or more photons"))
    if faults:
        raise ConfigError(faults)


def prior_sigmas(priors: Priors) -> np.ndarray:
    """Standard deviations of the departures, in the order of ``NAMES``."""
    by_group = {
        "scale": 10.0,
        "orientation": np.radians(priors.orientation_deg),
        "mosaicity": np.log(priors.mosaicity_factor),
        "size": np.log(priors.size_factor),
        "sizes": np.log(priors.size_factor),
        "b_factor": priors.b_factor_A2,
        "spectrum": np.log(priors.bandwidth_factor),
        "wavelength": priors.wavelength_percent / 100,
        "detector": priors.detector_mm,
    }
    by_name = {name: sigma for group, sigma in by_group.items() for name in GROUPS[group]}
    by_name |= dict.fromkeys(("log_a", "log_b", "log_c"), priors.length_percent / 100)
    by_name |= dict.fromkeys(("alpha_rad", "beta_rad", "gamma_rad"), np.radians(priors.angle_deg))
    return np.array([by_name[name] for name in NAMES])
