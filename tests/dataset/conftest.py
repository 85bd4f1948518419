"""Two datasets that are simulated once for all tests of a process."""

from __future__ import annotations

from pathlib import Path

import jax
import pytest
from datasets import full_recipe, rotation_recipe, written


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Master of seven stills in three shards, with two lattices, draws and labels."""
    with jax.enable_x64(True):
        return written(tmp_path_factory.mktemp("full") / "run", full_recipe())


@pytest.fixture(scope="session")
def rotation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Master of four images of a rotation series, without noise, with miniCBF and SMV files."""
    recipe = rotation_recipe(also=("cbf", "smv"), noise=False)
    with jax.enable_x64(True):
        return written(tmp_path_factory.mktemp("rotation") / "run", recipe, images=4)
