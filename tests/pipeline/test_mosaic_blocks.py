"""A crystal of many blocks: so many times the Bragg part of one, with the water of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax import prepare, simulate, trace
from nbjax.config.tree import Config
from nbjax.errors import ConfigError
from nbjax.resolve import resolve

SECTIONS: dict[str, dict[str, Any]] = {
    "crystal": {"water_um": 0.3, "phi_range_deg": 1.0},
    "sampling": {"oversample": 2, "phi_steps": 2},
    "detector": {"thickness_um": 300.0, "attenuation_depth_um": 250.0, "pixels_fast": 12, "pixels_slow": 10},
}
BLOCKS = 1000.0


def block_um3(config: Config) -> float:
    crystal = resolve(config).crystal
    ca, cb, cg = np.cos(np.radians(crystal.cell_deg))
    root = np.sqrt(1 - ca * ca - cb * cb - cg * cg + 2 * ca * cb * cg)
    return float(np.prod(crystal.cells) * np.prod(crystal.cell_A) * root * 1e-12)


def with_blocks(config: Config, blocks: float) -> Config:
    return replace(config, crystal=replace(config.crystal, volume_um3=blocks * block_um3(config)))


def image(config: Config) -> np.ndarray:
    return np.asarray(simulate(prepare(config)), float)


@pytest.mark.parametrize(("precision", "rtol"), [("double", 1e-12), ("mixed", 1e-6)])
def test_blocks_multiply_the_bragg_part_and_leave_the_water(precision: str, rtol: float) -> None:
    config = replace(small_config(**SECTIONS), precision=precision)
    wet, dark = image(config), image(replace(config, crystal=replace(config.crystal, water_um=0.0)))
    wanted = (wet - dark) + BLOCKS * dark
    found = image(with_blocks(config, BLOCKS))
    assert BLOCKS * dark.max() > 10 * (wet - dark).max() > 0
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=rtol * wanted.max())


@pytest.mark.parametrize("parity", [(), ("running_product",)])
def test_a_trace_shows_the_blocks(parity: tuple[str, ...]) -> None:
    sampling = {"sampling": {**SECTIONS["sampling"], "oversample_solid_angle": True}}
    config = replace(small_config(**{**SECTIONS, **sampling}), parity=parity)
    experiment = prepare(with_blocks(config, BLOCKS))
    stages = trace(experiment, [[4, 5], [9, 0]], samples=True)
    assert stages.mosaic_blocks == pytest.approx(BLOCKS)
    np.testing.assert_allclose(stages.product_photons(), stages.I_pixel_photons, rtol=1e-12)
    assert stages.samples is not None
    running = np.asarray(stages.samples[0].running_electrons_squared).reshape(2, -1)[:, -1]
    if parity:
        running = running * np.asarray(stages.samples[0].solid_angle_sr).reshape(2, -1)[:, -1]
    np.testing.assert_allclose(running, stages.before_scaling_electrons_squared, rtol=1e-12)
    alone = trace(prepare(config), [[4, 5]])
    np.testing.assert_allclose(stages.background_electrons_squared[0], alone.background_electrons_squared[0])


def test_one_block_is_the_plain_crystal() -> None:
    config = small_config(**SECTIONS)
    np.testing.assert_allclose(image(with_blocks(config, 1.0)), image(config), rtol=1e-12)
    assert prepare(config).crystal.volume_m3 is None


def test_the_image_is_linear_in_the_volume() -> None:
    experiment = prepare(with_blocks(small_config(**SECTIONS), BLOCKS))

    def total(volume_m3: jax.Array) -> jax.Array:
        return simulate(experiment.with_crystal(replace(experiment.crystal, volume_m3=volume_m3))).sum()

    volume = jnp.asarray(experiment.crystal.volume_m3)
    slope = float(jax.grad(total)(volume))
    assert slope == pytest.approx(float((total(2 * volume) - total(volume)) / volume), rel=1e-10)


def test_the_number_of_blocks_is_told() -> None:
    resolved = resolve(with_blocks(small_config(**SECTIONS), BLOCKS))
    assert resolved.notes["derived.mosaic_blocks"][0] == pytest.approx(BLOCKS)


def test_a_crystal_below_one_block_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"crystal\.volume_um3: got .* less than .* one block .* give fewer cells"):
        resolve(with_blocks(small_config(**SECTIONS), 0.5))


def test_sizes_beside_cells_are_named() -> None:
    sizes = {f"size_{axis}_mm": 1e-5 for axis in "abc"}
    assert any("crystal.volume_um3" in sentence for sentence in resolve(small_config(crystal={**sizes})).warnings)
