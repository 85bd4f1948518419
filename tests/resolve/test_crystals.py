"""Several crystals in one image, and twins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from cases import small_config

import nbjax
from nbjax.config.load import load_config, load_with_sources
from nbjax.config.tree import Config, Crystal
from nbjax.config.write import config_toml
from nbjax.errors import ConfigError
from nbjax.resolve import resolve

TETRAGONAL: dict[str, Any] = {
    "cell_A": (50.0, 50.0, 80.0),
    "cell_deg": (90.0, 90.0, 90.0),
    "matrix_file": None,
    "hkl_file": None,
    "default_F": 10.0,
    "cells": (5.0, 5.0, 5.0),
    "misset_deg": (10.0, 20.0, 30.0),
}


def config_of(*crystals: dict[str, Any], **shared: Any) -> Config:
    """A small still of crystals that share what they do not say."""
    config = small_config(
        beam={"wavelength_A": 1.5, "fluence_photons_per_m2": 1e28},
        crystal=TETRAGONAL | shared,
        detector={"distance_mm": 60.0, "pixels_fast": 48, "pixels_slow": 40, "pixel_mm": 0.8, "convention": "xds"},
        sampling={"oversample": 1},
    )
    several = tuple(replace(config.crystal, **one) for one in crystals)
    return replace(config, crystal=several[0] if several else config.crystal, crystals=several)


def image_of(config: Config) -> np.ndarray:
    """In 64 bits."""
    with jax.enable_x64(True):
        return np.asarray(nbjax.simulate(nbjax.prepare(config)))


@pytest.mark.parametrize("model", ["sampled", "closed"])
def test_an_image_of_crystals_is_the_sum_of_theirs_by_weight(model: str) -> None:
    own = [
        {"default_F": 100.0, "weight": 0.7},
        {"default_F": 60.0, "misset_deg": (0.0, 40.0, 5.0), "cells": (4.0, 6.0, 5.0)},
    ]
    both = image_of(config_of(*own, model=model))
    alone = [image_of(config_of(model=model, **one | {"weight": None})) for one in own]
    assert min(image.max() for image in alone) > 1
    np.testing.assert_allclose(both, 0.7 * alone[0] + alone[1], rtol=1e-9, atol=1e-9 * both.max())


def test_a_crystal_takes_what_it_does_not_say_from_the_shared_table(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(
        "[crystal]\ncell_A = [50, 50, 80]\ndefault_F = 100.0\n"
        "[[crystals]]\nmisset_deg = [1, 2, 3]\n[[crystals]]\ndefault_F = 20.0\nweight = 0.5\n"
    )
    config = load_config(tmp_path / "two.toml")
    assert config.crystal == config.crystals[0]
    assert [one.default_F for one in config.crystals] == [100.0, 20.0]
    assert [one.misset_deg for one in config.crystals] == [(1.0, 2.0, 3.0), None]
    (tmp_path / "again.toml").write_text(config_toml(config))
    assert load_config(tmp_path / "again.toml") == config
    changed, _ = load_with_sources(tmp_path / "two.toml", ["crystals.1.weight=0.25", "crystal.cell_A=[40, 40, 80]"])
    assert [one.weight for one in changed.crystals] == [None, 0.25]
    assert {one.cell_A for one in changed.crystals} == {(40.0, 40.0, 80.0)}
    with pytest.raises(ConfigError, match=r"crystals\.2\.weight: got '2', the tables are counted 0 to 1"):
        load_with_sources(tmp_path / "two.toml", ["crystals.2.weight=0.25"])


def test_files_of_each_crystal_are_found_beside_the_configuration(tmp_path: Path) -> None:
    text = "[crystal]\ncell_A = [50, 50, 80]\n[[crystals]]\nhkl_file = 'one.hkl'\n[[crystals]]\nhkl_file = 'two.hkl'\n"
    (tmp_path / "two.toml").write_text(text)
    (tmp_path / "one.hkl").write_text("1 0 0 10\n")
    config = load_config(tmp_path / "two.toml")
    assert [one.hkl_file for one in config.crystals] == [str(tmp_path / "one.hkl"), str(tmp_path / "two.hkl")]
    with pytest.raises(ConfigError, match=r"crystals\.1\.hkl_file: got .*two.hkl', and there is no such file"):
        resolve(config)


def test_a_twins_reflection_falls_on_that_of_the_law(tmp_path: Path) -> None:
    given = {"default_F": 1.0, "hkl_file": write_list(tmp_path / "list.hkl", INDICES)}
    turned = write_list(tmp_path / "turned.hkl", INDICES[:, [1, 0, 2]] * [1, 1, -1])
    image = image_of(config_of(twin_law="k,h,-l", twin_fraction=0.3, **given))
    one = image_of(config_of(**given))
    # the crystal whose reflection (k, h, -l) is that of the other's h k l
    other = image_of(config_of(**given | {"hkl_file": turned}))
    assert np.abs(one - other).max() > 0.5 * one.max()
    np.testing.assert_allclose(image, 0.7 * one + 0.3 * other, rtol=1e-9, atol=1e-9 * image.max())


INDICES = np.array(
    [index for index in np.ndindex(17, 17, 25) if (index[0] + 2 * index[1] + 3 * index[2] + index[0] ** 2) % 3 == 1]
) - np.array([8, 8, 12])


def write_list(path: Path, indices: np.ndarray) -> str:
    """A list of reflections of one amplitude."""
    np.savetxt(path, np.column_stack([indices, np.full(len(indices), 300)]), fmt="%d")
    return str(path)


def test_a_law_of_order_three_goes_the_way_it_says(tmp_path: Path) -> None:
    cubic = {"cell_A": (60.0, 60.0, 60.0)}
    given = {"default_F": 1.0, "hkl_file": write_list(tmp_path / "list.hkl", INDICES), **cubic}
    # what lies at h k l is the first one's k l h
    turned = write_list(tmp_path / "turned.hkl", INDICES[:, [2, 0, 1]])
    whole = image_of(config_of(twin_law="k,l,h", twin_fraction=1.0, **given))
    other = image_of(config_of(**given | {"hkl_file": turned}))
    np.testing.assert_allclose(whole, other, rtol=1e-9, atol=1e-9 * other.max())


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (config_of(twin_law="k,h"), r"crystal\.twin_law: got 'k,h', three indices are wanted"),
        (config_of(twin_law="h,k,l"), r"crystal\.twin_law: got 'h,k,l', which leaves every index"),
        (config_of(twin_law="k,h,l"), r"crystal\.twin_law: got 'k,h,l', which inverts the axes"),
        (config_of(twin_law="l,h,k"), r"crystal\.twin_law: got 'l,h,k', which does not map the lattice of the cell 50"),
        (config_of(twin_fraction=0.2), r"crystal\.twin_fraction: wants crystal\.twin_law beside it"),
        (config_of({}, {"twin_law": "l,h,k"}), r"crystals\.1\.twin_law: got 'l,h,k', which does not map"),
        (config_of({}, {"cells": (0.5, 1.0, 1.0)}), r"crystals\.1\.cells: got 0\.5 1 1"),
        (config_of({}, {"weight": -1.0}), r"crystals\.1\.weight: got -1, must not be negative"),
        (config_of({}, {"model": "closed"}), r"crystals\.1\.model: got \"closed\", the first crystal is \"sampled\""),
        (config_of({}, {"water_um": 5.0}), r"crystals\.1\.water_um: all crystals lie in one water"),
        (replace(config_of({}, {}), parity=("all",)), "crystals: the C program has one crystal"),
        (replace(config_of(twin_law="k,h,-l"), parity=("all",)), r"crystal\.twin_law: the C program has one crystal"),
        (replace(config_of({}, {}), crystal=Crystal(fudge=2.0)), r"crystal: is another than crystals\.0"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(config: Config, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        resolve(config)


def test_a_crystal_that_is_said_twice_is_told() -> None:
    copies = resolve(config_of({}, {"misset_deg": (1.0, 2.0, 3.0)}, {})).warnings
    assert [sentence for sentence in copies if "the same as" in sentence] == [
        "crystals.2 is the same as crystals.0, and adds the same photons again; turn it with misset_deg or "
        "misset_random, or leave it out"
    ]
    random = {"misset_random": True, "misset_deg": None}
    apart = resolve(config_of(random, random)).warnings
    assert not any("the same as" in sentence for sentence in apart)


def test_the_finest_crystal_says_how_finely_pixels_are_sampled() -> None:
    config = config_of({}, {"cells": (60.0, 60.0, 60.0)})
    config = replace(config, sampling=replace(config.sampling, oversample=None))
    alone = resolve(replace(config, crystal=config.crystals[1], crystals=()))
    assert resolve(config).sampling.oversample == alone.sampling.oversample > 10


def test_crystals_of_random_orientation_are_turned_apart() -> None:
    random = {"misset_random": True, "misset_deg": None}
    first, second = resolve(config_of(random, random)).crystals
    assert np.abs(first.orientation - second.orientation).max() > 0.1
