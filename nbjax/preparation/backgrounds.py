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
from nbjax.physics.backgrounds.background import Term
from nbjax.physics.backgrounds.measured import Picture, Radial
from nbjax.physics.backgrounds.tabulated import Tabulated
from nbjax.physics.backgrounds.water import Water
from nbjax.physics.screens.chart import Chart, random_chart
from nbjax.preparation.detector import MakeArray, radians
from nbjax.preparation.reach import spacings_on_panel
from nbjax.resolve import Resolved
from nbjax.resolve.backgrounds import AnyBackground, ResolvedBackground, Variation
from nbjax.sampling.sources import incident_rays

_EVEN = 1e-3
"""Of a spacing, by which those of an even table may differ."""


def backgrounds(resolved: Resolved, beam: BeamParameters, array: MakeArray) -> tuple[Term, ...]:
    """All backgrounds, in the order of the configuration, after the water around the crystal.

    Args:
        resolved: with the backgrounds.
        beam: prepared.
        array: makes an array of a number.
    """
    water_um = resolved.crystal.water_um
    water = (Water(array(water_um / 1e6)),) if water_um > 0 else ()
    return (*water, *(_background(one, resolved, beam, array) for one in resolved.backgrounds))


def _background(one: AnyBackground, resolved: Resolved, beam: BeamParameters, array: MakeArray) -> Term:
    if isinstance(one, ResolvedBackground):
        return _amorphous(one, resolved, beam, array)
    if one.two_theta_deg is None:
        return Picture(array(one.photons), array(one.scale), one.name, _chart(one.variation, array))
    return Radial(
        _table(radians(one.two_theta_deg), one.photons, array), array(one.scale), one.name, _chart(one.variation, array)
    )


def _chart(variation: Variation | None, array: MakeArray) -> Chart | None:
    if variation is None:
        return None
    return Chart(array(random_chart(variation.percent / 100, float(radians(variation.deg)), variation.seed)))


def _table(places: np.ndarray, values: np.ndarray, array: MakeArray) -> Tabulated:
    steps = np.diff(places)
    return Tabulated(array(places), array(values), bool(np.ptp(steps) < _EVEN * steps.mean()))


def _amorphous(one: ResolvedBackground, resolved: Resolved, beam: BeamParameters, array: MakeArray) -> Amorphous:
    source = one.source
    if isinstance(source, Material):
        places, intensity = with_rings(source, blur_of(resolved, beam, one.grain_nm))
        amplitude = np.sqrt(intensity)
    else:
        places, amplitude = source.stol_per_A, source.electrons

    electrons = incoherent(source.formula) if one.compton and source.formula is not None else None
    return Amorphous(
        thickness_m=array(one.thickness_mm / 1e3),
        molecules_per_m3=array(one.molecules_per_mm3 * 1e9),
        area_m2=array(one.area_mm2 / 1e6),
        edge_m=None if one.width_mm is None else array(one.width_mm / 1e3),
        scale=array(one.scale),
        amplitude=_table(places * 1e10, amplitude, array),
        incoherent=None if electrons is None else _table(GRID_PER_A * 1e10, electrons, array),
        name=one.name,
        variation=_chart(one.variation, array),
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
    limited = [isinstance(one, ResolvedBackground) or one.two_theta_deg is not None for one in resolved.backgrounds]
    if not any(limited):
        return
    middle_A = resolved.beam.wavelength_A
    stol_per_A = 0.5 / spacings_on_panel(resolved)
    shares = middle_A / resolved.beam.source_wavelengths()
    range_per_A: tuple[float, ...] = float(stol_per_A.min() * shares.min()), float(stol_per_A.max() * shares.max())
    angles = tuple(
        float(2 * np.degrees(np.arcsin(min(1.0, end * middle_A)))) for end in (stol_per_A.min(), stol_per_A.max())
    )
    faults = []
    for number, one in enumerate(resolved.backgrounds):
        if not limited[number]:
            continue
        if isinstance(one, ResolvedBackground):
            of_file = not isinstance(one.source, Material)
            places = GRID_PER_A if isinstance(one.source, Material) else one.source.stol_per_A
            key, seen, unit = "file" if of_file else "material", range_per_A, "in sin(theta)/wavelength per Angstrom"
        else:
            assert one.two_theta_deg is not None
            places, key, seen, unit = one.two_theta_deg, "profile_file", angles, "degrees of 2 theta"
        missing = _missing(places, seen)
        if missing:
            cure = "move the detector, or give a file that reaches" if key == "material" else "add lines to the table"
            faults.append(Fault(f"background.{number}.{key}", f"got {one.name!r}, which {missing} {unit}; {cure}"))
    if faults:
        raise ConfigError(faults)


def _missing(places: np.ndarray, seen: tuple[float, ...]) -> str | None:
    """What a table lacks of a range."""
    first, last, (low, high) = float(places[0]), float(places[-1]), seen
    if first > low:
        return f"begins at {first:.4g} and the panel sees from {low:.4g}"
    return f"ends at {last:.4g} and the panel sees up to {high:.4g}" if last < high else None
