"""Coordinates files with faults anywhere: a structure or a sentence, and nothing else."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from crystal_models import Made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbjax.errors import FileError
from nbjax.io.structure import structure_in

MODEL = Made("C 1 2 1", (21.0, 15.0, 17.0, 90.0, 108.0, 90.0), "C N O S Zn C", 5)
SMALL = b"""data_a
_cell_length_a 5.1(2)
_cell_length_b 6
_cell_length_c 7
_cell_angle_alpha 90
_cell_angle_beta 98.5
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1 21/c 1'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_U_iso_or_equiv
Fe1 0 0 0 0.01
C1 0.3333(4) 0.6667 0.25 0.02
"""
PIECES = [
    b"*",
    b"nan",
    b"1e400",
    b"-",
    b".",
    b"?",
    b"\n",
    b"\0",
    b"\xff",
    b"loop_\n",
    b"'",
    b";",
    b"ATOM  ",
    b"99999",
    b"X",
]

edits = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 80),
        st.one_of(st.just(b""), st.sampled_from(PIECES), st.binary(min_size=1, max_size=6)),
    ),
    min_size=1,
    max_size=4,
)


@cache
def whole(kind: str) -> bytes:
    if kind == "small":
        return SMALL
    structure = MODEL.structure()
    text = structure.make_pdb_string() if kind == "pdb" else structure.make_mmcif_document().as_string()
    return text.encode()


@pytest.mark.parametrize("kind", ["pdb", "mmcif", "small"])
def test_500_mutations(kind: str) -> None:
    @settings(max_examples=500, database=None, suppress_health_check=list(HealthCheck))
    @given(edits, st.booleans())
    def check(changes: list[tuple[float, int, bytes]], is_cut: bool) -> None:
        content = whole(kind)
        for place, count, piece in changes:
            start = int(place * len(content))
            content = content[:start] + piece + content[start + count :]
        content = content[: int(changes[0][0] * len(content))] if is_cut else content
        said = ""
        try:
            model = structure_in(content, "a.ent")
        except FileError as error:
            said = str(error)
        if said:
            assert said.startswith("a.ent: ")
            assert "\n" not in said
        else:
            positions = np.array([found.atom.pos.tolist() for found in model.structure[0].all()])
            assert np.isfinite(positions).all()

    structure_in(whole(kind), "a.ent")
    check()


def test_names_that_are_no_text() -> None:
    content = whole("pdb")
    group = content.index(b"C 1 2 1")
    with pytest.raises(FileError, match=r"a\.ent: has names with bytes that are no text"):
        structure_in(content[:group] + b"\x80" + content[group + 1 :], "a.ent")
