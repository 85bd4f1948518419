"""``nbjax trace``: every factor of single pixels, in a file and on the terminal."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from nbjax.cli.said import say_resolved
from nbjax.errors import ConfigError, Fault

if TYPE_CHECKING:
    from nbjax.resolve import Resolved
    from nbjax.tracing.document import TraceDocument

Pixels = tuple[tuple[int, ...], ...]
"""(slow, fast) of each pixel, or of several panels (panel, slow, fast)."""

_PANEL = {2: "", 3: ", after the number of its panel"}


def add_parser(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser("trace", help="every factor of single pixels")
    parser.add_argument("config", metavar="CONFIG.toml")
    parser.add_argument(
        "--pixel",
        nargs="+",
        type=int,
        action="append",
        required=True,
        metavar="N",
        help="SLOW FAST, or PANEL SLOW FAST, of a pixel to trace, counted from 0; may be repeated",
    )
    parser.add_argument("--samples", action="store_true", help="every layer, subpixel, source, phi step and domain too")
    parser.add_argument("--out", required=True, metavar="FILE.{json,h5,txt}", help="the trace")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    parser.add_argument("--parity", nargs="?", const="all", metavar="NAMES", help="reproduce the C program")
    parser.add_argument("--precision", choices=("double", "mixed", "single"), help="floating-point policy")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from nbjax.cli.configured import load_configured
    from nbjax.resolve import resolve

    config, sources = load_configured(arguments)
    resolved = resolve(config, sources)
    say_resolved(resolved)
    pixels = tuple(map(tuple, arguments.pixel))
    trace_to_file(resolved, pixels, arguments.samples, arguments.out, "--pixel")
    return 0


def check_traced(resolved: Resolved) -> None:
    """Make sure that there are samples to trace.

    Raises:
        ConfigError: the crystal is closed.
    """
    if resolved.crystal.model == "closed":
        from nbjax.pipeline.recording import CLOSED_HAS_NO_SAMPLES

        raise ConfigError([Fault("crystal.model", CLOSED_HAS_NO_SAMPLES)])


def check_pixels(resolved: Resolved, pixels: Pixels, option: str) -> None:
    """Make sure that every pixel is part of the image.

    Raises:
        ConfigError: one is outside the detector or the region of interest, masked, or named twice.
    """
    faults = []
    shape, (fast0, fast1, slow0, slow1) = resolved.detector.shape, resolved.detector.roi
    axes = ("slow", "fast") if len(shape) == 2 else ("panel", "slow", "fast")
    for pixel in pixels:
        shown = f"{' '.join(map(str, pixel))} ({' '.join(axes)})"
        if len(pixel) != len(axes):
            numbers = " ".join(map(str, pixel))
            faults.append(Fault(option, f"got {numbers}; name a pixel by {' and '.join(axes[-2:])}{_PANEL[len(axes)]}"))
            continue
        *_, slow, fast = pixel
        if not all(0 <= index < size for index, size in zip(pixel, shape, strict=True)):
            valid = [f"{axis} 0 to {size - 1}" for axis, size in zip(axes, shape, strict=True)]
            valid_words = f"{', '.join(valid[:-1])} and {valid[-1]}"
            faults.append(Fault(option, f"{shown} lies outside the image; give {valid_words}"))
        elif not (slow0 <= slow < slow1 and fast0 <= fast < fast1) and len(shape) == 2:
            window = f"slow {slow0} to {slow1 - 1}, fast {fast0} to {fast1 - 1}"
            faults.append(Fault(option, f"{shown} lies outside the region of interest, {window}; choose one inside"))
        elif resolved.mask is not None and not resolved.mask[pixel]:
            faults.append(Fault(option, f"{shown} is masked and has no value; choose another pixel"))
        if pixels.count(pixel) > 1:
            faults.append(Fault(option, f"{shown} is named twice; name it once"))
    if faults:
        raise ConfigError(list(dict.fromkeys(faults)))


def trace_to_file(resolved: Resolved, pixels: Pixels, samples: bool, path: str, option: str) -> None:
    """Trace pixels, write the file and print the product that each pixel is.

    Raises:
        ConfigError: a pixel is not part of the image, or the crystal is closed.
        FileError: the file cannot be written.
        NonFiniteError: a factor is NaN or infinite.
    """
    from nbjax.io.files import check_writable
    from nbjax.tracing.files import check_suffix, write_trace

    check_traced(resolved)
    check_pixels(resolved, pixels, option)
    check_suffix(path)
    check_writable(path)

    import jax

    from nbjax.pipeline.recording import trace
    from nbjax.preparation import prepare_resolved
    from nbjax.tracing.factors import trace_document

    with jax.enable_x64(True):
        experiment = prepare_resolved(resolved)
        document = trace_document(experiment, trace(experiment, pixels, samples))
    write_trace(path, document)
    for line in product_lines(document):
        print(line)
    print(f"wrote {path}: {len(pixels)} pixel{'s' if len(pixels) > 1 else ''}{', every sample' if samples else ''}")


def product_lines(document: TraceDocument) -> list[str]:
    """A line for each pixel: its photons as the product of their factors."""
    lines = []
    for pixel in document.pixels:
        v = pixel.values
        factors = [
            f"r_e^2 {v['r_e_sqr_m2']:.9g} m^2",
            f"fluence {v['fluence_photons_per_m2']:.9g} /m^2",
            f"I_before_scaling {v['I_before_scaling']:.9g} / {v['steps']:.0f} steps",
        ]
        for name, key, flag in (
            ("capture", "capture_fraction", "oversample_thick"),
            ("polarization", "polarization", "oversample_polar"),
            ("solid angle", "omega_pixel_sr", "oversample_omega"),
        ):
            if not v[flag]:
                factors.append(f"{name} {v[key]:.9g}")
        photons = f"{v['I_pixel_photons']:.9g} photons"
        panel = "" if pixel.panel is None else f"panel {pixel.panel}, "
        lines.append(f"{panel}slow {pixel.slow}, fast {pixel.fast}: {photons} = {' * '.join(factors)}")
    return lines
