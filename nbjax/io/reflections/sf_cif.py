"""Structure-factor CIFs, of macromolecules (mmCIF, several blocks) and of small molecules, read by gemmi."""

from __future__ import annotations

import re
from collections.abc import Sequence

import gemmi
import numpy as np

from nbjax.errors import FileError
from nbjax.io.foreign import is_cif
from nbjax.io.reflections.columns import Column, choose_column
from nbjax.io.reflections.reflection_list import ReflectionList
from nbjax.io.reflections.rows import as_indices
from nbjax.io.symmetry import Symmetry, is_number_of_group, named_symmetry, symmetry_of

_LISTS = re.compile(rb"^[ \t]*_(diffrn_)?refln[._]index_h", re.MULTILINE)
_CATEGORY = re.compile(r"_(diffrn_)?refln[._]")
_LOOKED_AT_BYTES = 1 << 20
_INDICES = ("index_h", "index_k", "index_l")
_COLUMNS = (
    Column("pdbx_F_plus", kind="amplitude", sign=1, mate="pdbx_F_minus", sigma="pdbx_F_plus_sigma"),
    Column("pdbx_F_minus", kind="amplitude", sign=-1, mate="pdbx_F_plus", sigma="pdbx_F_minus_sigma"),
    Column("F_meas_au", kind="amplitude", sigma="F_meas_sigma_au"),
    Column("F_meas", kind="amplitude", sigma="F_meas_sigma"),
    Column("pdbx_I_plus", kind="intensity", sign=1, mate="pdbx_I_minus", sigma="pdbx_I_plus_sigma"),
    Column("pdbx_I_minus", kind="intensity", sign=-1, mate="pdbx_I_plus", sigma="pdbx_I_minus_sigma"),
    Column("intensity_meas", kind="intensity", sigma="intensity_sigma"),
    Column("F_squared_meas", kind="intensity", sigma="F_squared_sigma"),
    Column("intensity_net", kind="intensity", sigma="intensity_sigma"),
    Column("F_calc_au", kind="amplitude", origin="calculated", phase="phase_calc"),
    Column("F_calc", kind="amplitude", origin="calculated", phase="phase_calc"),
    Column("pdbx_F_calc_with_solvent", kind="amplitude", origin="calculated", phase="pdbx_phase_calc_with_solvent"),
    Column("F_squared_calc", kind="intensity", origin="calculated"),
    Column("intensity_calc", kind="intensity", origin="calculated"),
    Column("pdbx_FWT", kind="amplitude", origin="map coefficient", phase="pdbx_PHWT"),
    Column("pdbx_DELFWT", kind="amplitude", origin="map coefficient", phase="pdbx_DELPHWT"),
)
"""Items of the category _refln (and _diffrn_refln) of the dictionaries of wwPDB and IUCr."""
_OF_MEASUREMENT = ("status", "observed_status")
_OPERATORS = ("_space_group_symop_operation_xyz", "_space_group_symop.operation_xyz", "_symmetry_equiv_pos_as_xyz")
_NUMBERS = (
    "_space_group_IT_number",
    "_symmetry_Int_Tables_number",
    "_space_group.IT_number",
    "_symmetry.Int_Tables_number",
)
_MOST_OPERATORS = 192


class SfCif:
    """CIF with a loop of reflections."""

    name = "structure-factor CIF"

    def recognises(self, content: bytes) -> bool:
        """Whether a data block lists reflections."""
        start = content[:_LOOKED_AT_BYTES]
        return is_cif(start) and _LISTS.search(start) is not None

    def read(self, content: bytes, name: str, column: str | None) -> ReflectionList:
        """Read a block; ``column`` is an item without its category, after the block's name and a / where it matters."""
        blocks = _blocks(content, name)
        wanted, block = column, None
        if column is not None and "/" in column:
            block, _, wanted = column.partition("/")
        chosen, remarks = _choose_block(blocks, block, name)
        labels = _labels(chosen)
        found, more = choose_column(_described(labels), wanted, name)
        try:
            miller = np.column_stack([chosen.make_float_array(label) for label in _INDICES])
        except RuntimeError:
            raise FileError(f"{name}: block {chosen.block.name} lacks one of {', '.join(_INDICES)}") from None
        at = {label: chosen.make_float_array(label) for label in _needed(found) if label in labels}
        values = at[found.label]
        if found.origin == "measured":
            values = np.where(_unmeasured(chosen, labels), np.nan, values)
        cell = _cell(chosen)
        return ReflectionList(
            miller=as_indices(name, miller),
            values=values,
            kind=found.kind or "amplitude",
            column=found.name,
            measured=found.origin == "measured",
            sigma=at.get(found.sigma or ""),
            mates=at.get(found.mate or ""),
            phases_deg=at.get(found.phase or ""),
            cell=cell,
            symmetry=_symmetry(chosen),
            wavelength_A=_wavelength(chosen),
            remarks=(*remarks, *more),
        )


