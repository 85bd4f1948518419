from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nbjax.constants import HC_EV_A
from nbjax.errors import FileError
from nbjax.io.spectra import Spectra, open_spectra


def text(folder: Path, content: str) -> Spectra:
    (folder / "s.txt").write_text(content)
    return open_spectra(folder / "s.txt")


def written(path: Path, fields: dict[str, Any], attributes: dict[str, dict[str, str]] | None = None) -> Path:
    """An HDF5 file with the fields of a beam."""
    with h5py.File(path, "w") as file:
        beam = file.create_group("entry/instrument/beam")
        file["entry"].attrs["NX_class"] = "NXentry"
        file["entry/instrument"].attrs["NX_class"] = "NXinstrument"
        beam.attrs["NX_class"] = "NXbeam"
        for name, values in fields.items():
            beam[name] = values
        for name, said in (attributes or {}).items():
            beam[name].attrs.update(said)
    return path


@pytest.mark.parametrize(
    "content",
    [
        "1.0 3\n0.5 1\n",
        "0.5,1\n1.0,3\n",
        "# a spectrum of 9 shots\nenergy_eV weight\n24796.84 1\n12398.42 3\n",
        "energy (keV), weight\n12.39842, 3\n24.79684, 1\n",
        "# keV\n12.39842 3 # the line\n24.79684 1\n",
        "wavelength_nm w\n0.1 3\n0.05 1\n",
        "12398.42 3\n24796.84 1\n",
    ],
)
def test_two_columns_in_any_order_and_unit(tmp_path: Path, content: str) -> None:
    spectra = text(tmp_path, content)
    assert spectra.shots == 0
    found = spectra.of_shot(0)
    np.testing.assert_allclose(found.wavelengths_A, [0.5, 1.0], rtol=1e-6)
    np.testing.assert_array_equal(found.weights, [1, 3])
    assert found.mean_wavelength_A == pytest.approx(0.875, rel=1e-6)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("9.5 1\n9.6 1\n", "9.5 to 9.6 may be wavelengths in A or energies in keV; name the columns in a first line"),
        ("9.5 1\n900 1\n", "9.5 to 900 are neither wavelengths in A nor energies in eV"),
        ("# eV or keV\n9.5 1\n", "line 1: names several units"),
        (
            "1.0 1\n1.1 -1\n",
            "has the weight -1, and 1 of 2 are negative or not finite; set what lies below the background",
        ),
        ("1.0 1\n1.1 nan\n", "negative or not finite"),
        ("1.0 0\n1.1 0\n", "all weights are zero"),
        ("# eV\n0 1\n9000 1\n", "not above zero"),
        ("# eV\n9 1\n", "has a wavelength of 1377.6 A, must be 0.001 to 124 A; correct its unit"),
        ("1.0 1 2\n", "line 1: has 3 numbers; give wavelength or energy, and weight"),
        ("1.0 1\nenergy weight\n", "line 2: 'energy weight' is not two numbers"),
        ("", "holds no spectrum"),
    ],
)
def test_what_is_no_spectrum_is_refused(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(FileError, match=rf"s\.txt: .*{problem}|s\.txt: {problem}"):
        text(tmp_path, content)


WAVES, WEIGHTS = np.array([1.2, 1.0, 1.1]), np.arange(1.0, 7.0).reshape(2, 3)
SHOT = [2.0, 3.0, 1.0], [5.0, 6.0, 4.0]
"""Weights of each shot in ascending order of the wavelengths."""


@pytest.mark.parametrize(
    ("fields", "attributes"),
    [
        ({"incident_wavelength": WAVES, "incident_wavelength_weights": WEIGHTS}, {}),
        ({"incident_wavelength": WAVES, "incident_wavelength_weight": WEIGHTS}, {}),
        ({"incident_wavelength": np.tile(WAVES, (2, 1)), "incident_wavelength_weights": WEIGHTS}, {}),
        (
            {"incident_wavelength": WAVES / 10, "incident_wavelength_weights": WEIGHTS},
            {"incident_wavelength": {"units": "nm"}},
        ),
        (
            {"incident_energy": HC_EV_A / WAVES / 1000, "incident_energy_weights": WEIGHTS},
            {"incident_energy": {"units": "keV"}},
        ),
        (
            {
                "incident_wavelength": [1.11, 1.12],
                "incident_wavelength_1Dspectrum": WAVES,
                "incident_wavelength_1Dspectrum_weights": WEIGHTS,
                "incident_wavelength_other": WAVES,
                "incident_wavelength_other_weights": WEIGHTS[:, ::-1],
            },
            {"incident_wavelength": {"variant": "incident_wavelength_1Dspectrum"}},
        ),
        (
            {
                "incident_wavelength": 1.11,
                "incident_wavelength_spectrum": WAVES,
                "incident_wavelength_spectrum_weights": WEIGHTS,
            },
            {},
        ),
    ],
)
def test_spectra_of_shots(tmp_path: Path, fields: dict[str, Any], attributes: dict[str, dict[str, str]]) -> None:
    spectra = open_spectra(written(tmp_path / "shots.h5", fields, attributes))
    assert spectra.shots == 2
    for shot, weights in enumerate(SHOT):
        found = spectra.of_shot(shot)
        np.testing.assert_allclose(found.wavelengths_A, [1.0, 1.1, 1.2])
        np.testing.assert_array_equal(found.weights, weights)


def test_one_spectrum_of_all_shots_and_one_wavelength_of_each(tmp_path: Path) -> None:
    all_shots = {"incident_wavelength": WAVES, "incident_wavelength_weights": WEIGHTS[0]}
    spectra = open_spectra(written(tmp_path / "all.h5", all_shots))
    assert spectra.shots == 0
    np.testing.assert_array_equal(spectra.of_shot(7).weights, SHOT[0])
    spectra = open_spectra(written(tmp_path / "each.h5", {"incident_wavelength": WAVES}))
    assert spectra.shots == 3
    assert (spectra.of_shot(2).wavelengths_A, spectra.of_shot(2).weights) == ([1.1], [1.0])


@pytest.mark.parametrize(
    ("fields", "attributes", "problem"),
    [
        ({"incident_wavelength": 1.0}, {}, "has no spectrum; entry/instrument/beam needs incident_wavelength and"),
        (
            {"incident_wavelength": WAVES, "incident_wavelength_weights": [1.0, 2.0]},
            {},
            r"the shape \(3,\), its weights",
        ),
        (
            {"incident_wavelength": WAVES, "incident_wavelength_weights": WEIGHTS},
            {"incident_wavelength": {"units": "furlong"}},
            "is in 'furlong'; give its units attribute",
        ),
        (
            {"incident_wavelength": WAVES, "incident_wavelength_weights": -WEIGHTS},
            {},
            "shot 1: has the weight -4, and 3 of 3 are",
        ),
        (
            {"incident_wavelength": WAVES, "incident_wavelength_weights": 0 * WEIGHTS},
            {},
            "shot 1: all weights are zero",
        ),
    ],
)
def test_faults_of_hdf5_are_named(
    tmp_path: Path, fields: dict[str, Any], attributes: dict[str, dict[str, str]], problem: str
) -> None:
    with pytest.raises(FileError, match=problem):
        open_spectra(written(tmp_path / "shots.h5", fields, attributes)).of_shot(1)


def test_damaged_hdf5_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "shots.h5", {"incident_wavelength": WAVES})
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(FileError, match="is damaged HDF5"):
        open_spectra(path)
