"""Quantities of the beam."""

from __future__ import annotations

from nbjax.quantities.interval import Interval, above_zero, up_to, within
from nbjax.quantities.quantity import Quantity

_DARK = "no photon falls on the crystal, and the image is zero"
_WIDTH = Interval(0.0, 2000.0)
_DIVERGENCES = tuple(
    Quantity(
        f"beam.divergence_{axis}_mrad",
        f"the full {axis} range of directions",
        "mrad",
        _WIDTH,
        up_to(100.0),
        typical=0.1,
        fitted=True,
        drawn=True,
        attributed=True,
    )
    for axis in ("horizontal", "vertical")
)

BEAM: tuple[Quantity, ...] = (
    Quantity("beam.direction", "the direction of the beam", "vector", typical=0.1, fitted=True, attributed=True),
    Quantity(
        "beam.wavelength_A",
        "the wavelength in Angstrom",
        "A",
        within(1e-3, 124.0),
        within(0.015, 25.0),
        typical=1e-4,
        fitted=True,
        drawn=True,
        attributed=True,
        same=("beam.energy_eV", "beam.source_wavelengths_A"),
        replaces=("beam.energy_eV",),
    ),
    Quantity(
        "beam.energy_eV",
        "the photon energy in eV",
        "eV",
        within(100.0, 1.24e7),
        within(500.0, 8e5),
        typical=1.0,
        fitted=True,
        drawn=True,
        same=("beam.source_wavelengths_A",),
        replaces=("beam.wavelength_A",),
    ),
    Quantity(
        "beam.polarization",
        "Kahn's factor",
        hard=within(-1.0, 1.0),
        physical=within(-1.0, 1.0),
        typical=0.01,
        place="kahn_factor",
        fitted=True,
        drawn=True,
        attributed=True,
    ),
    Quantity("beam.polarization_axis", "the direction of the electric vector", "vector", typical=0.1, fitted=True),
    Quantity(
        "beam.dispersion_percent",
        "the full range of wavelengths",
        "%",
        Interval(0.0, 200.0, open_high=True),
        up_to(120.0),
        up_to(100.0),
        typical=0.1,
        fitted=True,
        drawn=True,
        attributed=True,
    ),
    *_DIVERGENCES,
    Quantity("beam.source_directions", "the direction of each source", "mrad", labels=(), typical=0.1, fitted=True),
    Quantity(
        "beam.source_wavelengths_A",
        "the wavelength of each source",
        "A",
        within(1e-3, 124.0),
        labels=(),
        typical=1e-4,
        fitted=True,
    ),
    Quantity(
        "beam.source_weights",
        "the weight of each source but the first",
        hard=Interval(0.0),
        labels=(),
        typical=0.01,
        fitted=True,
    ),
    Quantity("beam.exposure_s", "the exposure in seconds", "s", above_zero(1e12), within(1e-16, 1e6), drawn=True),
    Quantity("beam.beamsize_mm", "the beam's full width in mm", "mm", above_zero(1e6), within(1e-6, 20.0), drawn=True),
    Quantity(
        "beam.flux_photons_per_s",
        "photons per second",
        "photons/s",
        up_to(1e40),
        within(1.0, 1e28),
        zero=_DARK,
        drawn=True,
        replaces=("beam.fluence_photons_per_m2",),
    ),
    Quantity(
        "beam.fluence_photons_per_m2",
        "photons per square metre",
        "photons/m^2",
        up_to(1e50),
        within(1e6, 1e36),
        zero=_DARK,
        place="fluence_photons_per_m2",
        fitted=True,
        drawn=True,
        attributed=True,
        replaces=("beam.flux_photons_per_s",),
    ),
    Quantity(
        "scale",
        "a factor on the fluence",
        hard=above_zero(),
        typical=0.01,
        fitted=True,
        same=("beam.fluence_photons_per_m2",),
    ),
)