def _blocks(content: bytes, name: str) -> list[gemmi.ReflnBlock]:
    """Blocks that list reflections; one without a cell or space group has that of another."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    try:
        document = gemmi.cif.read_string(text)
        of_small = [block for block in document if block.find_loop("_refln_index_h").get_loop() is not None]
        found = [gemmi.hkl_cif_as_refln_block(block) for block in of_small]
        if not found:
            found = [block for block in gemmi.as_refln_blocks(document) if block.default_loop is not None]
    except (RuntimeError, ValueError, IndexError, UnicodeError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].removeprefix("string:")
        raise FileError(f"{name}: cannot be read as CIF ({reason[:120]}); it is cut short or damaged") from None
    if not found:
        raise FileError(f"{name}: has no block with a loop of reflections (_refln.index_h); give another file")
    for block in found:
        if not all(_CATEGORY.match(tag) for tag in block.default_loop.tags):
            raise FileError(f"{name}: block {block.block.name} mixes other items into its reflections; correct it")
    return found


def _labels(block: gemmi.ReflnBlock) -> list[str]:
    """Items of a block's loop without their category."""
    return [_CATEGORY.sub("", tag) for tag in block.default_loop.tags]


def _choose_block(
    blocks: Sequence[gemmi.ReflnBlock], wanted: str | None, name: str
) -> tuple[gemmi.ReflnBlock, tuple[str, ...]]:
    names = [block.block.name for block in blocks]
    if wanted is not None:
        if wanted not in names:
            raise FileError(f"{name}: has no block {wanted!r} with reflections; it has {', '.join(names[:12])}")
        return blocks[names.index(wanted)], ()
    usable = [block for block in blocks if any(column.kind for column in _described(_labels(block)))]
    chosen = (usable or blocks)[0]
    if len(blocks) == 1:
        return chosen, ()
    others = ", ".join(other for other in names[:12] if other != chosen.block.name)
    return chosen, (
        f'{name}: block {chosen.block.name} is taken of {len(blocks)}; crystal.reflections_column = "BLOCK/COLUMN" '
        f"takes another ({others})",
    )


def _described(labels: Sequence[str]) -> list[Column]:
    """The known columns in their order of preference, a mate only with its other half, and then the unknown ones."""
    known = [column for column in _COLUMNS if column.label in labels]
    paired = [
        Column(column.label, "", column.kind, column.origin, 0, None, column.sigma, column.phase)
        if column.mate is not None and column.mate not in labels
        else column
        for column in known
    ]
    named = {column.label for column in known}
    return paired + [Column(label) for label in labels if label not in named and label not in _INDICES]


def _needed(column: Column) -> list[str]:
    return [label for label in (column.label, column.mate, column.sigma, column.phase) if label is not None]


def _unmeasured(block: gemmi.ReflnBlock, labels: Sequence[str]) -> np.ndarray:
    """Reflections whose status is x, not used or not measured."""
    label = next((label for label in _OF_MEASUREMENT if label in labels), None)
    loop = block.default_loop
    if label is None:
        return np.zeros(loop.length(), bool)
    return np.array(loop.values[list(labels).index(label) :: loop.width()]) == "x"


def _cell(block: gemmi.ReflnBlock) -> np.ndarray | None:
    numbers = np.array(block.cell.parameters, float)
    usable = np.isfinite(numbers).all() and (numbers > 0).all() and block.cell.is_crystal()
    return numbers if usable else None


def _symmetry(block: gemmi.ReflnBlock) -> Symmetry | None:
    """By the operators that the block lists, its symbol, or its number."""
    for tag in _OPERATORS:
        triplets = [gemmi.cif.as_string(value) for value in block.block.find_values(tag)]
        if not 0 < len(triplets) <= _MOST_OPERATORS:
            continue
        try:
            found = gemmi.find_spacegroup_by_ops(gemmi.GroupOps([gemmi.Op(triplet) for triplet in triplets]))
        except (RuntimeError, ValueError):
            continue
        if found is not None:
            return symmetry_of(found)
    if block.spacegroup is not None:
        return symmetry_of(block.spacegroup)
    numbers = [gemmi.cif.as_string(block.block.find_value(tag) or "?") for tag in _NUMBERS]
    number = next((number for number in numbers if is_number_of_group(number)), None)
    return None if number is None else named_symmetry(number, np.array(block.cell.parameters))


def _wavelength(block: gemmi.ReflnBlock) -> float | None:
    values = block.block.find_values("_diffrn_radiation_wavelength.wavelength")
    values = values if len(values) else block.block.find_values("_diffrn_radiation_wavelength")
    numbers = {gemmi.cif.as_number(value) for value in values}
    found = numbers.pop() if len(numbers) == 1 else 0.0
    return found if np.isfinite(found) and found > 0 else None
