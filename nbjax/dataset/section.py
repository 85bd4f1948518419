"""The ``[dataset]`` section: what a user may say about a series of images.

Units are part of the key names, as in ``nbjax.config.tree``; ``None`` is "not said".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Distribution = Literal["normal", "uniform", "lognormal", "categorical", "column"]


@dataclass(frozen=True)
class Draw:
    """One number that is drawn anew for every image, or for every lattice where it belongs to the crystal.

    Attributes:
        keys: configuration keys that get the number, as ``beam.wavelength_A`` or ``crystal.cell_A.0``.
        distribution: how it is drawn; the fields that follow are its own.
        relative: the number multiplies the configuration's own value instead of replacing it.
    """

    keys: tuple[str, ...]
    distribution: Distribution
    mean: float | None = None
    sigma: float | None = None  # standard deviation; of the logarithm under "lognormal"
    low: float | None = None  # cuts "normal" and "lognormal"
    high: float | None = None
    median: float | None = None
    values: tuple[float, ...] | None = None
    weights: tuple[float, ...] | None = None  # of the values; None: equal
    file: str | None = None  # text, a line for each image
    column: int | None = None  # counted from 0
    relative: bool = False


@dataclass(frozen=True)
class Labels:
    """What is written beside the pixels for training: each a switch."""

    noise_free: bool = False
    spots: bool = False
    miller_index: bool = False
    lattice: bool = False
    background: bool = False


@dataclass(frozen=True)
class DatasetSection:
    """A series of images: its geometry, its distributions and its files."""

    kind: Literal["stills", "rotation"] = "stills"
    seed: int = 1
    start_deg: float | None = None  # rotation only
    width_deg: float | None = None
    phi_steps: int | None = None
    orientation: Literal["uniform", "config"] | None = None  # None: uniform for stills
    matrices_file: str | None = None
    lattices: int = 1
    lattice_weights: tuple[float, ...] | None = None  # of 0, 1 ... lattices an image; None: always all
    noise: bool = True
    pixels: Literal["uint16", "uint32", "float32"] = "uint32"
    frames_per_shard: int = 100
    also: tuple[str, ...] = ()  # files of single images beside the NXmx shards
    devices_share: Literal["images", "pixels"] = "images"
    draws: tuple[Draw, ...] = ()
    labels: Labels = field(default_factory=Labels)
