"""``nbjax predict``: the spots of a configuration without its image, or around them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from nbjax.cli.said import say_resolved
from nbjax.errors import UsageError

if TYPE_CHECKING:
    from nbjax.experiment import Experiment
    from nbjax.pipeline.spots.table import Spots
    from nbjax.resolve import Resolved

_ENDINGS = (".csv", ".h5", ".png")
_SHOWN = 10
_FAINTEST = 1e-3
"""Photons of a spot that a picture marks, over those of the brightest."""


def add_parser(commands: Any) -> None:
    """Describe the command and its options."""
    parser = commands.add_parser(
        "predict",
        help="the spots of a configuration: where, how large and how bright",
        description="Predict the spots of a configuration. Without --out, a summary and the strongest ten.",
    )
    parser.add_argument("config", metavar="CONFIG.toml")
    parser.add_argument(
        "--out",
        metavar="FILE.{csv,h5,png}",
        help="all spots as text or with the columns of a reflection table, or the image with an outline around each",
    )
    parser.add_argument("--annotate", action="store_true", help="axes, colour bar and rings on a picture")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    parser.add_argument("--parity", nargs="?", const="all", metavar="NAMES", help="reproduce the C program")
    parser.add_argument("--precision", choices=("double", "mixed", "single"), help="floating-point policy")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Predict, and write the file; 0 on success.

    Raises:
        NbjaxError: a fault of the command line, of the configuration or of a file.
    """
    out = arguments.out
    if out is not None and not out.lower().endswith(_ENDINGS):
        raise UsageError(f"--out {out}: is no name of a file of spots; give one that ends in {', '.join(_ENDINGS)}")
    if arguments.annotate and not (out or "").lower().endswith(".png"):
        raise UsageError("--annotate: is for a picture; give --out FILE.png")
    from nbjax.cli.configured import load_configured
    from nbjax.io.files import check_writable

    if out is not None:
        check_writable(out)
    config, sources = load_configured(arguments)

    import jax

    from nbjax.pipeline.spots.prediction import predict
    from nbjax.preparation import prepare_resolved
    from nbjax.resolve import resolve

    with jax.enable_x64(True):
        resolved = resolve(config, sources)
        say_resolved(resolved)
        experiment = prepare_resolved(resolved, counted=False)
        crystals: list[Spots] = [
            jax.tree.map(np.asarray, predict(experiment, number)) for number in range(len(experiment.crystals))
        ]
        if out is not None:
            _write(out, resolved, experiment, crystals, arguments.annotate)
    for number, spots in enumerate(crystals):
        name = f"crystal {number}: " if len(crystals) > 1 else ""
        first, *others = summary(spots, listed=out is None)
        print(name + first, *others, sep="\n")
    if out is not None:
        print(f"wrote {out}")
    return 0


def _write(out: str, resolved: Resolved, experiment: Experiment, crystals: list[Spots], annotate: bool) -> None:
    from nbjax.exchange.spot_table import write_csv, write_hdf5

    if out.lower().endswith(".csv"):
        write_csv(out, crystals)
    elif out.lower().endswith(".h5"):
        write_hdf5(out, experiment, crystals)
    else:
        from nbjax.cli.pictures import write_annotated
        from nbjax.exchange.spot_picture import outlines
        from nbjax.io.png import write_png
        from nbjax.pipeline.closed.survey import with_capacity
        from nbjax.pipeline.render import render
        from nbjax.preparation.picture import picture_of

        image = render(with_capacity(experiment))
        if annotate:
            write_annotated(out, resolved, image, spots=True)
            return
        brightest = max(float(np.max(spots.photons, initial=0.0)) for spots in crystals)
        marks = np.sum([outlines(_bright(spots, brightest), image.shape) for spots in crystals], axis=0)
        write_png(out, picture_of(resolved, image), np.nan_to_num(picture_of(resolved, marks.astype(float))) > 0)


def _bright(spots: Spots, brightest: float) -> Spots:
    """Those that a picture shows."""
    import jax

    bright = np.flatnonzero(spots.photons > _FAINTEST * brightest)
    rows: Spots = jax.tree.map(lambda leaf: leaf[bright] if leaf.ndim else leaf, spots)
    return rows


def summary(spots: Spots, listed: bool) -> list[str]:
    """How many spots there are and how many photons they have; and the strongest, by line.

    Args:
        spots: as many rows as there are spots, of numbers.
        listed: whether the strongest are told.
    """
    count = len(spots)
    if not count:
        return ["no spots: no reflection with an amplitude reaches a panel"]
    spacing_A = np.asarray(spots.spacing_m) * 1e10
    lines = [
        f"{count} spot{'s' if count > 1 else ''}, d from {spacing_A.max():.4g} to {spacing_A.min():.4g} A, "
        f"{np.asarray(spots.photons).sum():.6g} photons in all"
    ]
    if not listed:
        return lines
    several = np.asarray(spots.panel).any()
    lines.append(
        f"{'h':>5} {'k':>4} {'l':>4} {'panel ' if several else ''}{'fast_px':>9} {'slow_px':>9} {'angle_deg':>10} "
        f"{'d_A':>7} {'partiality':>10} {'photons':>11}"
    )
    for row in np.argsort(-np.asarray(spots.photons), kind="stable")[:_SHOWN]:
        h, k, l = spots.miller_index[row]  # noqa: E741
        panel = f"{spots.panel[row]:5d} " if several else ""
        fast, slow = spots.centre[row]
        lines.append(
            f"{h:5d} {k:4d} {l:4d} {panel}{fast:9.2f} {slow:9.2f} {np.degrees(spots.angle_rad[row]):10.4f} "
            f"{spacing_A[row]:7.3f} {spots.partiality[row]:10.4f} {spots.photons[row]:11.5g}"
        )
    return lines
