"""Damaged files of every format are refused in a sentence, whatever is wrong with them."""

from __future__ import annotations

import contextlib
import random
import re
import time

import gemmi
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from reflection_files import CELL, CIF, CRYSTFEL, SHELX, SMALL_CIF, XDS, amplitudes, mtz_bytes, unique

from nbjax.errors import FileError
from nbjax.io.reflections import parse_reflections
from nbjax.reflections.checks import check_range
from nbjax.reflections.sphere import choose_symmetry, whole_sphere

HKL = unique("P 21 21 21", d_min=15.0)
F = amplitudes(len(HKL))
COLUMNS = [("F(+)", "G", F), ("F(-)", "G", F), ("FP", "F", F), ("SIGFP", "Q", F), ("I", "J", F)]
FILES = {
    "mtz": mtz_bytes(HKL, COLUMNS),
    "cif": CIF.encode(),
    "small cif": SMALL_CIF.encode(),
    "crystfel": CRYSTFEL.encode(),
    "xds": XDS.encode(),
    "shelx": SHELX.encode(),
    "text": b"# c\n1 2 3 4.5 1\n-1 2 3 5 2\n1 -2 3 0.1 1\n",
}
WORDS = (b"nan", b"-inf", b"-1", b"0", b"", b"99999999999", b"1e308", b"1_0", b"**", b"\xff", b"\0", b"'", b"\n", b";")
NUMBER = re.compile(rb"[0-9.]+")


def damaged(content: bytes, seed: int) -> bytes:
    """A file with one to three changes: words and bytes overwritten, other numbers, repeated parts, a cut."""
    draw = random.Random(seed)
    for _ in range(draw.randint(1, 3)):
        place, kind = draw.randrange(len(content) + 1), draw.randrange(8)
        if kind == 0:
            content = content[:place]
        elif kind == 1:
            content = content[: place + draw.randint(1, 100)] + content[place:]
        elif kind < 5:
            word = draw.choice((*WORDS, draw.randbytes(2)))
            content = content[:place] + word + content[place + draw.randint(0, 8) :]
        elif numbers := list(NUMBER.finditer(content)):
            found = draw.choice(numbers)
            content = content[: found.start()] + draw.choice(WORDS) + content[found.end() :]
    return content


def expand(content: bytes, column: str | None) -> None:
    found = parse_reflections(content, "x", column)
    cell = np.array(CELL) if found.cell is None else found.cell
    reciprocal = np.array(gemmi.UnitCell(*map(float, cell)).frac.mat.tolist())
    wrong, _ = check_range(found.miller, reciprocal, 1.0)
    if wrong is None and np.abs(found.miller).max() < 9 and cell[:3].max() < 60:
        whole_sphere(found, choose_symmetry(found, None, cell, "x")[0], cell, reciprocal, "zero", 0.0, "x")


@pytest.mark.parametrize("kind", list(FILES))
@settings(max_examples=500, suppress_health_check=list(HealthCheck), database=None)
@given(seed=st.integers(0, 2**32), column=st.sampled_from([None, None, "F", "I", "FP", "F(-)"]))
def test_only_sentences_come_of_damaged_files(kind: str, seed: int, column: str | None) -> None:
    with contextlib.suppress(FileError):
        expand(damaged(FILES[kind], seed), column)


def test_the_files_are_whole_before() -> None:
    for content in FILES.values():
        assert len(parse_reflections(content, "x").miller) > 1


@pytest.mark.parametrize("content", [b"# " * 2**19, b"\n" * 2**20, b"#\n \n" * 2**18, b"data_" + b"\n_" * 2**19])
def test_long_files_of_no_kind_are_told_at_once(content: bytes) -> None:
    start = time.perf_counter()
    with pytest.raises(FileError, match="x: "):
        parse_reflections(content, "x")
    assert time.perf_counter() - start < 5.0
