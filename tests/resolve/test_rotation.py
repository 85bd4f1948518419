"""Steps of the spindle that no reflection slips through."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.resolve import resolve

# spots of 1 A / (1000 A sin 45 degrees) = 0.081 degrees at the corner of the panel
CONFIG = Config(
    beam=Beam(wavelength_A=1.0),
    crystal=Crystal(
        cell_A=(50.0, 40.0, 30.0), cell_deg=(90.0,) * 3, cells=(20, 20, 20), default_F=1.0, phi_range_deg=1.0
    ),
    detector=Detector(distance_mm=100 * math.sqrt(2), size_fast_mm=200.0, size_slow_mm=200.0, pixel_mm=2.0),
)
SPOT_DEG = math.degrees(1 / (1000 * math.sin(math.pi / 4)))


def with_(
    steps: int | None = None, limit_A: float | None = None, domains: int | None = None, **crystal: object
) -> Config:
    sampling = Sampling(phi_steps=steps, resolution_limit_A=limit_A, mosaic_domains=domains)
    return replace(CONFIG, crystal=replace(CONFIG.crystal, **crystal), sampling=sampling)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "width_deg"),
    [
        (CONFIG, SPOT_DEG),
        (with_(phi_range_deg=-1.0), SPOT_DEG),
        (with_(cells=(40, 10, 10)), SPOT_DEG / 2),
        # 2 sin(theta) = wavelength / limit at the limit
        (with_(limit_A=2.0), math.degrees(1e-3 / math.sin(2 * math.asin(0.25)))),
        (with_(mosaic_spread_deg=0.3, domains=10), SPOT_DEG),
        (with_(mosaic_spread_deg=0.3, domains=100), 2 * SPOT_DEG),
        (with_(mosaic_spread_deg=0.1, domains=1000), 0.1),
    ],
)
def test_a_range_alone_is_cut_into_widths_of_a_spot(config: Config, width_deg: float) -> None:
    resolved = resolve(config)
    count = math.ceil(1 / width_deg)
    assert (resolved.crystal.phi.count, abs(resolved.crystal.phi.step)) == (count, pytest.approx(1 / count))
    assert any(sentence.startswith(f"sampling.phi_steps = {count}, derived: spots") for sentence in resolved.remarks)
    assert not any("slip" in sentence for sentence in resolved.warnings)


def test_steps_a_spot_apart_record_every_reflection_alike() -> None:
    """The squared lattice factor of N cells, summed over steps of 1/N, does not depend on where they begin."""
    cells, offsets = 20, np.arange(8) / 8
    for spacing, spread in ((1 / cells, 0.0), (2 / cells, 1.0)):
        h = offsets[:, None] * spacing + spacing * np.arange(round(1 / spacing)) + 1e-9
        sums = ((np.sin(np.pi * cells * h) / np.sin(np.pi * h)) ** 2).sum(1)
        assert np.ptp(sums) / sums.mean() == pytest.approx(2 * spread, abs=1e-6)


@pytest.mark.parametrize(
    ("config", "lost"),
    [
        (with_(steps=12), False),
        (with_(steps=13), False),
        (with_(steps=4), True),
        (with_(steps=4, mosaic_spread_deg=0.3, domains=10), False),
        (with_(steps=2, mosaic_spread_deg=0.3, domains=10), True),
        (with_(steps=4, mosaic_spread_deg=0.3, domains=2), True),
        (replace(CONFIG, sampling=Sampling(phi_step_deg=0.5)), True),
        (replace(CONFIG, sampling=Sampling(phi_step_deg=0.05)), False),
    ],
)
def test_a_setting_that_loses_reflections_is_warned_of(config: Config, lost: bool) -> None:
    sentences = [sentence for sentence in resolve(config).warnings if "slip" in sentence]
    assert bool(sentences) == lost
    assert all("13 steps record all of them" in sentence for sentence in sentences)


def test_parity_takes_two_steps() -> None:
    resolved = resolve(replace(CONFIG, parity=("cell_setting",)))
    assert resolved.crystal.phi.count == 2
    assert resolved.remarks == ()
