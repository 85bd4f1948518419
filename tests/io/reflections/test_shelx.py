from __future__ import annotations

import numpy as np
import pytest
from reflection_files import SHELX

from nbjax.errors import FileError
from nbjax.io.reflections import parse_reflections

FUSED = SHELX.encode()


def test_fixed_columns_need_no_blanks() -> None:
    found = parse_reflections(FUSED, "x.hkl")
    np.testing.assert_array_equal(found.miller, [[10, -100, 12], [-10, 100, -12], [1, 2, 3]])
    np.testing.assert_array_equal(found.values, [123.45, -23.45, 99999.99])
    assert (found.kind, found.column, found.as_listed) == ("intensity", "I", False)
    assert parse_reflections(FUSED, "x.hkl", "F").kind == "amplitude"


def test_blanks_between_the_columns_of_other_widths_are_text() -> None:
    found = parse_reflections(b"1 2 3 55.00 1.00\n10 -100 12 123.45 1.0\n", "x.hkl")
    assert (found.kind, found.as_listed) == ("amplitude", True)


@pytest.mark.parametrize(
    ("content", "column", "problem"),
    [
        (FUSED[:29] * 300 + b"   1   2   3", None, "line 301: .* is not h k l I sigma in columns"),
        (FUSED, "FP", "whose column is I .HKLF 4. or F .HKLF 3.; 'FP' is neither"),
    ],
)
def test_faulty_files(content: bytes, column: str | None, problem: str) -> None:
    with pytest.raises(FileError, match=rf"x\.hkl: .*{problem}"):
        parse_reflections(content, "x.hkl", column)
