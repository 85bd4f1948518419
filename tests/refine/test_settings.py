"""Settings of refinement: every fault by its key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbjax.errors import ConfigError
from nbjax.refine.parameters import NAMES, freed, place, tie_of
from nbjax.refine.settings import Priors, load_refine, prior_sigmas


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("box_px = 8", "refine.box_px: is 8; give an odd number"),
        ("factor_error = 0.0", "refine.factor_error: is 0; give a number above 0"),
        ("spots = 1", "refine.spots: is 1"),
        ("readout_sigma_photons = -1.0", "refine.readout_sigma_photons: is below 0"),
        ("priors.size_factor = 0.5", "refine.priors.size_factor: is 0.5; give a factor above 1"),
        ("boxes = 3", "refine.boxes"),
        ("moving = []", "refine.moving: is empty"),
        ("model_error = 0.0", "refine.model_error: is 0; give a number above 0"),
        ("priors.panel_mm = -1.0", "refine.priors.panel_mm: is -1; give a number above 0"),
        ('factor_prior = "flat"', "refine.factor_prior"),
        ('shared = ["beam"]', "refine.shared"),
    ],
)
def test_faults_name_the_key(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "r.toml").write_text(f"[refine]\n{line}\n")
    with pytest.raises(ConfigError, match=words.replace(".", r"\.")):
        load_refine(tmp_path / "r.toml")


def test_priors_are_in_the_units_of_the_departures() -> None:
    sigma = prior_sigmas(Priors(orientation_deg=1.0, length_percent=2.0, mosaicity_factor=np.e))
    assert sigma[place("rotation_y_rad")] == pytest.approx(np.pi / 180)
    assert sigma[place("log_b")] == pytest.approx(0.02)
    assert sigma[place("log_mosaicity")] == pytest.approx(1.0)


def test_a_crystal_system_frees_its_own_numbers() -> None:
    tie = tie_of("monoclinic")
    free = freed(("cell",), tie)
    assert [name for name, one in zip(NAMES, free, strict=True) if one] == ["log_a", "log_b", "log_c", "beta_rad"]
    assert (tie_of("cubic") @ np.array([0.1, 9, 9, 9, 9, 9])).tolist() == [0.1, 0.1, 0.1, 0, 0, 0]


def test_sizes_are_apart_where_they_are_free(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('[refine]\nfree = ["sizes"]\npriors.size_factor = 2.0\n')
    _, settings = load_refine(tmp_path / "r.toml")
    sigma, free = prior_sigmas(settings.priors), freed((*settings.free, "size"), tie_of("triclinic"))
    for name in ("log_size", "log_size_b", "log_size_c"):
        assert sigma[place(name)] == pytest.approx(np.log(2))
        assert free[place(name)] == 1
    assert free.sum() == 3
