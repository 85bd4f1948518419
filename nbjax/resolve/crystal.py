"""Resolution of the crystal: cell and orientation, structure factors, size, rotation and mosaic domains."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Config, Crystal
from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.geometry.unit_cell import cell_volume
from nbjax.io.experiments.mosflm_matrix import read_matrix
from nbjax.reference.cell_setting import angles_of_c_program_deg, volume_ratio
from nbjax.reference.set_up import program_edges_m
from nbjax.reflections.table import StructureFactorTable
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.block import matrix_of, resolve_off_diagonal
from nbjax.resolve.mosaic import resolve_mosaic
from nbjax.resolve.motion import ResolvedMotion, resolve_motion
from nbjax.resolve.notes import Notes
from nbjax.resolve.orientation import read_orientation
from nbjax.resolve.steps import NONE, Steps
from nbjax.resolve.structure_factors import find_structure_factors, fit_to_cell, known_cell
from nbjax.resolve.unit_cell import Setting, resolve_cell
from nbjax.sampling.reference_random import reference_misset_rotation, uniform_rotation

DEFAULT_MOSAIC_SEED = 12345678
_TIE = 1e-9
_WHOLE = 1e-6
"""Rounding of a volume that is given as that of one block."""


@dataclass(frozen=True)
class ResolvedCrystal:
    """The crystal with nothing left open, in the units of the key names.

    Attributes:
        orientation: rotation from the standard setting, shape (3, 3), before ``misset_deg``.
        table: structure factors, or None when all equal ``default_F``.
        cells_differ: whether the C program rounds a given size to other ``cells``.
        interpolate: whether structure factors are interpolated.
        phi: rotation exposure in degrees; settled when the detector is.
        offset_mm: place in a beam with a profile; None without one.
        model: sampled or closed.
        mosaicity_deg: Gaussian, about each axis of the crystal; None without Gaussian disorder.
        cell_spread_percent: of the lengths.
        weight: factor of its photons; None: 1.
        b_factor_A2: of all atoms, beside that of their amplitudes; None: 0.
        off_diagonal: ab, bc and ca of the block's matrix of cells; None: 0.
        motion: displacements that neighbours share; None: none.
    """

    cell_A: tuple[float, float, float]
    cell_deg: tuple[float, float, float]
    orientation: np.ndarray
    misset_deg: tuple[float, float, float]
    table: StructureFactorTable | None
    default_F: float
    cells: tuple[float, float, float]
    cells_differ: bool
    volume_um3: float | None
    shape: str
    fudge: float
    interpolate: bool
    mosaic_spread_deg: float
    mosaic_domains: int
    mosaic_seed: int
    phi_start_deg: float
    water_um: float
    phi: Steps = NONE
    offset_mm: tuple[float, float] | None = None
    model: str = "sampled"
    mosaicity_deg: tuple[float, float, float] | None = None
    cell_spread_percent: float = 0.0
    weight: float | None = None
    b_factor_A2: float | None = None
    motion: ResolvedMotion | None = None
    off_diagonal: tuple[float, float, float] | None = None

    @property
    def reach(self) -> tuple[float, ...]:
        """Cells that decide how wide a spot is along h, k and l."""
        if self.off_diagonal is None:
            return self.cells
        return tuple(np.linalg.norm(matrix_of(self.cells, self.off_diagonal), axis=1).tolist())

    @property
    def spread_deg(self) -> float:
        """Half-angle within which domains lie; of a Gaussian two sigma, as a cap of equal variance has."""
        return self.mosaic_spread_deg if self.mosaicity_deg is None else 2 * min(self.mosaicity_deg)


def resolve_crystal(config: Config, beam: ResolvedBeam, seed: int, notes: Notes) -> ResolvedCrystal:
    """Fill in the crystal; faults go to ``notes``, faulty files raise ``FileError``."""
    crystal = config.crystal
    default_F = notes.choose("crystal.default_F", crystal.default_F, 0.0)
    lenient = bool(config.parity)
    wavelength_A = beam.wavelength_A
    found = find_structure_factors(crystal, beam, default_F, "hkl_stream" in config.parity, notes)
    oriented = read_orientation(config, wavelength_A, notes)
    setting = resolve_cell(crystal, wavelength_A, known_cell(found), oriented, lenient, notes)
    table = fit_to_cell(found, crystal, setting, wavelength_A, default_F, lenient, notes)
    cell_A, cell_deg, orientation = setting.cell_A, setting.cell_deg, setting.orientation
    star_scale = 1.0
    given_deg = crystal.cell_deg or (90.0, 90.0, 90.0)
    has_matrix = crystal.matrix_file is not None or oriented is not None
    if "cell_setting" in config.parity and not has_matrix and not notes.faults:
        given_deg, cell_deg = cell_deg, angles_of_c_program_deg(cell_A, cell_deg)
        notes.record("crystal.cell_deg", cell_deg, "the C program's standard setting")
    if "star_shape" in config.parity and crystal.shape in ("gauss", "tophat") and crystal.cell_A is not None:
        star_scale = volume_ratio(cell_deg, given_deg) ** 2
    misset_deg, orientation = _misset(config, orientation, seed, notes)
    mosaic = resolve_mosaic(config, notes)
    phi_start = notes.choose("crystal.phi_start_deg", crystal.phi_start_deg, 0.0)
    edges_m = edges_of_program_m(config, cell_A, wavelength_A, misset_deg)
    cells, cells_differ = _cells(config, cell_A, edges_m, beam.beamsize_mm, notes)
    notes.switch("crystal.model", crystal.model)
    if crystal.weight is not None:
        notes.given("crystal.weight", crystal.weight)
    closed = crystal.model == "closed"
    shape = notes.choose("crystal.shape", crystal.shape, "gauss" if closed else "square")
    off_diagonal = resolve_off_diagonal(config, cells, shape, notes)
    fudge = notes.choose("crystal.fudge", crystal.fudge, 1.0)
    interpolate = _interpolate(config, cells, table is not None, notes)
    water_um = notes.choose("crystal.water_um", crystal.water_um, 0.0)
    return ResolvedCrystal(
        cell_A=cell_A,
        cell_deg=cell_deg,
        orientation=orientation,
        misset_deg=misset_deg,
        table=table,
        default_F=default_F,
        cells=cells,
        cells_differ=cells_differ,
        volume_um3=_volume_um3(crystal, matrix_of(cells, off_diagonal), setting, notes),
        shape=shape,
        fudge=fudge * star_scale,
        interpolate=interpolate,
        mosaic_spread_deg=mosaic.spread_deg,
        mosaic_domains=mosaic.domains,
        mosaic_seed=notes.choose("crystal.mosaic_seed", crystal.mosaic_seed, DEFAULT_MOSAIC_SEED),
        phi_start_deg=phi_start,
        water_um=water_um,
        offset_mm=_offset_mm(config, notes),
        model=crystal.model,
        mosaicity_deg=mosaic.mosaicity_deg,
        cell_spread_percent=mosaic.cell_spread_percent,
        weight=crystal.weight,
        b_factor_A2=_b_factor(config, notes),
        motion=resolve_motion(config, notes),
        off_diagonal=off_diagonal,
    )


def _b_factor(config: Config, notes: Notes) -> float | None:
    found = config.crystal.b_factor_A2
    if found is not None:
        notes.given("crystal.b_factor_A2", found)
        if config.parity:
            notes.fault("crystal.b_factor_A2", "the C program has none; leave parity out, or change the amplitudes")
    return found


def _offset_mm(config: Config, notes: Notes) -> tuple[float, float] | None:
    """Place in a beam that has a profile; None in one that has none."""
    offset_mm = config.crystal.offset_mm
    if config.beam.profile is None:
        if offset_mm is not None:
            notes.warn("crystal.offset_mm has no effect: the beam has the same fluence everywhere (beam.profile)")
        return None
    return notes.choose("crystal.offset_mm", offset_mm, (0.0, 0.0), "default: the middle of the beam")


def _interpolate(config: Config, cells: tuple[float, float, float], has_table: bool, notes: Notes) -> bool:
    """Whether structure factors are interpolated: as given, or for crystals of one or two cells along an axis."""
    interpolate = config.crystal.interpolate
    if config.crystal.model == "closed":
        notes.record("crystal.interpolate", False, "closed model: amplitudes of reflections as they are listed")
        return False
    if interpolate is None:
        early = "interpolation_autoselect" in config.parity
        deciding = (config.crystal.cells or (1, 1, 1)) if early else cells
        interpolate = min(deciding) <= 2
        shown = ", ".join(f"{n:g}" for n in deciding)
        notes.record("crystal.interpolate", interpolate, f"derived from crystal.cells = ({shown})")
    else:
        notes.given("crystal.interpolate", interpolate)
    if interpolate and not has_table:
        notes.record("crystal.interpolate", False, "no table to interpolate")
    return interpolate and has_table


def _misset(
    config: Config, orientation: np.ndarray, seed: int, notes: Notes
) -> tuple[tuple[float, float, float], np.ndarray]:
    crystal = config.crystal
    if not crystal.misset_random:
        return notes.choose("crystal.misset_deg", crystal.misset_deg, (0.0, 0.0, 0.0)), orientation
    if crystal.misset_deg is not None:
        notes.fault("crystal.misset_deg", "given together with crystal.misset_random; leave one of them out")
    misset_seed = notes.choose("crystal.misset_seed", crystal.misset_seed, seed, "derived from output.seed")
    draw = reference_misset_rotation if "misset_random" in config.parity else uniform_rotation
    notes.record("crystal.misset_random", True, f"given; drawn with seed {misset_seed}")
    return (0.0, 0.0, 0.0), draw(misset_seed) @ orientation


def edges_of_program_m(
    config: Config, cell_A: tuple[float, float, float], wavelength_A: float, misset_deg: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Cell lengths in m with the rounding errors of the C program, which measures its turned vectors."""
    said = config.crystal
    cell = None if said.cell_A is None else (*said.cell_A, *(said.cell_deg or (90.0,) * 3))
    columns = None if said.matrix_file is None else read_matrix(said.matrix_file).columns
    if cell is None and columns is None:
        a, b, c = cell_A
        return a * 1e-10, b * 1e-10, c * 1e-10
    turns = [turn / DEGREES_PER_RADIAN for turn in misset_deg]
    return program_edges_m(cell, columns, wavelength_A / 1e10, turns)


