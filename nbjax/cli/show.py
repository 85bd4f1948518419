"""``nbjax show``: images of any kind as a picture with scale, rings and spots, or in a window."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbjax.cli import pictures
from nbjax.errors import UsageError

if TYPE_CHECKING:
    from nbjax.plot import Exposure, Marks, Zoom

_INDICES = 20


def add_parser(commands: Any) -> None:
    """Describe the command and its options."""
    parser = commands.add_parser(
        "show",
        help="a picture of images, with scale, rings of resolution and spots",
        description="Draw images of any kind that nbjax reads, side by side: with axes in pixels and mm, a colour bar, "
        "rings of resolution and the beam centre where a header or --config tells the geometry.",
    )
    parser.add_argument("files", metavar="FILE[#N]", nargs="+", help="images; after # the number of one, from 0")
    parser.add_argument("--out", metavar="FILE.{png,pdf}", help="the picture (default: the first name + .shown.png)")
    parser.add_argument("--window", action="store_true", help="show it on the screen instead of writing a file")
    parser.add_argument("--unit", choices=("counts", "photons"), help="of the numbers (default: as the file tells)")
    parser.add_argument("--rings", metavar="D,D...|none", help="d of rings in Angstrom (default: some round ones)")
    parser.add_argument("--spots", action="store_true", help="outline the spots that --config predicts")
    parser.add_argument(
        "--indices", type=int, nargs="?", const=_INDICES, default=0, metavar="N", help="h k l of the brightest N (20)"
    )
    parser.add_argument(
        "--zoom",
        action="append",
        default=[],
        metavar="N|H,K,L|FAST,SLOW",
        help="look closely at the brightest N spots, at a spot, or at a pixel; may be repeated",
    )
    pictures.add_options(parser)
    parser.set_defaults(run=show)


def show(arguments: argparse.Namespace) -> int:
    """Draw images; 0 on success.

    Raises:
        NbjaxError: a fault of the command line, of the configuration or of a file.
    """
    rings, out = _check(arguments)
    from nbjax.plot import Choices, page, read_exposure, save

    resolved = pictures.resolved_of(arguments)
    camera, wanted = pictures.camera_of(arguments, resolved), pictures.wanted_of(arguments, unit=arguments.unit)
    exposures = [read_exposure(name, camera, wanted) for name in arguments.files]
    spots = arguments.spots or arguments.indices or any(zoom.count(",") != 1 for zoom in arguments.zoom)
    marks = pictures.marks_of_config(resolved) if spots and resolved is not None else None
    zooms = tuple(zoom for word in arguments.zoom for zoom in _zooms(word, marks, exposures[0]))
    figure = page(
        exposures,
        Choices(
            scale=pictures.scale_of(arguments),
            colours=arguments.colours,
            rings=rings,
            marks=marks,
            indices=arguments.indices,
            zooms=zooms,
        ),
    )
    for exposure in exposures:
        _tell(exposure, rings)
    if arguments.window:
        _window(figure)
    else:
        save(figure, out, arguments.dpi)
        print(f"wrote {out}")
    return 0


def _check(arguments: argparse.Namespace) -> tuple[tuple[float, ...] | None, str]:
    """The rings, and the name of the picture.

    Raises:
        NbjaxError: an option that cannot be.
    """
    pictures.check_options(arguments)
    pictures.check_images(arguments.files)
    for word in arguments.zoom:
        parts = word.split(",")
        whole = all(part.strip().lstrip("-").isdigit() for part in parts)
        if len(parts) > 3 or not (whole or (len(parts) == 2 and all(map(_is_number, parts)))):
            raise UsageError(f"--zoom {word}: is no place; give a number of spots, H,K,L or FAST,SLOW")
        if len(parts) == 1 and not 1 <= int(word) <= 60:
            raise UsageError(f"--zoom {word}: is no number of spots that a page holds; give 1 to 60")
    needs = [name for name, given in (("--spots", arguments.spots), ("--indices", arguments.indices)) if given]
    needs += [f"--zoom {word}" for word in arguments.zoom if word.count(",") != 1]
    if needs and arguments.config is None:
        raise UsageError(f"{needs[0]}: needs predicted spots; give --config CONFIG.toml")
    if arguments.indices < 0:
        raise UsageError(f"--indices {arguments.indices}: is no number of spots; give one from 0")
    if arguments.window and arguments.out is not None:
        raise UsageError("--window: shows the picture, and --out writes it; give one of them")
    out = arguments.out or f"{Path(arguments.files[0].split('#')[0]).name}.shown.png"
    if not arguments.window:
        pictures.check_outputs(out, arguments.files)
    return _rings(arguments.rings), out


def _rings(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    if text == "none":
        return ()
    parts = text.split(",")
    if not all(map(_is_number, parts)) or min(map(float, parts)) <= 0:
        raise UsageError(f"--rings {text}: is no list of d in Angstrom; give numbers above 0 with commas, or none")
    return tuple(map(float, parts))


def _is_number(text: str) -> bool:
    from nbjax.cli.words import is_number

    return is_number(text)


def _zooms(word: str, marks: Marks | None, exposure: Exposure) -> list[Zoom]:
    """The places that one ``--zoom`` names."""
    from nbjax.plot import Zoom

    parts = word.split(",")
    if len(parts) == 2:
        fast, slow = map(float, parts)
        if exposure.values.ndim == 3:
            raise UsageError(f"--zoom {word}: names no panel, and the image has several; give a spot as H,K,L")
        slow_px, fast_px = exposure.values.shape
        if not (0 <= fast <= fast_px and 0 <= slow <= slow_px):
            raise UsageError(
                f"--zoom {word}: is outside of {fast_px} x {slow_px} pixels (fast x slow); give a pixel of it"
            )
        return [Zoom(0, (fast, slow), f"{fast:g}, {slow:g}")]
    assert marks is not None
    if len(parts) == 1:
        numbers = list(range(min(int(word), len(marks))))
    else:
        name = " ".join(str(int(part)) for part in parts)
        numbers = [number for number, each in enumerate(marks.names) if each == name]
        if not numbers:
            raise UsageError(f"--zoom {word}: is no predicted spot; nbjax predict lists them")
    return [
        Zoom(int(marks.panel[n]), (float(marks.centre[n, 0]), float(marks.centre[n, 1])), marks.names[n], n)
        for n in numbers
    ]


def _tell(exposure: Exposure, rings: tuple[float, ...] | None) -> None:
    import numpy as np

    for remark in exposure.remarks:
        print(f"nbjax: warning: {remark}", file=sys.stderr)
    values = exposure.values
    axes = "slow x fast" if values.ndim == 2 else "panel x slow x fast"
    size = " x ".join(map(str, values.shape))
    finite = values[np.isfinite(values)]
    largest = f"mean {finite.mean():.6g}, maximum {finite.max():.6g} {exposure.unit}" if finite.size else "no values"
    print(f"{exposure.name}: {size} pixels ({axes}), {largest}")
    if rings != () and (exposure.layout is None or exposure.layout.wavelength_A is None):
        what = "geometry" if exposure.layout is None else "wavelength"
        print(f"{exposure.name}: has no rings: tells no {what}; give --config CONFIG.toml")


def _window(figure: Any) -> None:
    """Show a figure until its window is closed.

    Raises:
        UsageError: there is no screen, or nothing to draw on it with.
    """
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    try:
        holder = plt.figure()
        # the canvas that only makes files is what is left where there is no screen
        usable = type(holder.canvas) is not FigureCanvasAgg
    except Exception:  # a toolkit raises whatever the lack of a screen provokes
        usable = False
    if not usable:
        raise UsageError("--window: there is no screen, or no toolkit of windows (PyQt, tkinter); give --out FILE.png")
    manager = holder.canvas.manager
    assert manager is not None
    manager.canvas.figure = figure
    figure.set_canvas(manager.canvas)
    plt.show()
