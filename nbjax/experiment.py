"""The contract between preparation and pipeline: one pytree that holds a whole experiment.

Every number a user might fit is a traced leaf (a float array); shapes, counts and choices are static metadata, so that
two experiments of equal structure share one compiled program and can be stacked for ``jax.vmap``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Float

from nbjax.errors import ArgumentError, StructureError
from nbjax.fields import STATIC
from nbjax.geometry.detector import DetectorParameters
from nbjax.geometry.goniometer import Spindle
from nbjax.geometry.panel import PanelParameters
from nbjax.geometry.unit_cell import UnitCell
from nbjax.html import tree_table
from nbjax.physics.backgrounds.background import Term
from nbjax.physics.backgrounds.halo import Halo
from nbjax.physics.liquid_motion import LiquidMotion
from nbjax.physics.screens.screen import Screen
from nbjax.physics.structure_factor import StructureFactors
from nbjax.sampling.capacity import Capacity
from nbjax.sampling.disorder import Disorder
from nbjax.sampling.mosaic import MosaicDraws
from nbjax.sampling.sources import Sources


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class BeamParameters:
    """The incident beam.

    Attributes:
        direction: unit direction of the central ray, shape (3,).
        wavelength_m: central wavelength.
        fluence_photons_per_m2: photons per area during the exposure.
        kahn_factor: polarization K.
        polarization_axis: unit direction of the electric vector, shape (3,).
        sources: divergence and spectrum.
        polarized: whether the polarization factor is applied at all.
        size_m: size of the beam where its fluence falls off across it.
        profile: a name of ``nbjax.physics.beam_profiles.BEAM_PROFILES``, of which the fluence is the peak; None: it is
            the same everywhere.
    """

    direction: Float[Array, "3"]
    wavelength_m: Float[Array, ""]
    fluence_photons_per_m2: Float[Array, ""]
    kahn_factor: Float[Array, ""]
    polarization_axis: Float[Array, "3"]
    sources: Sources
    polarized: bool = field(metadata=STATIC)
    size_m: Float[Array, ""] | None = None
    profile: str | None = field(default=None, metadata=STATIC)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CrystalParameters:
    """A crystal.

    Attributes:
        cell: unit cell and its orientation.
        cells: number of unit cells of a mosaic block along a, b, c, shape (3,).
        volume_m3: volume of the crystal, which consists of as many blocks as fill it; None: of one.
        fudge: scale of the squared spot radius for the round, gauss and tophat shapes.
        factors: structure factors.
        spindle, mosaic: rotation exposure and mosaic domains.
        shape: a name of ``nbjax.physics.shapes.SHAPES``.
        offset_m: place in the beam, along the polarization axis and across; None: its middle.
        model: "sampled": the mean over domains, spindle steps and sources; "closed": by formula, of which the deviates
            of ``disorder`` are one row of zeros.
        disorder: Gaussian mosaicity and spread of the cell; None: none.
        capacity: of the closed model.
        weight: by which its photons count; None: 1.
        b_factor_m2: B of all atoms, which takes intensities by exp(-B q^2 / 2); None: 0.
        cells_off_diagonal: of the block's matrix of cells, ab, bc and ca, shape (3,), see ``nbjax.physics.block``;
            None: 0.
        motion: by which reflections lose intensity to diffuse halos; None: none.
    """

    cell: UnitCell
    cells: Float[Array, "3"]
    volume_m3: Float[Array, ""] | None
    fudge: Float[Array, ""]
    factors: StructureFactors
    spindle: Spindle
    mosaic: MosaicDraws
    shape: str = field(metadata=STATIC)
    offset_m: Float[Array, "2"] | None = None
    model: str = field(default="sampled", metadata=STATIC)
    disorder: Disorder | None = None
    capacity: Capacity | None = field(default=None, metadata=STATIC)
    weight: Float[Array, ""] | None = None
    b_factor_m2: Float[Array, ""] | None = None
    motion: LiquidMotion | None = None
    cells_off_diagonal: Float[Array, "3"] | None = None

    @property
    def domains(self) -> int:
        """How many orientations the crystal has at each angle of the spindle."""
        return self.mosaic.angle_ratios.shape[-1] * (1 if self.disorder is None else self.disorder.turns.shape[-2])

    @property
    def middle_rad(self) -> Float[Array, ""]:
        """Spindle angle in the middle of the exposure: of the steps, or of the range that the closed model covers."""
        passed = self.spindle.steps - (0 if self.model == "closed" else 1)
        return jnp.asarray(self.spindle.start_rad) + self.spindle.step_rad * (passed / 2)


@dataclass(frozen=True)
class Grid:
    """Static pixel grid and sampling choices.

    Attributes:
        slow, fast: pixels of the image; of several panels, of each.
        roi: first fast, end fast, first slow, end slow of the rendered window (ends exclusive).
        oversample: subpixels along each edge.
        oversample_solid_angle, oversample_polarization, oversample_thickness: evaluate the factor for each subpixel
            instead of at the pixel centre.
        resolution_cut: whether samples below the resolution limit are dropped.
        tile: pixels computed at once.
        block: of these, pixels that a derivative takes at once; None: all.
        panels: how many there are. Several are rendered whole, and have an image of the shape (panel, slow, fast).
    """

    slow: int
    fast: int
    roi: tuple[int, int, int, int]
    oversample: int
    oversample_solid_angle: bool
    oversample_polarization: bool
    oversample_thickness: bool
    resolution_cut: bool
    tile: int
    block: int | None = None
    panels: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """(slow, fast) pixels of the image, or (panel, slow, fast)."""
        return (self.slow, self.fast) if self.panels == 1 else (self.panels, self.slow, self.fast)

    @property
    def roi_shape(self) -> tuple[int, int]:
        """(slow, fast) pixels of the rendered window; of several panels, of each."""
        return self.roi[3] - self.roi[2], self.roi[1] - self.roi[0]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Experiment:
    """Everything ``simulate`` needs.

    Attributes:
        beam, detector: physical parameters.
        crystals: each scatters into the same image.
        backgrounds: what else scatters.
        resolution_limit_m: smallest spacing that is kept when ``grid.resolution_cut``.
        mask: 0 where a pixel is skipped, of the shape of the image, or None.
        grid: static grid and sampling.
        precision: name of the floating-point policy.
        program: what evaluates it in the place of the physics, see ``nbjax.pipeline.program``; None: the physics.
        screens: what lets only a part of all photons pass.
        low: what the 32-bit numbers of this experiment lack to 64-bit ones, in the same places; only with precision
            ``single``, and without the tables. It is a constant: nothing is differentiated by it.
    """

    beam: BeamParameters
    detector: DetectorParameters
    crystals: tuple[CrystalParameters, ...]
    backgrounds: tuple[Term, ...]
    resolution_limit_m: Float[Array, ""]
    mask: Float[Array, "..."] | None
    grid: Grid = field(metadata=STATIC)
    precision: str = field(metadata=STATIC)
    program: Hashable | None = field(metadata=STATIC)
    screens: tuple[Screen, ...] = ()
    low: Experiment | None = None

    def _repr_html_(self) -> str:
        """What a notebook shows: every parameter and choice, with its place for ``put``."""
        title = f"Experiment: image {' x '.join(map(str, self.grid.shape))}, {self.precision} precision"
        return tree_table(title, replace(self, low=None))

    @property
    def crystal(self) -> CrystalParameters:
        """The only crystal.

        Raises:
            StructureError: there are several, or none.
        """
        _only("crystal", len(self.crystals))
        return self.crystals[0]

    @property
    def panel(self) -> PanelParameters:
        """The only panel of the detector.

        Raises:
            StructureError: there are several, or none.
        """
        _only("panel", self.detector.count)
        return self.detector.panels

    def with_crystal(self, crystal: CrystalParameters) -> Experiment:
        """The experiment with another crystal in the place of its only one."""
        _only("crystal", len(self.crystals))
        return replace(self, crystals=(crystal,))

    def with_panel(self, panel: PanelParameters) -> Experiment:
        """The experiment with another panel in the place of its only one."""
        _only("panel", self.detector.count)
        return replace(self, detector=replace(self.detector, panels=panel))


T = TypeVar("T")
F = TypeVar("F", CrystalParameters, Halo)


def _only(noun: str, count: int) -> None:
    if count != 1:
        raise StructureError(f"this works with one {noun}, and the experiment has {count}; name it by its number")


def stack(experiments: Sequence[Experiment]) -> Experiment:
    """Experiments of equal structure as one, with a new first axis in every array, for ``jax.vmap``.

    Raises:
        StructureError: a choice, a count or a shape differs.
        ArgumentError: there is none, or one is no experiment.
    """
    experiments = listed(experiments)
    first, *others = experiments
    for number, other in enumerate(others, 1):
        differing = _difference(first, other)
        if differing:
            raise StructureError(f"experiments 0 and {number} cannot be stacked: {differing}; simulate them one by one")
    return jax.tree.map(_stacked, *experiments)


def listed(experiments: Any) -> list[Experiment]:
    """Experiments of any sequence.

    Raises:
        ArgumentError: there is none, or one is no experiment.
    """
    if isinstance(experiments, Experiment):
        raise ArgumentError("got a single experiment; give a list of them")
    found = list(experiments)
    if not found:
        raise ArgumentError("got no experiment; give one or more")
    for number, one in enumerate(found):
        if not isinstance(one, Experiment):
            what = f"experiment {number} is a {type(one).__name__}"
            raise ArgumentError(f"{what}, an Experiment is wanted; nbjax.prepare(config) makes one")
    return found


def _stacked(*leaves: ArrayLike) -> Array:
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return jnp.stack(leaves)
    # on the host, hundreds of small arrays need no compiled program for each shape
    return jnp.asarray(np.stack([np.asarray(leaf) for leaf in leaves]))


def _difference(a: Experiment, b: Experiment) -> str | None:
    """The first thing other than a number in which two experiments differ."""
    for name in ("grid", "precision", "program"):
        if getattr(a, name) != getattr(b, name):
            return f"{name} is {getattr(a, name)!r} in the one and {getattr(b, name)!r} in the other"
    paths = [
        {jax.tree_util.keystr(path): jnp.shape(leaf) for path, leaf in jax.tree.leaves_with_path(x)} for x in (a, b)
    ]
    for path in sorted(paths[0].keys() | paths[1].keys()):
        one, other = (found.get(path, "absent") for found in paths)
        if one != other:
            return f"{path[1:]} has shape {one} in the one and {other} in the other"
    same: bool = jax.tree.structure(a) == jax.tree.structure(b)  # type: ignore[operator]
    return None if same else "a choice differs, such as the crystal's shape or the panel's pivot"


def chosen(
    experiment: Experiment, crystals: Iterable[int] | None = None, backgrounds: Iterable[int] | None = None
) -> Experiment:
    """The experiment with some of its crystals and backgrounds alone, by their numbers; None: all of them."""
    low = None if experiment.low is None else chosen(experiment.low, crystals, backgrounds)
    return replace(
        experiment,
        crystals=_some(experiment.crystals, crystals),
        backgrounds=_some(experiment.backgrounds, backgrounds),
        low=low,
    )


def _some(terms: tuple[T, ...], numbers: Iterable[int] | None) -> tuple[T, ...]:
    return terms if numbers is None else tuple(terms[number] for number in numbers)


def shown_pixels(experiment: Experiment) -> Bool[np.ndarray, "*image"]:
    """Pixels in the region of interest that no mask hides."""
    shown = np.zeros(experiment.grid.shape, bool)
    first_fast, end_fast, first_slow, end_slow = experiment.grid.roi
    shown[..., first_slow:end_slow, first_fast:end_fast] = True
    return shown if experiment.mask is None else shown & (np.asarray(experiment.mask) > 0)


def in_double(experiment: Experiment) -> Experiment:
    """The experiment in 64 bits, where it has low parts; 64-bit floats must be on."""
    if experiment.low is None:
        return experiment
    whole = jax.tree.map(lambda x, rest: x.astype(jnp.float64) + rest, without_tables(experiment), experiment.low)
    pairs = zip(whole.crystals, experiment.crystals, strict=True)
    crystals = tuple(replace(c, factors=replace(c.factors, values=old.factors.values)) for c, old in pairs)
    return replace(whole, crystals=crystals, mask=experiment.mask, precision="double")


def without_tables(experiment: Experiment) -> Experiment:
    """The experiment without its large arrays and without ``low``: the numbers that geometry is made of."""
    crystals = tuple(_without_table(crystal) for crystal in experiment.crystals)
    backgrounds = tuple(_without_table(term) if isinstance(term, Halo) else term for term in experiment.backgrounds)
    return replace(experiment, crystals=crystals, backgrounds=backgrounds, mask=None, low=None)


def _without_table(of: F) -> F:
    return replace(of, factors=replace(of.factors, values=None))
