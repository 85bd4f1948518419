"""How far reciprocal space is smeared about a reflection, as covariances in 1/m^2.

A Gaussian spot of the crystal's size is smeared by small Gaussian turns of the domains, by their cells, and by the
beam's spectrum and divergence. The covariances add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.experiment import BeamParameters, CrystalParameters
from nbjax.geometry.unit_cell import direct_vectors_m, invert_basis
from nbjax.linear import cross_matrix, cross_product
from nbjax.numerics import unit_vector
from nbjax.physics.block import narrowed
from nbjax.pipeline.fall_off import fall_off_m2
from nbjax.rotations import about_axis, about_vector
from nbjax.sampling.sources import Sources, SourceSpread, SourceTable, incident_rays

FWHM_PER_SIGMA = 2.3548200450309493
"""Full width at half maximum of a Gaussian over its standard deviation: 2 sqrt(2 ln 2)."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class BeamSpread:
    """What of a beam is averaged in closed form.

    Attributes:
        directions: covariance of the incident direction, shape (3, 3).
        bandwidth: variance of the wavelength over its mean.
    """

    directions: Float[Array, "3 3"]
    bandwidth: Float[Array, ""]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Lattice:
    """A crystal's reciprocal lattice at one angle of its spindle, and how it is smeared.

    Attributes:
        stars: reciprocal vectors as rows, shape (3, 3).
        size: covariance of a spot by the size of the mosaic blocks, shape (3, 3).
        turns: covariance of the domains' rotation vectors in the laboratory, shape (3, 3).
        cell_spread: relative standard deviation of a, b and c.
        axis: unit axis of the spindle, shape (3,).
        fall_off_m2: of ``nbjax.physics.debye_waller``; None: nothing falls off.
    """

    stars: Float[Array, "3 3"]
    size: Float[Array, "3 3"]
    turns: Float[Array, "3 3"]
    cell_spread: Float[Array, ""]
    axis: Float[Array, "3"]
    fall_off_m2: Float[Array, "3 3"] | None = None


def closed_beam(beam: BeamParameters) -> tuple[Sources, BeamSpread]:
    """The sources that stay a sum, and the spread of each.

    Gaussian spectra and divergences are taken into the spread; listed wavelengths and grids of directions stay.
    """
    sources, dtype = beam.sources, beam.wavelength_m.dtype
    nothing = BeamSpread(jnp.zeros((3, 3), dtype), jnp.zeros((), dtype))
    if not isinstance(sources, SourceSpread):
        return sources, nothing
    across, band = sources.directions == "gaussian", sources.kind == "gaussian"
    weights = _table(sources.weights, sources.waves)
    horizontal, vertical, wave = (
        _table(rows, sources.waves) for rows in (sources.horizontal, sources.vertical, sources.wavelength)
    )
    if across:
        weights = weights.sum(0, keepdims=True)
        horizontal, vertical, wave = jnp.zeros_like(wave[:1]), jnp.zeros_like(wave[:1]), wave[:1]
    if band:
        weights = weights.sum(1, keepdims=True)
        horizontal, vertical, wave = horizontal[:, :1], vertical[:, :1], jnp.zeros_like(wave[:, :1])
    rest = SourceSpread(
        horizontal_rad=sources.horizontal_rad,
        vertical_rad=sources.vertical_rad,
        band=sources.band,
        weights=weights.reshape(-1),
        kind=sources.kind,
        waves=wave.shape[1],
        directions=sources.directions,
        horizontal=horizontal.reshape(-1),
        vertical=vertical.reshape(-1),
        wavelength=wave.reshape(-1),
    )
    rays = incident_rays(rest, beam.direction, beam.polarization_axis, beam.wavelength_m)
    listed = SourceTable(rays.incident, rays.wavelength_m, rays.weight)
    return listed, BeamSpread(
        _across(beam, sources) if across else nothing.directions,
        (sources.band / FWHM_PER_SIGMA) ** 2 if band else nothing.bandwidth,
    )


def _table(rows: Float[Array, " sources"], waves: int) -> Float[Array, "directions waves"]:
    return rows.reshape(-1, waves)


def _across(beam: BeamParameters, sources: SourceSpread) -> Float[Array, "3 3"]:
    """Covariance of a direction that turns about two axes."""
    vertical_axis = unit_vector(cross_product(beam.direction, beam.polarization_axis))
    steps = cross_product(vertical_axis, beam.direction), cross_product(beam.polarization_axis, beam.direction)
    widths = sources.horizontal_rad / FWHM_PER_SIGMA, sources.vertical_rad / FWHM_PER_SIGMA
    return sum((width**2 * step[:, None] * step for width, step in zip(widths, steps, strict=True)), jnp.zeros((3, 3)))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Upright:
    """A crystal's lattice with its spindle at zero, from which that at any angle takes few operations.

    Attributes:
        lattice: at zero, its stars before the domains' mean rotation, its turns those that turn with the spindle.
        mean: mean rotation vector of domains that were drawn, likewise; None: zero.
        cap: mean and covariance of the rotation vectors of domains that do not turn with the spindle.
    """

    lattice: Lattice
    mean: Float[Array, "3"] | None
    cap: tuple[Float[Array, "3"], Float[Array, "3 3"]] | None

    def at(self, angle_rad: Float[Array, ""]) -> Lattice:
        """The lattice with the spindle at an angle."""
        zero = self.lattice
        turn = about_axis(zero.axis, angle_rad)
        whole, turns = turn, _turned(zero.turns, turn)
        if self.cap is not None:
            mean, spread = self.cap
            whole, turns = about_vector(mean if self.mean is None else mean + turn @ self.mean) @ turn, turns + spread
        fall = None if zero.fall_off_m2 is None else _turned(zero.fall_off_m2, turn)
        return Lattice(zero.stars @ whole.T, _turned(zero.size, whole), turns, zero.cell_spread, zero.axis, fall)


