"""All stills of a stream of CrystFEL, and its spots with the indices that the crystals give them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from nbjax.errors import FileError
from nbjax.io.experiments import crystfel_geom
from nbjax.io.experiments.checks import check
from nbjax.io.experiments.crystfel_chunks import Chunk, ChunkCrystal, Header, Words, chunks
from nbjax.io.experiments.crystfel_groups import groups
from nbjax.io.experiments.crystfel_lines import Geometry, is_elsewhere, parse
from nbjax.io.experiments.crystfel_stream import clen_mm_of, direct_of, shift_mm_of, wavelength_of
from nbjax.io.experiments.dials_refl import INDEXED, ReflectionTable
from nbjax.io.experiments.recorded import CRYSTFEL, RecordedBeam, RecordedCrystal, RecordedExperiment, RecordedPanel
from nbjax.io.experiments.stills import Still
from nbjax.io.files import read_text

_NEAR = 0.25
"""Of an index: a spot that is further from a reflection in any of the three is not of it, as for indexamajig."""
_STRONG = 5.0
"""Standard deviations of a reflection that stands for a spot where the stream has no list of spots."""
_EXTENT = ("min_fs", "max_fs", "min_ss", "max_ss")
_LOWEST = {
    "monoclinic a": "{} 2x",
    "monoclinic b": "{} 2y",
    "monoclinic c": "{} 2",
    "orthorhombic": "{} 2 2",
    "tetragonal c": "{} 4",
    "rhombohedral": "P 3*",
    "hexagonal c": "{} 3",
    "cubic": "{} 2 2 3",
}
"""Hall symbol of the lowest group that each lattice, with its unique axis, may have."""
_OBVERSE = "H"
_NOT_INDEXED = "it has no crystal, it was not indexed"


@dataclass(frozen=True)
class _Places:
    """Numbers of panels, and (fast, slow) in their pixels."""

    panel: Int[np.ndarray, " n"]
    centre: Float[np.ndarray, "n 2"]

    def __getitem__(self, rows: np.ndarray) -> _Places:
        return _Places(self.panel[rows], self.centre[rows])


@dataclass(frozen=True)
class _Spots:
    """Spots of an experiment; of none with the number -1.

    Attributes:
        hkl: Miller indices.
        number: of the experiment.
        image: number of the image.
        at: where they are.
    """

    hkl: Int[np.ndarray, "n 3"]
    number: int
    image: int
    at: _Places


def _table(spots: Sequence[_Spots], file: str) -> ReflectionTable:
    """Spots as DIALS has them."""
    nothing = _Spots(np.zeros((0, 3), int), -1, 0, _Places(np.zeros(0, int), np.zeros((0, 2))))
    parts = [nothing, *spots]
    count = [len(part.hkl) for part in parts]
    centre = np.concatenate([part.at.centre for part in parts])
    number = np.repeat([part.number for part in parts], count)
    return ReflectionTable(
        {
            "miller_index": np.concatenate([part.hkl for part in parts]),
            "id": number,
            "imageset_id": np.repeat([part.image for part in parts], count),
            "panel": np.concatenate([part.at.panel for part in parts]),
            "flags": np.where(number >= 0, INDEXED, 0),
            "xyzobs.px.value": np.column_stack([centre, np.full(len(centre), 0.5)]),
        },
        file=file,
    )


@dataclass(frozen=True)
class _Base:
    """What all stills share.

    Attributes:
        geometry: the values.
        experiment: beam and panels, without a crystal.
        clen_mm: mean distance of the panels, where the geometry leaves it to the images.
    """

    geometry: Geometry
    experiment: RecordedExperiment
    clen_mm: float | None


def read_stream_stills(path: str, geometry: str | None = None) -> tuple[list[Still], ReflectionTable]:
    """The crystals of a stream, and the images that have none; and their spots.

    A spot is indexed by the crystal that has a reflection nearest to it, among those that the stream predicts where it
    has their list. Places in the table are on the panels, in pixels from the corner of the first.

    Args:
        path: of the stream.
        geometry: file of the geometry, instead of the stream's own.

    Raises:
        FileError: a file cannot be read, there is no geometry or no crystal, or it is another stream's geometry.
    """
    header = Header()
    base: _Base | None = None
    stills: list[Still] = []
    spots: list[_Spots] = []
    for image, chunk in enumerate(chunks(path, header, lists=True)):
        if base is None:
            base = _base(path, chunk, header, geometry)
        own = list(_stills(path, base, chunk, image, len(stills)))
        spots += _indexed(path, base, chunk, own)
        stills += own
    if all(still.fault for still in stills):
        faulty = [still.fault for still in stills if still.fault != _NOT_INDEXED]
        problem = f"has no crystal that can be used; the first one: {faulty[0]}" if faulty else "has no crystal"
        raise FileError(f"{path}: {problem}; give the stream of images that were indexed")
    return stills, _table(spots, path)


def _base(path: str, chunk: Chunk, header: Header, file: str | None) -> _Base:
    own = parse(path, header.geometry, header.first_line, strict=False)
    if file is None and not own.panels:
        raise FileError(f"{path}: has no geometry; give that of its run with --geometry")
    given = own if file is None else parse(file, read_text(file).split("\n"))
    if file is not None and own.panels:
        _check_same(path, own, given)
    wavelength_A = wavelength_of(path, chunk, given)
    told = [keys.get("clen", given.top.get("clen")) for keys in given.panels.values()]
    left = any(entry is None or is_elsewhere(entry) for entry in told)
    clen_mm = clen_mm_of(path, chunk) if left else None
    experiment = RecordedExperiment(
        file=path,
        frame=CRYSTFEL,
        beam=RecordedBeam(CRYSTFEL.beam, wavelength_A),
        panels=crystfel_geom.panels(given, clen_mm, wavelength_A=wavelength_A),
        groups=groups(given),
        remarks=given.remarks,
    )
    return _Base(given, check(experiment), clen_mm)


def _check_same(path: str, own: Geometry, given: Geometry) -> None:
    """A geometry may place the panels of the stream elsewhere, and has the same ones."""

    def extents(geometry: Geometry) -> dict[str, list[str]]:
        return {name: [keys[key][1] for key in _EXTENT if key in keys] for name, keys in geometry.panels.items()}

    ours, theirs = extents(own), extents(given)
    other = next((name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)), None)
    if other is None:
        return
    problem = (
        f"panel {other[:40]} has other pixels than" if other in ours and other in theirs else "has other panels than"
    )
    raise FileError(f"{given.path}: {problem} the geometry in {path}; give the geometry of this stream")


def _stills(path: str, base: _Base, chunk: Chunk, image: int, first: int) -> Iterator[Still]:
    """The stills of an image; one with a fault where it has no crystal."""
    index, dataset, fault = _event(chunk, base.experiment.panels)
    still = Still(first, base.experiment, chunk.file, index, "", image, dataset)
    if not chunk.crystals:
        yield replace(still, identifier=f"still{first}", fault=_NOT_INDEXED)
    for number, crystal in enumerate(chunk.crystals, first):
        own = replace(still, number=number, identifier=f"still{number}")
        try:
            yield replace(_with_crystal(own, path, base, chunk, crystal), fault=fault)
        except FileError as error:
            yield replace(own, fault=str(error))


def _with_crystal(still: Still, path: str, base: _Base, chunk: Chunk, crystal: ChunkCrystal) -> Still:
    """A still with its crystal, its wavelength and the shift of its detector."""
    z_mm = 0.0
    if base.clen_mm is not None:
        z_mm = (clen_mm_of(path, chunk) or base.clen_mm) - base.clen_mm
    found = RecordedCrystal(direct_A=direct_of(path, crystal.keys), space_group=_lowest_group(crystal))
    beam = RecordedBeam(CRYSTFEL.beam, wavelength_of(path, chunk, base.geometry))
    if beam.wavelength_A is None:
        raise FileError(f"{path}: an image has no photon_energy_eV; give a geometry that has it, with --geometry")
    check(RecordedExperiment(path, CRYSTFEL, found, beam))
    x_mm, y_mm = shift_mm_of(path, crystal.keys)
    return replace(still, experiment=replace(base.experiment, crystal=found, beam=beam), shift_mm=(x_mm, y_mm, z_mm))


def _lowest_group(crystal: ChunkCrystal) -> str:
    """Hall symbol of the lowest group of the crystal's lattice; that of P 1 where it is not told, or seldom."""
    lattice, centring, axis = (
        crystal.keys.get(key, (0, ""))[1] for key in ("lattice_type", "centering", "unique_axis")
    )
    symbol = _LOWEST.get(lattice, _LOWEST.get(f"{lattice} {axis}", "P 1"))
    return symbol.format("R" if centring == _OBVERSE else centring or "P")