def _cells(
    config: Config,
    cell_A: tuple[float, float, float],
    edges_m: tuple[float, float, float],
    beamsize_mm: float,
    notes: Notes,
) -> tuple[tuple[float, float, float], bool]:
    """Cells along each axis, as given or as fill a size, and whether the C program would count others."""
    crystal, differ = config.crystal, False
    given = tuple(float(n) for n in crystal.cells or (1, 1, 1))
    sizes = (crystal.size_a_mm, crystal.size_b_mm, crystal.size_c_mm)
    if crystal.cells is not None and None not in sizes:
        notes.warn(
            "crystal.cells has no effect beside crystal.size_a_mm, size_b_mm and size_c_mm, which set the cells of one "
            "perfect block; for a crystal of many blocks give crystal.cells and crystal.volume_um3"
        )
    cells, origins = list(given), [notes.said.get("crystal.cells", "given" if crystal.cells else "default")] * 3
    for i, (axis, size_mm) in enumerate(zip("abc", sizes, strict=True)):
        key = f"crystal.size_{axis}_mm"
        if size_mm is None:
            continue
        if axis != "a" and size_mm > beamsize_mm:
            notes.warn(f"{key} = {size_mm:g} is clipped to beam.beamsize_mm = {beamsize_mm:g}")
            size_mm = beamsize_mm
        count = max(1, math.ceil(size_mm / 1000 / (cell_A[i] * 1e-10) - _TIE))
        of_program = max(1, math.ceil(size_mm / 1000 / edges_m[i]))
        differ |= count != of_program
        cells[i] = float(of_program if "size_rounding" in config.parity else count)
        origins[i] = f"{key} / cell length"
    notes.record("crystal.cells", tuple(cells), ", ".join(dict.fromkeys(origins)))
    return (cells[0], cells[1], cells[2]), differ


def _volume_um3(crystal: Crystal, block: np.ndarray, setting: Setting, notes: Notes) -> float | None:
    """Volume of the whole crystal, if given, and the number of mosaic blocks that follows."""
    volume_um3 = crystal.volume_um3
    if volume_um3 is None:
        return None
    notes.given("crystal.volume_um3", volume_um3)
    if notes.faults:
        return volume_um3
    cell_A3 = cell_volume(np.array(setting.cell_A), np.radians(setting.cell_deg))
    block_um3 = 1e-12 * cell_A3 * float(np.linalg.det(block))
    blocks = volume_um3 / block_um3
    if blocks < 1 - _WHOLE:
        notes.fault(
            "crystal.volume_um3",
            f"got {volume_um3:g}, less than the {block_um3:.4g} um^3 of one block of crystal.cells; give fewer cells",
        )
    notes.record("derived.mosaic_blocks", blocks, "crystal.volume_um3 / volume of crystal.cells")
    return volume_um3