def _turned(covariance: Float[Array, "3 3"], turn: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    return turn @ covariance @ turn.T


def upright(crystal: CrystalParameters) -> Upright:
    """The lattice of a crystal before its spindle turns."""
    axes = crystal.cell.misset @ crystal.cell.orientation
    stars = invert_basis(direct_vectors_m(crystal.cell))
    # |exp(-pi rho^2 / 2)|^2 with rho^2 = fudge |M (a_i . x)|^2
    rows = narrowed(stars, crystal.cells, crystal.cells_off_diagonal)
    size = rows.T @ rows / (2 * jnp.pi * crystal.fudge)
    disorder, mean, cap = crystal.disorder, None, None
    turns, cell_spread = jnp.zeros((3, 3), stars.dtype), jnp.zeros((), stars.dtype)
    if disorder is not None and crystal.model == "closed":
        wide = axes * disorder.mosaicity_rad
        turns, cell_spread = wide @ wide.T, disorder.cell_spread
    elif disorder is not None:
        own_mean, own = _moments(disorder.mosaicity_rad * disorder.turns)
        mean, turns = axes @ own_mean, _turned(own, axes)
        # widths are one, or nothing of a single domain
        cell_spread = jnp.where(jnp.any(disorder.sizes != 0), 1.0, 0.0).astype(stars.dtype) * disorder.cell_spread
    if crystal.model != "closed":
        mosaic = crystal.mosaic
        cap = _moments(mosaic.spread_rad * mosaic.angle_ratios[:, None] * mosaic.axes)
    at_zero = fall_off_m2(crystal, jnp.zeros((), stars.dtype))
    return Upright(Lattice(stars, size, turns, cell_spread, crystal.spindle.axis, at_zero), mean, cap)


def _moments(vectors: Float[Array, "n 3"]) -> tuple[Float[Array, "3"], Float[Array, "3 3"]]:
    mean = vectors.mean(0)
    rest = vectors - mean
    return mean, rest.T @ rest / len(vectors)


def mean_source(beam: BeamParameters, closed: bool) -> tuple[SourceTable, BeamSpread]:
    """One source in the place of all, and the spread that makes up for the others.

    Args:
        beam: whose sources.
        closed: whether Gaussian spectra and divergences are those of ``closed_beam``, not their points.
    """
    sources, spread = beam.sources, BeamSpread(jnp.zeros((3, 3), beam.wavelength_m.dtype), jnp.zeros(()))
    if closed:
        sources, spread = closed_beam(beam)
    rays = incident_rays(sources, beam.direction, beam.polarization_axis, beam.wavelength_m)
    direction, wavelength_m = rays.weight @ rays.incident, rays.weight @ rays.wavelength_m
    off = rays.incident - direction
    directions = (rays.weight[:, None] * off).T @ off
    bandwidth = rays.weight @ (rays.wavelength_m / wavelength_m - 1) ** 2
    one = SourceTable(unit_vector(direction)[None], wavelength_m[None], jnp.ones((1,), wavelength_m.dtype))
    return one, BeamSpread(spread.directions + directions, spread.bandwidth + bandwidth)


def covariance(
    lattice: Lattice, beam: BeamSpread, wavelength_m: Float[Array, ""], hkl: Float[Array, "3"]
) -> Float[Array, "3 3"]:
    """Covariance about a reflection, without that of the spindle's rotation."""
    rows = hkl[:, None] * lattice.stars
    star = rows.sum(0)
    # the columns are the moves of the reflection with turns about x, y and z
    moves = -cross_matrix(star)
    total = lattice.size + moves @ lattice.turns @ moves.T + lattice.cell_spread**2 * rows.T @ rows
    return total + beam.bandwidth * star[:, None] * star + beam.directions / wavelength_m**2


def variance_along(
    lattice: Lattice,
    beam: BeamSpread,
    wavelength_m: Float[Array, ""],
    hkl: Float[Array, "3"],
    normal: Float[Array, "3"],
) -> Float[Array, ""]:
    """N . covariance n, of a unit vector n."""
    shares = hkl * (lattice.stars @ normal)
    turned = cross_product(hkl @ lattice.stars, normal)
    total = normal @ lattice.size @ normal + turned @ lattice.turns @ turned
    total += lattice.cell_spread**2 * (shares @ shares) + beam.bandwidth * shares.sum() ** 2
    return total + normal @ beam.directions @ normal / wavelength_m**2
