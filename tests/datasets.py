"""Small datasets that several tests share."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401
import numpy as np
from cases import small_config

from nbjax.dataset.batch import Batch
from nbjax.dataset.load import Recipe
from nbjax.dataset.run import Share
from nbjax.dataset.section import DatasetSection, Draw, Labels

LABELS = Labels(noise_free=True, spots=True, miller_index=True, lattice=True, background=True)
DRAWS = (
    Draw(("beam.wavelength_A",), "normal", mean=1.0, sigma=0.01, relative=True),
    Draw(("crystal.cells.0", "crystal.cells.1", "crystal.cells.2"), "uniform", low=5.0, high=9.0),
    Draw(("crystal.mosaic_spread_deg",), "lognormal", median=0.3, sigma=0.2),
    Draw(("detector.distance_mm",), "uniform", low=99.0, high=101.0),
)

PANELS: dict[str, dict[str, Any]] = {
    "mosflm": {"two_theta_deg": 30.0},
    "denzo": {"two_theta_deg": -20.0, "rotation_y_deg": 12.0, "origin_shift_mm": (1.0, -2.0, 3.0)},
    "adxv": {"two_theta_deg": 15.0, "rotation_x_deg": -7.0, "close_distance_mm": 60.0},
    "xds": {"two_theta_deg": 40.0, "rotation_z_deg": 20.0, "org_x_px": 3.0},
    "dials": {"two_theta_deg": 25.0, "close_distance_mm": 80.0, "rotation_x_deg": 5.0},
    "custom": {"two_theta_deg": 30.0, "pivot": "sample", "fast_axis": (0.0, 0.6, 0.8), "slow_axis": (0.0, -0.8, 0.6)},
}
"""A panel of each convention, turned or shifted, for pixels of ``PIXEL_MM``."""
PIXEL_MM = 0.9


def recipe(sections: dict[str, dict[str, Any]] | None = None, **dataset: Any) -> Recipe:
    """Stills of 24 x 20 pixels (slow x fast); all tests share their structure, and so their compiled program."""
    config = small_config(
        beam={"fluence_photons_per_m2": 1e26, "polarization": 0.9},
        crystal={"mosaic_spread_deg": 0.3, "water_um": 0.5},
        detector={"convention": "xds"},
        sampling={"mosaic_domains": 3, "oversample": 1, "phi_steps": 2},
    )
    config = small_config(
        beam={**vars(config.beam), **(sections or {}).get("beam", {})},
        crystal={**vars(config.crystal), "phi_range_deg": 0.5, **(sections or {}).get("crystal", {})},
        detector={**vars(config.detector), **(sections or {}).get("detector", {})},
        sampling={**vars(config.sampling), **(sections or {}).get("sampling", {})},
    )
    return Recipe(config, DatasetSection(**{"frames_per_shard": 3, "phi_steps": None, **dataset}))


def full_recipe(**dataset: Any) -> Recipe:
    """Two lattices an image, every kind of draw and every label."""
    return recipe(**{"lattices": 2, "draws": DRAWS, "labels": LABELS, "pixels": "uint16", **dataset})


def rotation_recipe(**dataset: Any) -> Recipe:
    """A rotation series of the same crystal."""
    return recipe(**{"kind": "rotation", "start_deg": 10.0, "width_deg": 0.5, "phi_steps": 2, **dataset})


def written(folder: Path, recipe: Recipe, images: int = 7, workers: int = 2, **share: int) -> Path:
    """Master of a dataset, or a path that does not exist where shards are missing."""
    folder.mkdir(exist_ok=True)
    of_run = Share(folder, "small", images, recipe.dataset.frames_per_shard, **share)
    batch = Batch(recipe, of_run, workers)
    batch.check(resume=any(folder.iterdir()))
    return batch.run() or folder / "missing"


def contents(master: Path) -> dict[str, tuple[Any, ...]]:
    """Bytes, shapes and attributes of everything below the entry."""
    found: dict[str, tuple[Any, ...]] = {}

    def note(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            said = {key: np.asarray(value).tobytes() for key, value in node.attrs.items()}
            found[name] = (node.shape, node.dtype, hashlib.sha256(np.asarray(node[()]).tobytes()).hexdigest(), said)

    with h5py.File(master, "r") as file:
        file["entry"].visititems(note)
    return found


def shards(folder: Path) -> dict[str, str]:
    """Name -> checksum of every shard."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("small_0*.h5"))}