def _event(chunk: Chunk, panels: Sequence[RecordedPanel]) -> tuple[int, str | None, str]:
    """Number of the image in its data set, the data set if it is another for each, and why there is none."""
    names, _, numbers = chunk.event.rpartition("//")
    dataset = None
    if names:
        told = {panel.place.dataset for panel in panels if panel.place is not None}
        (path,) = told if len(told) == 1 else (None,)
        parts = names.split("/")
        if path is None or path.count("%") != len(parts):
            return 0, None, f"its event {chunk.event[:60]} names no place in the data sets of the geometry"
        for part in parts:
            path = path.replace("%", part, 1)
        dataset = path
    if not numbers:
        return 0, dataset, ""
    if not numbers.isascii() or not numbers.isdigit():
        return 0, None, f"its event {chunk.event[:60]} has more numbers than one, or none"
    return int(numbers), dataset, ""


def _indexed(path: str, base: _Base, chunk: Chunk, stills: Sequence[Still]) -> list[_Spots]:
    """The spots of an image, each of the crystal that has a reflection nearest to it."""
    usable = [(still, each) for still, each in zip(stills, chunk.crystals, strict=False) if not still.fault]
    if not usable:
        return []
    image = usable[0][0].imageset or 0
    predicted = [_predicted(path, base, each) for _, each in usable]
    if len(chunk.peaks) < 2:
        pairs = zip(usable, predicted, strict=True)
        return [_Spots(hkl[strong], still.number, image, at[strong]) for (still, _), (hkl, at, strong) in pairs]
    at = _places(path, base, chunk.peaks)
    found: list[_Spots] = []
    nearest = [_nearest(still, at, hkl) for (still, _), (hkl, _, _) in zip(usable, predicted, strict=True)]
    off = np.array([each for _, each in nearest])
    best, free = off.argmin(0), np.ones(len(at.panel), bool)
    for row, ((still, _), (hkl, _)) in enumerate(zip(usable, nearest, strict=True)):
        own = np.flatnonzero((best == row) & np.isfinite(off[row]))
        # of two spots of a reflection the nearer one
        own = own[np.argsort(off[row, own], kind="stable")]
        own = own[np.unique(hkl[own], axis=0, return_index=True)[1]]
        free[own] = False
        found.append(_Spots(hkl[own], still.number, image, at[own]))
    return [*found, _Spots(np.zeros((free.sum(), 3), int), -1, image, at[free])]


