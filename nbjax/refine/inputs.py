"""The stills of a run: their starts, their spots, and the files of their images, checked against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from nbjax.errors import ConfigError, Fault, FileError, UsageError
from nbjax.geometry.unit_cell import cell_of
from nbjax.io.experiments.crystfel_stills import read_stream_stills
from nbjax.io.experiments.crystfel_stream import recognises
from nbjax.io.experiments.dials_list import read_stills
from nbjax.io.experiments.dials_refl import INDEXED, ReflectionTable, read_refl
from nbjax.io.experiments.dials_writing import still_list
from nbjax.io.experiments.json_tree import Node, read_json
from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.io.experiments.stills import Still
from nbjax.io.experiments.words import floats
from nbjax.io.files import open_binary
from nbjax.io.images import open_images, other_size, read_mask
from nbjax.io.images.calibration import OfPanels, alike, photons_of, photons_per_count_of
from nbjax.io.images.panels import open_panels, panel_mask
from nbjax.io.symmetry import named_symmetry
from nbjax.refine.settings import RefineSettings
from nbjax.refine.shoeboxes import Marks

_SAME_PLACE_MM = 1e-3
_LOOKED_AT_BYTES = 64


@dataclass(frozen=True)
class Frame:
    """One image: its file, its number there from 0, and its data set in HDF5 files that have one for each."""

    file: str
    index: int
    dataset: str | None = None


@dataclass(frozen=True)
class Inputs:
    """What a run refines.

    Attributes:
        file: of the experiments.
        stills: a crystal each, or the reason why there is none.
        frames: the image of each still.
        indexed: spots of each still.
        found: spots of each still's image that no crystal has explained.
        usable: of a mask, or None.
        is_stream: whether the file is a stream of CrystFEL.
    """

    file: str
    stills: list[Still]
    frames: list[Frame]
    indexed: list[Marks]
    found: list[Marks]
    usable: Bool[np.ndarray, "panel slow fast"] | None
    is_stream: bool = False

    @property
    def first(self) -> Still:
        """The first still that has a crystal."""
        return next(still for still in self.stills if not still.fault)

    def listed(self) -> Node:
        """The experiment list of the stills.

        Raises:
            FileError: the file can no longer be read.
        """
        return Node(still_list(self.stills), self.file) if self.is_stream else read_json(self.file)


def read_inputs(
    experiments: str,
    reflections: str | None,
    images: Sequence[str],
    settings: RefineSettings,
    geometry: str | None = None,
) -> Inputs:
    """Read and check everything but the images' pixels.

    Args:
        experiments: an experiment list of DIALS, or a stream of CrystFEL.
        reflections: the list's table of indexed reflections; None for a stream.
        images: files, in the order of the list's images; none: those that the list names.
        settings: whose mask and data set are meant.
        geometry: of a stream, instead of its own.

    Raises:
        FileError: a file cannot be read, or does not fit the others.
        UsageError: an option that the kind of file does not have, or lacks.
        ConfigError: ``refine.space_group`` is none.
    """
    with open_binary(experiments) as handle:
        is_stream = recognises(handle.read(_LOOKED_AT_BYTES))
    if is_stream:
        if reflections is not None:
            raise UsageError(f"--reflections {reflections}: {experiments} is a stream and has its spots; leave it out")
        stills, table = read_stream_stills(experiments, geometry)
        indexed = [_rows(table, table.at("id") == still.number) for still in stills]
    else:
        if geometry is not None:
            raise UsageError(f"--geometry {geometry}: {experiments} is no stream of CrystFEL; leave it out")
        if reflections is None:
            raise UsageError(f"--reflections is missing; give the table of indexed spots that belongs to {experiments}")
        stills, table = _with_shifts(experiments, read_stills(experiments)), read_refl(reflections)
        indexed = _indexed(experiments, reflections, stills, table)
    if settings.space_group is not None:
        stills = [_in_group(still, settings.space_group) for still in stills]
    frames = _frames(experiments, stills, images, settings.dataset)
    found = _found(stills, table, only=len(set(frames)) == 1)
    usable = None if settings.mask_file is None else _mask(settings.mask_file, stills[0].experiment.panels)
    return Inputs(experiments, stills, frames, indexed, found, usable, is_stream)


def _in_group(still: Still, name: str) -> Still:
    """A still whose crystal is of a space group."""
    crystal = still.experiment.crystal
    if crystal is None or crystal.direct_A is None:
        return still
    lengths, angles_rad = cell_of(crystal.direct_A)
    symmetry = named_symmetry(name, np.array([*lengths, *np.degrees(angles_rad)]))
    if symmetry is None or symmetry.space_group is None:
        raise ConfigError([Fault("refine.space_group", f"is {name!r}, and no space group; give one as in P 43 21 2")])
    crystal = replace(crystal, space_group=symmetry.space_group.hall)
    return replace(still, experiment=replace(still.experiment, crystal=crystal))


def _with_shifts(experiments: str, stills: list[Still]) -> list[Still]:
    """The stills with the shifts of their detectors: all are refined with the panels of the first, shifted."""

    def pixels_of(still: Still) -> list[tuple[tuple[int, int], tuple[float, float]]]:
        return [(panel.pixels, panel.pixel_mm) for panel in still.experiment.panels]

    def places_of(still: Still) -> Float[np.ndarray, "panel three 3"]:
        # axes as the far ends of a panel see them
        return np.array(
            [
                [panel.origin_mm, *(np.array(panel.pixels) * panel.pixel_mm)[:, None] * panel.unit_axes]
                for panel in still.experiment.panels
            ]
        )

    first, found = stills[0], stills[:1]
    for still in stills[1:]:
        if pixels_of(still) != pixels_of(first):
            what = "other panels or pixels than"
        else:
            moved = places_of(still) - places_of(first)
            shift_mm = moved[:, 0].mean(0)
            moved[:, 0] -= shift_mm
            off = float(np.abs(moved).max())
            if off <= _SAME_PLACE_MM:
                x_mm, y_mm, z_mm = floats(shift_mm)
                found.append(replace(still, shift_mm=(x_mm, y_mm, z_mm)))
                continue
            what = f"a detector that is off by {off:.4g} mm, in more than a shift, from that of"
        raise FileError(
            f"{experiments}: experiment {still.number} has {what} experiment {first.number}; all stills of a run are "
            "refined with one detector, which may be shifted as a whole: give lists of one detector each, as "
            "dials.split_experiments makes them, or refine them with one in DIALS"
        )
    return found


def _found(stills: list[Still], table: ReflectionTable, only: bool) -> list[Marks]:
    """Spots of each still's image that are of no crystal: of its experiment, or of none and on its image.

    Args:
        stills, table: as read.
        only: whether all stills are on one image, whose spots need not say so.
    """
    unindexed, number = (table.at("flags").astype(int) & INDEXED) == 0, table.at("id").astype(int)
    of_none = number < 0
    images = table.columns.get("imageset_id")
    found = []
    for still in stills:
        own = unindexed & (number == still.number)
        if images is not None and still.imageset is not None:
            own |= of_none & (images == still.imageset)
        elif only:
            own |= of_none
        found.append(_rows(table, own))
    return found


def _rows(table: ReflectionTable, rows: np.ndarray) -> Marks:
    place = table.at("xyzobs.px.value")[rows, :2]
    return Marks(table.at("miller_index")[rows].astype(int), table.at("panel")[rows].astype(int), place)


def _indexed(experiments: str, reflections: str, stills: list[Still], table: ReflectionTable) -> list[Marks]:
    """The indexed spots of each still."""
    number = table.at("id").astype(int)
    known = {still.number for still in stills}
    strange = set(number[number >= 0].tolist()) - known
    if strange:
        raise FileError(
            f"{reflections}: has reflections of experiment {min(strange)}, which {experiments} has not, or without a "
            "crystal; give the two files of one run of DIALS"
        )
    is_indexed = (table.at("flags").astype(int) & INDEXED > 0) & np.any(table.at("miller_index") != 0, axis=1)
    if not (is_indexed & (number >= 0)).any():
        raise FileError(f"{reflections}: has no indexed reflection; give the table that dials.index wrote")
    panels = max(len(still.experiment.panels) for still in stills)
    if table.at("panel").max(initial=0) >= panels:
        count = f"{panels} panel{'s' if panels > 1 else ''}"
        raise FileError(
            f"{reflections}: has reflections on panel {table.at('panel').max()}, and {experiments} has {count}; give "
            "the two files of one run of DIALS"
        )
    return [_rows(table, is_indexed & (number == still.number)) for still in stills]


def _frames(experiments: str, stills: list[Still], images: Sequence[str], dataset: str | None) -> list[Frame]:
    """The image of each still."""
    told = [Frame(still.image, still.index, still.dataset) for still in stills]
    if not images:
        if any(not frame.file for frame in told):
            raise FileError(f"{experiments}: does not name its images; give them with --images")
        return [
            frame if still.fault else _present(experiments, frame) for still, frame in zip(stills, told, strict=True)
        ]
    by_name: dict[str, list[str]] = {}
    for name in images:
        by_name.setdefault(Path(name).name, []).append(name)
    if all(len(by_name.get(Path(frame.file).name, [])) == 1 for frame in told):
        return [replace(frame, file=by_name[Path(frame.file).name][0]) for frame in told]
    given = [Frame(name, index) for name in images for index in range(_count(name, stills, dataset))]
    order = list(dict.fromkeys(told)) if all(frame.file for frame in told) else told
    if len(given) != len(order):
        raise FileError(
            f"--images: {len(images)} file{'s hold' if len(images) > 1 else ' holds'} {len(given)} images, and "
            f"{experiments} has {len(order)}; give one for each, in the same order, or files of the same names"
        )
    if len(order) == len(told) and order == told:
        return given
    place = {frame: number for number, frame in enumerate(order)}
    return [given[place[frame]] for frame in told]


def _present(experiments: str, frame: Frame) -> Frame:
    for place in (Path(frame.file), Path(experiments).parent / frame.file):
        if place.exists():
            return replace(frame, file=str(place))
    raise FileError(f"{experiments}: its image {frame.file} is not there; give the images with --images")


def _count(name: str, stills: list[Still], dataset: str | None) -> int:
    panels = stills[0].experiment.panels
    return len(open_panels(name, panels, dataset) if len(panels) > 1 else open_images(name, dataset))


def _mask(name: str, panels: tuple[RecordedPanel, ...]) -> Bool[np.ndarray, "panel slow fast"]:
    if len(panels) > 1:
        return panel_mask(name, panels)
    fast, slow = panels[0].pixels
    found = read_mask(name, shape=(slow, fast))
    if found.shape != (slow, fast):
        raise FileError(f"{name}: {other_size(found.shape, (slow, fast), 'the detector')}; give a mask of its size")
    return found[None]


def read_frame(
    inputs: Inputs, number: int, settings: RefineSettings
) -> tuple[Float[np.ndarray, "panel slow fast"], Bool[np.ndarray, "panel slow fast"]]:
    """Photons of a still's image, and which pixels have a value that is to be believed.

    Raises:
        FileError: the image cannot be read, or is of another size than the detector.
    """
    frame, panels = inputs.frames[number], inputs.stills[number].experiment.panels
    dataset = settings.dataset if frame.dataset is None else frame.dataset
    if len(panels) > 1:
        stack = open_panels(frame.file, panels, dataset)
    else:
        stack = open_images(frame.file, dataset, panels[0].pixels[::-1])
    if not 0 <= frame.index < len(stack):
        raise FileError(f"{frame.file}: has {len(stack)} images, and none of number {frame.index}; give all of them")
    recorded = stack[frame.index]
    saturation: OfPanels = settings.saturation_counts
    if saturation is None and recorded.saturation_counts is None:
        saturation = alike([panel.saturation_counts for panel in panels])
    gain: OfPanels = settings.photons_per_count
    if gain is None:
        gain = photons_per_count_of(recorded, panels)
    photons = photons_of(recorded, settings.pedestal_counts, saturation, gain)
    photons = photons.reshape(-1, *photons.shape[-2:])
    wanted = panels[0].pixels[::-1]
    if len(panels) == 1 and photons.shape[1:] != wanted:
        raise FileError(f"{frame.file}: {other_size(photons.shape[1:], wanted, 'the detector')}")
    usable = np.isfinite(photons)
    for panel, each in enumerate(panels):
        if each.bad is not None:
            usable[panel, : each.bad.shape[0], : each.bad.shape[1]] &= ~each.bad
    if inputs.usable is not None:
        if inputs.usable.shape != usable.shape:
            raise FileError(f"{settings.mask_file}: {other_size(inputs.usable.shape, usable.shape, 'the image')}")
        usable &= inputs.usable
    return np.where(usable, photons, 0.0), usable
