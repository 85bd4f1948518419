"""What is refined of a shot: a vector of departures from its start, all zero there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.experiment import Experiment
from nbjax.geometry.crystal_systems import CRYSTAL_SYSTEMS
from nbjax.rotations import about_vector
from nbjax.sampling.sources import SourceSpread

GROUPS: dict[str, tuple[str, ...]] = {
    "scale": ("log_scale",),
    "orientation": ("rotation_x_rad", "rotation_y_rad", "rotation_z_rad"),
    "cell": ("log_a", "log_b", "log_c", "alpha_rad", "beta_rad", "gamma_rad"),
    "mosaicity": ("log_mosaicity",),
    "size": ("log_size",),
    "sizes": ("log_size_b", "log_size_c"),
    "b_factor": ("b_factor_A2",),
    "spectrum": ("log_bandwidth",),
    "wavelength": ("log_wavelength",),
    "detector": ("shift_x_mm", "shift_y_mm", "shift_z_mm"),
}
"""Names of the departures, by the groups in which stages free them."""
NAMES = tuple(name for names in GROUPS.values() for name in names)
COUNT = len(NAMES)
_CELL = NAMES.index("log_a")


def place(name: str) -> int:
    """Where a departure is in the vector."""
    return NAMES.index(name)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Start:
    """Where the crystal and the wavelength of a shot start.

    Attributes:
        wavelength_m: of its beam.
        lengths_m: a, b, c.
        angles_rad: alpha, beta, gamma.
        orientation: see ``nbjax.geometry.unit_cell``.
        tie: departures of a, b, c, alpha, beta, gamma from the free ones among them, see ``tie_of``.
        shift_mm: of the detector as a whole, from where all shots have it; None: it is there.
    """

    wavelength_m: Float[Array, ""]
    lengths_m: Float[Array, "3"]
    angles_rad: Float[Array, "3"]
    orientation: Float[Array, "3 3"]
    tie: Float[Array, "6 6"]
    shift_mm: Float[Array, "3"] | None = None


def tie_of(system: str) -> Float[np.ndarray, "6 6"]:
    """Which free number of a crystal system each number of a cell follows; columns of the others are zero."""
    names = ("a", "b", "c", "alpha", "beta", "gamma")
    tie = np.zeros((6, 6))
    for row, rule in enumerate(CRYSTAL_SYSTEMS[system].rule):
        if isinstance(rule, str):
            tie[row, names.index(rule)] = 1.0
    return tie


def freed(groups: tuple[str, ...], tie: Float[np.ndarray, "6 6"]) -> Float[np.ndarray, " n"]:
    """1 where a departure of the groups is free in its crystal system, else 0."""
    free = np.array([float(name in groups) for name, names in GROUPS.items() for _ in names])
    free[_CELL : _CELL + 6] *= np.asarray(tie).any(0)
    return free


def departed(
    experiment: Experiment, start: Start, departure: Float[Array, " n"], broaden: Float[Array, ""] | float = 1.0
) -> Experiment:
    """The experiment of a shot.

    Args:
        experiment: what all shots share, of one closed crystal.
        start: of the shot.
        departure: by ``NAMES``.
        broaden: factor of the mosaicity.
    """
    at = dict(zip(NAMES, departure, strict=True))
    crystal, beam = experiment.crystal, experiment.beam
    change = start.tie @ departure[_CELL : _CELL + 6]
    turn = about_vector(jnp.stack([at[f"rotation_{axis}_rad"] for axis in "xyz"]))
    cell = replace(
        crystal.cell,
        lengths_m=start.lengths_m * jnp.exp(change[:3]),
        angles_rad=start.angles_rad + change[3:],
        orientation=turn @ start.orientation,
        misset_rad=jnp.zeros_like(crystal.cell.misset_rad),
    )
    assert crystal.disorder is not None
    wide = crystal.disorder.mosaicity_rad * jnp.exp(at["log_mosaicity"]) * broaden
    # along b and c on top of all axes
    sizes = at["log_size"] + jnp.stack([jnp.zeros_like(at["log_size"]), at["log_size_b"], at["log_size_c"]])
    weight = jnp.exp(at["log_scale"]) * (1.0 if crystal.weight is None else crystal.weight)
    b_factor_m2 = 1e-20 * at["b_factor_A2"]
    crystal = replace(
        crystal,
        cell=cell,
        b_factor_m2=b_factor_m2 if crystal.b_factor_m2 is None else crystal.b_factor_m2 + b_factor_m2,
        cells=crystal.cells * jnp.exp(sizes),
        disorder=replace(crystal.disorder, mosaicity_rad=wide),
        weight=weight,
    )
    sources = beam.sources
    if isinstance(sources, SourceSpread):
        sources = replace(sources, band=sources.band * jnp.exp(at["log_bandwidth"]))
    beam = replace(beam, wavelength_m=start.wavelength_m * jnp.exp(at["log_wavelength"]), sources=sources)
    shift_mm = jnp.stack([at[f"shift_{axis}_mm"] for axis in "xyz"])
    if start.shift_mm is not None:
        shift_mm = shift_mm + start.shift_mm
    return _shifted(replace(experiment, beam=beam).with_crystal(crystal), 1e-3 * shift_mm)


def _shifted(experiment: Experiment, shift_m: Float[Array, "3"]) -> Experiment:
    """With the detector as a whole elsewhere in the laboratory."""
    detector = experiment.detector
    panels = replace(detector.panels, origin_shift_m=detector.panels.origin_shift_m + shift_m)
    return replace(experiment, detector=replace(detector, panels=panels))