def _nearest(still: Still, at: _Places, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the reflection nearest to each spot, and how far it is; infinite where it is of none."""
    crystal, wavelength_A = still.experiment.crystal, still.experiment.beam.wavelength_A
    assert crystal is not None
    assert crystal.direct_A is not None
    assert wavelength_A is not None
    panels = still.experiment.panels
    edges = np.array([np.stack(panel.unit_axes) * np.array(panel.pixel_mm)[:, None] for panel in panels])
    corners = np.array([panel.origin_mm for panel in panels]) + np.array(still.shift_mm)
    place_mm = corners[at.panel] + np.einsum("nk,nkx->nx", at.centre, edges[at.panel])
    away = place_mm / np.linalg.norm(place_mm, axis=1, keepdims=True)
    exact = (away - CRYSTFEL.beam) / wavelength_A @ crystal.direct_A.T
    hkl = np.rint(exact).astype(int)
    off = np.abs(exact - hkl)
    good = (off.max(1, initial=0) < _NEAR) & hkl.any(1)
    if len(predicted):
        known = set(map(tuple, predicted.tolist()))
        good &= np.array([tuple(each) in known for each in hkl.tolist()], bool)
    return hkl, np.where(good, np.linalg.norm(off, axis=1), np.inf)


def _predicted(path: str, base: _Base, crystal: ChunkCrystal) -> tuple[np.ndarray, _Places, np.ndarray]:
    """Indices of the reflections that the stream predicts, where they are, and which of them are strong."""
    lines = crystal.reflections
    if len(lines) < 2:
        return np.zeros((0, 3), int), _Places(np.zeros(0, int), np.zeros((0, 2))), np.zeros(0, bool)
    values = _columns(path, lines, ("h", "k", "l", "I", "sigma(I)"))
    return values[:, :3].astype(int), _places(path, base, lines), values[:, 3] > _STRONG * np.maximum(values[:, 4], 0)


def _places(path: str, base: _Base, lines: Sequence[Words]) -> _Places:
    """Panels and pixels of a list, whose places are those in the array of the file."""
    panels, rows = base.experiment.panels, lines[1:]
    values = _columns(path, lines, ("fs/px", "ss/px"))
    firsts = np.array([(0, 0) if panel.place is None else panel.place.first for panel in panels], float)
    if lines[0][1][-1].lower() == "panel":
        known = {panel.name: number for number, panel in enumerate(panels)}
        for number, words in rows:
            if words[-1] not in known:
                raise FileError(
                    f"{path}: line {number}: is on panel {words[-1][:40]}, which {base.geometry.path} has not; give "
                    "the geometry of this stream"
                )
        panel = np.array([known[words[-1]] for _, words in rows], int)
    else:
        sizes = np.array([each.pixels for each in panels])
        panel = ((values[:, None] >= firsts) & (values[:, None] < firsts + sizes)).all(2).argmax(1)
    return _Places(panel, values - firsts[panel])


def _columns(path: str, lines: Sequence[Words], wanted: Sequence[str]) -> Float[np.ndarray, "n k"]:
    """Columns of a list by their names in its first line."""
    names, rows = lines[0][1], lines[1:]
    try:
        columns = [names.index(name) for name in wanted]
        values = [[float(words[column]) for column in columns] for _, words in rows]
    except (ValueError, IndexError):
        raise FileError(
            f"{path}: line {lines[0][0]}: begins a list without numbers for {', '.join(wanted)}; the stream is cut off "
            "or damaged"
        ) from None
    return np.array(values, float).reshape(len(rows), len(wanted))
