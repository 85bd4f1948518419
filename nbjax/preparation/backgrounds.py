"""The backgrounds of a resolved configuration, and whether their tables reach as far as the panels see."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.errors import ConfigError, Fault
from nbjax.experiment import BeamParameters
from nbjax.materials import Material
from nbjax.materials.compton import incoherent
from nbjax.materials.material import GRID_PER_A
from nbjax.materials.rings import Blur, with_rings
from nbjax.physics.backgrounds.amorphous import Amorphous
from nbjax.physics.backgrounds.background import Background
from nbjax.physics.backgrounds.tabulated import Tabulated
from nbjax.physics.backgrounds.water import Water
from nbjax.preparation.detector import MakeArray
from nbjax.preparation.reach import spacings_on_panel
from nbjax.resolve import Resolved
from nbjax.resolve.backgrounds import ResolvedBackground
from nbjax.sampling.sources import incident_rays

_EVEN = 1e-3
"""Of a spacing, by which those of an even table may differ."""


def backgrounds(resolved: Resolved, beam: BeamParameters, array: MakeArray) -> tuple[Background, ...]:
    """All backgrounds, in the order of the configuration, after the water around the crystal.

    Args:
        resolved: with the backgrounds.
        beam: prepared.
        array: makes an array of a number.
    """
    water_um = resolved.crystal.water_um
    water = (Water(array(water_um / 1e6)),) if water_um > 0 else ()
    return (*water, *(_amorphous(one, resolved, beam, array) for one in resolved.backgrounds))


def _amorphous(one: ResolvedBackground, resolved: Resolved, beam: BeamParameters, array: MakeArray) -> Amorphous:
    source = one.source
    if isinstance(source, Material):
        places, intensity = with_rings(source, blur_of(resolved, beam, one.grain_nm))
        amplitude = np.sqrt(intensity)
    else:
        places, amplitude = source.stol_per_A, source.electrons

    def table(places: np.ndarray, values: np.ndarray) -> Tabulated:
        steps = np.diff(places)
        return Tabulated(array(places * 1e10), array(values), bool(np.ptp(steps) < _EVEN * steps.mean()))

    return Amorphous(
        thickness_m=array(one.thickness_mm / 1e3),
        molecules_per_m3=array(one.molecules_per_mm3 * 1e9),
        area_m2=array(one.area_mm2 / 1e6),
        edge_m=None if one.width_mm is None else array(one.width_mm / 1e3),
        scale=array(one.scale),
        amplitude=table(places, amplitude),
        incoherent=table(GRID_PER_A, incoherent(source.formula)) if one.compton and source.formula else None,
        name=one.name,
    )


def blur_of(resolved: Resolved, beam: BeamParameters, grain_nm: float) -> Blur:
    """What makes rings wide: grains, the spread of the sources, and the size of the pixels."""
    with jax.enable_x64(True):
        parts = beam.sources, beam.direction, beam.polarization_axis, beam.wavelength_m
        rays = incident_rays(*jax.tree.map(jnp.asarray, parts))
    weight, incident, wavelength = (np.asarray(x) for x in (rays.weight, rays.incident, rays.wavelength_m))
    middle = weight @ incident
    mean = float(weight @ wavelength)
    d = resolved.detector
    return Blur(
        grain_A=10.0 * grain_nm,
        wavelength_A=resolved.beam.wavelength_A,
        bandwidth=float(np.sqrt(weight @ (wavelength / mean - 1) ** 2)),
        # half of the variance is along the radius
        direction_rad=float(np.sqrt(max(0.0, 1 - middle @ middle) / 2)),
        pixel=d.pixel_mm / np.sqrt(12) / (d.close_distance_mm or d.distance_mm),
    )


def check_tables(resolved: Resolved) -> None:
    """Make sure that the tables reach as far as the panels see.

    Raises:
        ConfigError: one that does not.
    """
    if not resolved.backgrounds:
        return
    wavelengths_A = resolved.beam.source_wavelengths()
    stol_per_A = 0.5 / spacings_on_panel(resolved)
    shares = resolved.beam.wavelength_A / wavelengths_A
    low, high = float(stol_per_A.min() * shares.min()), float(stol_per_A.max() * shares.max())
    faults = []
    for number, one in enumerate(resolved.backgrounds):
        places = GRID_PER_A if isinstance(one.source, Material) else one.source.stol_per_A
        first, last = float(places[0]), float(places[-1])
        if first > low:
            missing = f"begins at {first:.4g} and the panel sees from {low:.4g}"
        elif last < high:
            missing = f"ends at {last:.4g} and the panel sees up to {high:.4g}"
        else:
            continue
        own = not isinstance(one.source, Material)
        cure = "add lines to the table" if own else "move the detector, or give a file that reaches"
        where = f"{missing} in sin(theta)/wavelength per Angstrom"
        key = f"background.{number}.{'file' if own else 'material'}"
        faults.append(Fault(key, f"got {one.name!r}, which {where}; {cure}"))
    if faults:
        raise ConfigError(faults)
