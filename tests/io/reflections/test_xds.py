from __future__ import annotations

import numpy as np
import pytest
from reflection_files import XDS

from nbjax.errors import FileError
from nbjax.io.reflections import parse_reflections

WHOLE = XDS.encode()


def test_observations_without_misfits() -> None:
    found = parse_reflections(WHOLE, "XDS_ASCII.HKL")
    np.testing.assert_array_equal(found.miller, [[1, 2, 3], [-1, -2, -3]])
    np.testing.assert_array_equal(found.values, [150.0, -2.0])
    np.testing.assert_array_equal(found.sigma, [3.0, 4.0])
    assert (found.kind, found.friedel, found.wavelength_A) == ("intensity", True, 0.97938)
    assert found.symmetry is not None
    assert found.symmetry.name == "R 3:R"
    assert not parse_reflections(WHOLE.replace(b"TRUE\n", b"FALSE\n"), "x").friedel


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (WHOLE[:-20], "does not end with !END_OF_DATA; it is cut short"),
        (WHOLE.replace(b" 146", b" 246"), "space group number '246'; give one from 1 to 230"),
        (WHOLE.replace(b"80.250\n", b"80.2x\n"), "UNIT_CELL_CONSTANTS=.*not 6 numbers above zero"),
        (WHOLE.replace(b"  1 2 3 1.5E+02", b"  1 2 3 1.5F+02"), "line 14: .* does not begin with five numbers"),
        (WHOLE.replace(b"3.0E+00", b"-3.0E+00").replace(b"4.0E+00", b"-4.0E+00"), "misfits"),
        (WHOLE.replace(b"ITEM_H=1", b"ITEM_H=0"), "columns count from 1"),
    ],
)
def test_faulty_files(content: bytes, problem: str) -> None:
    with pytest.raises(FileError, match=rf"x\.HKL: .*{problem}"):
        parse_reflections(content, "x.HKL")
