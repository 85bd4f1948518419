from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.config.check import checked
from nbjax.config.tree import Beam, Config, Crystal, Detector
from nbjax.errors import ConfigError


def test_numbers_of_other_libraries_and_paths_become_pythons() -> None:
    given: Any = Config(
        Beam(wavelength_A=np.float32(1.5), energy_eV=jnp.asarray(2.0)),  # type: ignore[arg-type]
        Crystal(cell_A=np.array([1, 2, 3]), cells=(1, np.int64(2), 3), hkl_file=Path("a.hkl")),  # type: ignore[arg-type]
    )
    assert checked(given) == Config(
        Beam(wavelength_A=1.5, energy_eV=2.0), Crystal(cell_A=(1, 2, 3), cells=(1, 2, 3), hkl_file="a.hkl")
    )
    assert type(checked(given).beam.wavelength_A) is float


@pytest.mark.parametrize(
    ("config", "key", "problem"),
    [
        (Config(precision="duble"), "precision", "got 'duble'; did you mean 'double'?"),  # type: ignore[arg-type]
        (Config(crystal=Crystal(shape="rond")), "crystal.shape", "did you mean 'round'?"),  # type: ignore[arg-type]
        (Config(crystal=Crystal(model=None)), "crystal.model", "choose from sampled"),  # type: ignore[arg-type]
        (Config(Beam(wavelength_A="1")), "beam.wavelength_A", "got '1', a number is wanted"),  # type: ignore[arg-type]
        (Config(Beam(wavelength_A=float("nan"))), "beam.wavelength_A", "a finite number is wanted"),
        (Config(detector=Detector(pixels_fast=2.5)), "detector.pixels_fast", "a whole number"),  # type: ignore[arg-type]
        (Config(crystal=Crystal(cell_A=(1.0, 2.0))), "crystal.cell_A", "3 are wanted"),  # type: ignore[arg-type]
        (Config(crystal=Crystal(cell_A=5.0)), "crystal.cell_A", "a list in brackets"),  # type: ignore[arg-type]
        (Config(beam=None), "beam", "got NoneType, a Beam is wanted"),  # type: ignore[arg-type]
        (Config(beam=Crystal()), "beam", "got Crystal, a Beam is wanted"),  # type: ignore[arg-type]
        (Config(parity=None), "parity", "a list in brackets is wanted"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_no_file_may_say_is_refused(config: Config, key: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked(config)
    (fault,) = caught.value.faults
    assert fault.key == key
    assert problem in fault.problem


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("crystal.toml", "config: got the name of a file, 'crystal.toml'; read it: nbjax.load_config('crystal.toml')"),
        (Path("crystal.toml"), "read it: nbjax.load_config('crystal.toml')"),
        ({"beam": {}}, "config: got dict, a nbjax.Config is wanted; nbjax.load_config reads one"),
    ],
)
def test_what_is_no_configuration_is_named(given: object, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        checked(given)
