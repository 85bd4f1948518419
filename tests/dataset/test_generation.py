"""Endless batches hold the images and labels of a dataset of the same recipe."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from datasets import full_recipe, recipe

import nbjax.dataset
from nbjax.dataset.section import Draw
from nbjax.errors import ConfigError, UsageError


def test_batches_are_those_of_the_files(full: Path) -> None:
    images = nbjax.dataset.open(full)
    with jax.enable_x64(True):
        batches = list(islice(nbjax.dataset.generate(full_recipe(), 3, most_spots=10), 2))
    for k, batch in enumerate(batches):
        pixels, truth = images[3 * k : 3 * k + 3]
        assert all(isinstance(values, jax.Array) for values in batch.values())
        np.testing.assert_array_equal(batch["pixels"], pixels)
        whole = {name for name in truth if not name.startswith("spots.")} - {"sha256", "labels_sha256"}
        assert {name for name in batch if not name.startswith("spots.")} == whole | {"pixels"}
        for name in whole:
            np.testing.assert_array_equal(batch[name], truth[name])
        for row in range(3):
            order = np.argsort(-images[3 * k + row][1]["spots.intensity"])[:10]
            present = np.asarray(batch["spots.present"][row])
            assert present.sum() == len(order)
            for name in ("intensity", "miller_index", "centroid", "lattice"):
                wanted = images[3 * k + row][1][f"spots.{name}"][order]
                np.testing.assert_array_equal(batch[f"spots.{name}"][row][present], wanted)
                assert not np.asarray(batch[f"spots.{name}"][row])[~present].any()


def test_hosts_share_the_images_out_and_training_goes_on() -> None:
    made = recipe(noise=False, pixels="float32")
    numbers = [
        [batch["image"].tolist() for batch in islice(nbjax.dataset.generate(made, 2, host=host, hosts=2), 2)]
        for host in range(2)
    ]
    assert numbers == [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
    later = next(nbjax.dataset.generate(made, 2, host=1, hosts=2, first_batch=1, workers=1))
    assert later["image"].tolist() == [6, 7]


def test_a_seed_makes_the_images_and_step_n_is_step_n() -> None:
    made = recipe(noise=False, pixels="float32")

    def pixels(**options: Any) -> list[np.ndarray]:
        return [np.asarray(batch["pixels"]) for batch in islice(nbjax.dataset.generate(made, 2, **options), 3)]

    own, again, other = pixels(), pixels(seed=made.dataset.seed, workers=1), pixels(seed=made.dataset.seed + 1)
    np.testing.assert_array_equal(own, again)
    assert all((mine != theirs).any() for mine, theirs in zip(own, other, strict=True))
    np.testing.assert_array_equal(pixels(first_batch=2)[0], own[2])
    with pytest.raises(UsageError, match="seed: got -1, must be at least 0"):
        pixels(seed=-1)


def test_batches_lie_as_they_are_told() -> None:
    sharding = jax.sharding.NamedSharding(jax.make_mesh((2,), ("images",)), jax.sharding.PartitionSpec("images"))
    batch = next(nbjax.dataset.generate(recipe(), 2, sharding=sharding))
    assert batch["pixels"].sharding.is_equivalent_to(sharding, 3)
    assert batch["image"].tolist() == [0, 1]


def test_what_cannot_go_on_for_ever_is_refused() -> None:
    draw = Draw(("crystal.mosaic_spread_deg",), "normal", mean=0.3, sigma=0.1)
    wanted = r"crystal\.mosaic_spread_deg: may become -0\.5\d* to 1\.1\d*, must be 0 to 180, or cut the distribution"
    with pytest.raises(ConfigError, match=wanted):
        nbjax.dataset.generate(recipe(draws=(draw,)), 2)
    for options, problem in (
        ({"batch_size": 0}, "batch_size: got 0, must be at least 1"),
        ({"host": 2, "hosts": 2}, "host: got 2 of 2, must be less"),
        ({"first_batch": -1}, "first_batch: got -1"),
        ({"workers": 0}, "workers: got 0"),
    ):
        with pytest.raises(UsageError, match=problem):
            nbjax.dataset.generate(recipe(), **{"batch_size": 2, **options})  # type: ignore[arg-type]
