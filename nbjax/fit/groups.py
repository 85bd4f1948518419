"""Which pixels share a background, and where they lie in what it is a function of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from nbjax.experiment import BeamParameters, Experiment
from nbjax.fit.background import Kind
from nbjax.geometry.panel import Panel, PanelParameters
from nbjax.geometry.scattering import direction
from nbjax.numerics import components
from nbjax.physics.polarization import polarization_factor
from nbjax.physics.solid_angle import solid_angle_sr
from nbjax.preparation import place

_MOST_SPLINES, _FEWEST_SPLINES, _SPLINE_PX = 14, 4, 12
_ON_ITS_PANEL = np.stack([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))])
_LARGER, _SMALLEST_PX, _LARGEST_PX = 1.3, 12, 32


@dataclass(frozen=True)
class Groups:
    """The pixels of a shot.

    Attributes:
        pixels: (slow, fast), or (panel, slow, fast), of each group, shape (n, axes).
        places: see ``FittedBackground.place``, shape (n, c).
    """

    pixels: tuple[Int[np.ndarray, "_ axes"], ...]
    places: tuple[Float[np.ndarray, "_ c"], ...]


def kind_for(
    kind: Kind,
    used: Sequence[Bool[np.ndarray, "*image"]],
    paths: Sequence[str],
    has_crystals: bool,
    there: int | None = None,
) -> Kind:
    """What "auto" stands for: planes for boxes, a radial background for whole images, none where one is fitted.

    Nor is there one where no crystal is: it would take the place of all that the experiment scatters.

    Args:
        kind: what was asked for.
        used: pixels that count, of each shot.
        paths: of the free parameters.
        has_crystals: whether the experiment has any.
        there: pixels that an image has; None: all that ``used`` has.
    """
    if kind != "auto":
        return kind
    if "crystal.water_um" in paths or any(path.startswith("background.") for path in paths) or not has_crystals:
        return "none"
    whole = there or used[0].size
    return "radial" if max(mask.sum() for mask in used) > 0.5 * whole else "plane"


def splines_for(used: Sequence[Bool[np.ndarray, "*image"]]) -> int:
    """Number of basis functions of a radial background: one for so many pixels of half the diagonal, within reason."""
    *panels, slow, fast = used[0].shape
    diagonal = np.hypot(slow, fast) * math.sqrt(math.prod(panels))
    return int(np.clip(diagonal / 2 / _SPLINE_PX, _FEWEST_SPLINES, _MOST_SPLINES))


def groups_of(mask: Bool[np.ndarray, "*image"], kind: Kind, experiment: Experiment, splines: int, chunk: int) -> Groups:
    """The groups of one shot.

    Args:
        mask: pixels that count.
        kind: of the background; not "auto".
        experiment: where the fit starts; its beam and panels decide what is radial.
        splines: number of basis functions of a radial background.
        chunk: most pixels of a group.
    """
    if kind in ("plane", "constant"):
        groups = _tiles(mask)
        return Groups(tuple(groups), tuple(_in_tile(group)[:, : 2 if kind == "plane" else 0] for group in groups))
    pixels = np.argwhere(mask)
    groups = np.array_split(pixels, max(-(-len(pixels) // chunk), 1))
    if kind == "none":
        return Groups(tuple(groups), tuple(np.zeros((len(group), 0)) for group in groups))
    q, factor = _around_beam(experiment, pixels)
    low, high = (q.min(), q.max()) if len(q) else (0.0, 1.0)
    position = (q - low) / max(high - low, 1e-300) * (splines - 3)
    places = np.stack([position, factor / max(factor.mean(), 1e-300) if len(q) else factor], axis=-1)
    return Groups(tuple(groups), tuple(np.split(places, np.cumsum([len(group) for group in groups])[:-1])))


def extent_px(groups: Sequence[Groups]) -> float:
    """Median edge of the groups."""
    edges = [np.ptp(pixels[:, -2:], axis=0) + 1 for shot in groups for pixels in shot.pixels if len(pixels)]
    return float(np.median(edges)) if edges else math.inf


def _tiles(mask: np.ndarray) -> list[np.ndarray]:
    """Connected pixels of a panel; what is much larger than others, as boxes that overlap, is cut into equal parts."""
    from scipy.ndimage import find_objects, label

    neighbours = np.ones((3, 3)) if mask.ndim == 2 else _ON_ITS_PANEL
    labels, _ = label(mask, neighbours)
    slices = find_objects(labels)
    if not slices:
        return []
    extents = np.array([[part.stop - part.start for part in box[-2:]] for box in slices])
    most = np.clip(_LARGER * np.median(extents), _SMALLEST_PX, _LARGEST_PX)
    found = []
    for number, (box, extent) in enumerate(zip(slices, extents, strict=True), 1):
        pixels = np.argwhere(labels[box] == number)
        parts = np.maximum(np.ceil(extent / most), 1).astype(int)
        tile = (pixels[:, -2:] * parts) // extent
        tile = tile[:, 0] * parts[1] + tile[:, 1]
        start = np.array([part.start for part in box])
        found += [pixels[tile == which] + start for which in np.unique(tile)]
    return found


def _in_tile(pixels: np.ndarray) -> np.ndarray:
    """(slow, fast) from -1 to 1."""
    pixels = pixels[:, -2:]
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    return (2 * pixels - low - high) / np.maximum(high - low, 1)


def _around_beam(experiment: Experiment, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Length of the scattering vector in 1/m, and polarization times solid angle, as bright as what scatters evenly."""
    parameters, placed = experiment.detector.panels, place(experiment.detector, experiment.beam.direction)
    if experiment.grid.panels == 1:
        return _of_panel(experiment.beam, parameters, placed, pixels)
    found = np.zeros((2, len(pixels)))
    for number in np.unique(pixels[:, 0]):
        its = pixels[:, 0] == number
        panel = jax.tree.map(lambda leaf, number=number: leaf[number], (parameters, placed))
        found[:, its] = _of_panel(experiment.beam, panel[0], panel[1], pixels[its, 1:])
    return found[0], found[1]


def _of_panel(
    beam: BeamParameters, parameters: PanelParameters, panel: Panel, pixels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    edges_m = parameters.pixel_sizes_m
    fast_m, slow_m = (jnp.asarray(edge_m * (axis + 0.5)) for edge_m, axis in zip(edges_m, pixels.T[::-1], strict=True))
    diffracted, airpath_m = direction(panel.point(fast_m, slow_m, jnp.zeros_like(panel.distance_m)))
    incident = components(beam.direction)
    q = sum((d - i) ** 2 for d, i in zip(diffracted, incident, strict=True)) ** 0.5 / beam.wavelength_m
    obliquity = panel.obliquity(diffracted, airpath_m)
    factor = solid_angle_sr(airpath_m, edges_m[0] * edges_m[1], obliquity, parameters.point_pixel)
    if beam.polarized:
        axis = components(beam.polarization_axis)
        factor = factor * polarization_factor(beam.kahn_factor, incident, diffracted, axis)
    return np.asarray(q), np.asarray(factor)
