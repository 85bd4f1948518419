"""Images of files as figures take them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbjax.errors import FileError
from nbjax.io.smv import write_smv
from nbjax.plot import read_exposure

_WORDS = [("PIXEL_SIZE", "0.4"), ("DISTANCE", "120"), ("BEAM_CENTER_X", "2"), ("BEAM_CENTER_Y", "3")]


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_numbers_without_a_scale_are_refused_or_nothing() -> None:
    np.save("a.npy", [[1e308, -1e308], [0.0, 1.0]])
    with pytest.raises(FileError, match=r"a\.npy: has pixels of 1e\+308, more than 1e\+100"):
        read_exposure("a.npy")
    np.save("b.npy", [[1e-320, np.nan], [-1e-310, 2.0]])
    np.testing.assert_array_equal(read_exposure("b.npy").values, [[0.0, np.nan], [0.0, 2.0]])


@pytest.mark.parametrize("wavelength", ["0", "-1"])
def test_a_header_without_a_wavelength_has_no_rings(wavelength: str) -> None:
    write_smv("a.img", np.ones((6, 8), np.uint16), [*_WORDS, ("WAVELENGTH", wavelength)])
    layout = read_exposure("a.img").layout
    assert layout is not None
    assert layout.wavelength_A is None


def test_a_faulty_number_of_a_header_is_told_with_its_file() -> None:
    write_smv("a.img", np.ones((6, 8), np.uint16), [*_WORDS, ("WAVELENGTH", "nan")])
    with pytest.raises(FileError, match=r"^a\.img: WAVELENGTH=nan is not a number"):
        read_exposure("a.img")
