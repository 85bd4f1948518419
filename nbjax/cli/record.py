"""``nbjax record``: an image of photons as a detector records it."""

from __future__ import annotations

import argparse
from os.path import samefile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbjax.errors import ConfigError, Fault

if TYPE_CHECKING:
    from nbjax.config.tree import Config
    from nbjax.io.images import Recorded

_STAND_IN = {"crystal.cell_A": (100.0, 100.0, 100.0), "crystal.cell_deg": (90.0, 90.0, 90.0), "crystal.default_F": 1.0}
_OF_CELL = ("cell_A", "matrix_file", "orientation_file", "coordinates_file", "reflections_file")
_NXMX = (".h5", ".nxs")


def add_parser(commands: Any) -> None:
    """Describe the command and its options."""
    parser = commands.add_parser(
        "record",
        help="record an image of photons as a detector does",
        description="Put an image of expected photons through the stages of a configuration's record, and write what "
        "the detector would have written.",
    )
    parser.add_argument("image", metavar="IMAGE", help="photons: floats of any image format, bare ones too")
    parser.add_argument("config", metavar="CONFIG.toml", help="record, and the detector and beam that it is about")
    parser.add_argument("--out", required=True, metavar="FILE", help="ends in .img, .cbf, .h5, .nxs, .npy or .bin")
    parser.add_argument("--image", type=int, default=0, dest="index", metavar="N", help="of several, from 0")
    parser.add_argument("--dataset", metavar="PATH", help="of an HDF5 or .npz file")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="photons of 1 in the image (default: 1)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the record; 0 on success.

    Raises:
        NbjaxError: a fault of the command line or of a file.
    """
    from nbjax.cli.configured import load_configured
    from nbjax.io.files import check_writable

    check_writable(arguments.out)
    if Path(arguments.out).exists() and Path(arguments.image).exists() and samefile(arguments.out, arguments.image):
        problem = f"got {arguments.out!r}, which is the image that is to be recorded; give another name"
        raise ConfigError([Fault("--out", problem)])
    arguments.parity = arguments.precision = None
    config, sources = load_configured(arguments)

    import numpy as np

    from nbjax.cli.recording import check_record_format, record_image, write_record
    from nbjax.cli.said import say_resolved
    from nbjax.preparation.record import recording
    from nbjax.resolve import resolve

    if not np.isfinite(arguments.scale) or arguments.scale <= 0:
        raise ConfigError([Fault("--scale", f"got {arguments.scale:g}; give photons of 1 in the image, above zero")])
    config = _with_crystal(config, arguments.out)
    resolved = resolve(config, sources)
    image = _image(arguments, config, resolved)
    if config.detector.file is None and _pixels_open(config):
        config = _sized(config, image)
        resolved = resolve(config, sources)
    _check_shape(image, resolved.detector.shape)
    how = recording(resolved)
    check_record_format("--out", arguments.out, resolved, how)
    say_resolved(resolved)
    photons = image.photons() * arguments.scale
    if not np.isfinite(photons).any():
        raise ConfigError([Fault("IMAGE", f"{image} has no pixel with a value; give one that has photons")])
    if np.nanmin(photons, initial=0.0) < 0:
        raise ConfigError([Fault("IMAGE", f"{image} has numbers below zero, and photons are wanted; mask them")])
    pixels = record_image(resolved, how, photons, arguments.index or None)
    print(f"wrote {write_record(arguments.out, resolved, how, pixels)}")
    return 0


def _with_crystal(config: Config, out: str) -> Config:
    """A crystal where the configuration has none: only NXmx files say one."""
    from nbjax.config.edit import with_values

    if any(getattr(config.crystal, name) is not None for name in _OF_CELL):
        return config
    if out.lower().endswith(_NXMX):
        problem = "is missing, and NXmx files have one; give it, or another ending to --out"
        raise ConfigError([Fault("crystal.cell_A", problem)])
    return with_values(config, _STAND_IN)


def _pixels_open(config: Config) -> bool:
    d = config.detector
    given = (d.model, d.pixels_fast, d.pixels_slow, d.size_fast_mm, d.size_slow_mm, d.header_file)
    return all(value is None for value in given)


def _image(arguments: argparse.Namespace, config: Config, resolved: Any) -> Recorded:
    from nbjax.io.images import panel_images, read_images

    d, wanted = resolved.detector, [arguments.index]
    if len(d.panels) > 1:
        return panel_images(arguments.image, d.panels, arguments.dataset, wanted)[0]
    return read_images(arguments.image, arguments.dataset, wanted, (d.pixels_slow, d.pixels_fast))[0]


def _sized(config: Config, image: Recorded) -> Config:
    from nbjax.config.edit import with_values

    slow, fast = image.shape[-2:]
    return with_values(config, {"detector.pixels_slow": slow, "detector.pixels_fast": fast})


def _check_shape(image: Recorded, shape: tuple[int, ...]) -> None:
    from nbjax.io.images import other_size

    if image.shape != shape:
        raise ConfigError([Fault("IMAGE", f"{image} {other_size(image.shape, shape, 'the detector')}")])
