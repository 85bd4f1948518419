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
    pixels: Literal["uint16", "uint32", "float32"] | None = None  # None: of the record, or "uint32"
    frames_per_shard: int | None = None  # None: by the number of images
    also: tuple[str, ...] | None = None  # files of single images beside the shards; None: see ``single_files``
    devices_share: Literal["images", "pixels"] = "images"
    draws: tuple[Draw, ...] = ()
    labels: Labels = field(default_factory=Labels)

    @property
    def drawn_keys(self) -> set[str]:
        """Every key that is drawn."""
        return {key for draw in self.draws for key in draw.keys}

    @property
    def draws_detector(self) -> bool:
        """Whether the detector stands elsewhere in each image."""
        return any(key.startswith("detector.") for key in self.drawn_keys)

    @property
    def single_files(self) -> tuple[str, ...]:
        """Formats of single images: those that were named, or NXmx where no program takes all images from one file."""
        if self.also is None:
            return ("nxmx",) if self.draws_detector else ()
        return self.also
