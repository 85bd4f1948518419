from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import gemmi
import numpy as np
import pytest
from crystal_models import MODELS

from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.errors import ConfigError
from nbjax.resolve import Resolved, resolve
from nbjax.resolve.factors_of_file import factors_of_file


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(MODELS["trigonal"].written(tmp_path_factory.mktemp("model") / "a.cif"))


def resolved(path: str | None, beam: Beam | None = None, steps: int | None = None, **keys: object) -> Resolved:
    coordinates = {} if path is None else {"coordinates_file": path, "coordinates_resolution_A": 6.0}
    crystal = replace(Crystal(**coordinates), **keys)  # type: ignore[arg-type]
    detector = Detector(distance_mm=100.0, pixels_fast=10, pixels_slow=10)
    return resolve(Config(beam or Beam(), crystal, detector, Sampling(dispersion_steps=steps)))


@pytest.mark.parametrize(
    ("steps", "channels", "wanted"),
    [
        (5, 3, [0.99, 1.0, 1.01]),
        (3, 8, [0.99, 1.0, 1.01]),
        (2, 2, [0.99, 1.01]),
        (5, None, []),
        (5, 1, []),
    ],
)
def test_channels_span_the_wavelengths_of_the_sources(
    steps: int, channels: int | None, wanted: list[float], path: str
) -> None:
    table = resolved(path, Beam(wavelength_A=1.0, dispersion_percent=2.0), steps, anomalous_channels=channels).crystal
    assert table.table is not None
    np.testing.assert_allclose(table.table.wavelengths_A, wanted, rtol=1e-12)


def test_channels_of_a_listed_spectrum(path: str, tmp_path: Path) -> None:
    (tmp_path / "spectrum.lam").write_text("0.98 1\n1.00 5\n1.04 2\n1.03 2\n")
    found = resolved(path, Beam(source_file=str(tmp_path / "spectrum.lam")), anomalous_channels=4).crystal.table
    assert found is not None
    np.testing.assert_allclose(found.wavelengths_A, [0.98, 1.0, 1.03, 1.04], rtol=1e-9)


def test_what_has_no_effect_is_named(path: str) -> None:
    def warned(path: str | None, **keys: object) -> str:
        return " ".join(resolved(path, **keys).warnings)

    without = partial(warned, None, cell_A=(20.0, 30.0, 40.0), default_F=1.0)
    assert "crystal.solvent_k has no effect without crystal.coordinates_file" in without(solvent_k=0.3)
    assert "crystal.coordinates_model, crystal.anomalous have no effect" in without(coordinates_model=1, anomalous=True)
    assert "anomalous_channels = 3 has no effect: all sources have one wavelength" in warned(path, anomalous_channels=3)
    assert "crystal.solvent_k has no effect: the model has no bulk" in warned(
        path, solvent_k=0.3, coordinates_solvent=False
    )
    spread = Beam(dispersion_percent=1.0)
    said = warned(path, beam=spread, anomalous_channels=3, anomalous=False)
    assert "anomalous_channels = 3 has no effect: crystal.anomalous is false" in said


def test_every_key_acts(path: str) -> None:
    def values(**keys: object) -> np.ndarray:
        table = resolved(path, **keys).crystal.table
        assert table is not None
        return table.values

    plain = values()
    for keys in (
        {"anomalous": False},
        {"coordinates_solvent": False},
        {"solvent_k": 0.2},
        {"solvent_B_A2": 100.0},
        {"coordinates_B_A2": 20.0},
    ):
        assert np.abs(values(**keys) - plain).max() > 1e-4 * plain.max(), keys
    np.testing.assert_allclose(values(coordinates_scale=2.0), 2 * plain, rtol=1e-12)


def test_the_wavelength_of_the_beam_decides(path: str) -> None:
    table = resolved(path, Beam(wavelength_A=1.2)).crystal.table
    other = resolved(path, Beam(energy_eV=12398.42 / 1.2)).crystal.table
    assert table is not None
    assert other is not None
    np.testing.assert_array_equal(table.values, other.values)
    mates = table.values[::-1, ::-1, ::-1]
    assert np.abs(table.values - mates).max() > 5e-3 * table.values.max()
    assert gemmi.cromer_liberman(30, 12398.42 / 1.2)[1] > 3


def test_a_list_has_one_wavelength(path: str) -> None:
    with pytest.raises(ConfigError, match=r"crystal\.anomalous_channels: has no place in a list"):
        factors_of_file(path, {}, 6.0, 1.0, ["beam.dispersion_percent=2", "crystal.anomalous_channels=2"])
