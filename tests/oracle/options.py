"""The option lines of the reference program, read into SI values.

Options are matched the way the reference matches them (substrings, exact lengths, one token acting as several
options); the entries `misset_seed_option` and `twotheta_axis_option` of the parity set keep the unintended matches,
and `curved_det_last` ignores the flag at the end of the line.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

Parity = frozenset[str]
Row = tuple[tuple[str, ...], int | None, int, Callable[["Options", list[str]], None]]

RTD = 180.0 * 0.31830988618379067154
BEAM, SAMPLE = "beam", "sample"
NAMED_PIVOT = {"mosflm": BEAM, "xds": SAMPLE, "adxv": BEAM, "denzo": BEAM, "dials": BEAM}


@dataclass
class Options:
    """What an option line says: lengths in metres, angles in radians, cell lengths in Angstrom; None: not given."""

    folder: Path = Path()
    n_cells: list[float] = field(default_factory=lambda: [1.0, 1.0, 1.0])
    cell: list[float] | None = None
    mat: str | None = None
    hkl: str | None = None
    default_F: float = 0.0
    misset: tuple[float, float, float] | None = None
    misset_random: bool = False
    misset_seed: int = 1
    sample: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    lambda0: float = 1.0e-10
    fluence: float = 125932015286227086360700780544.0
    flux: float = 0.0
    exposure: float = 1.0
    beamsize: float = 1e-4
    pixel_size: float = 0.1e-3
    fpixels: int = 0
    spixels: int = 0
    detsize_f: float = 102.4e-3
    detsize_s: float = 102.4e-3
    distance: float = 100.0e-3
    close_distance: float | None = None
    Xbeam: float | None = None
    Ybeam: float | None = None
    Xclose: float | None = None
    Yclose: float | None = None
    ORGX: float | None = None
    ORGY: float | None = None
    convention: str = "mosflm"
    pivot: str = BEAM
    vectors: dict[str, list[float]] = field(default_factory=dict)
    rotx: float = 0.0
    roty: float = 0.0
    rotz: float = 0.0
    twotheta: float = 0.0
    curved: bool = False
    point_pixel: bool = False
    thick: float = 0.0
    thicksteps: int = -1
    mu: float = -1.0
    polarization: float = 0.0
    nopolar: bool = False
    captures_nothing: bool = False
    oversample: int = -1
    oversampled: set[str] = field(default_factory=set)
    roi: list[int] = field(default_factory=lambda: [-1, -1, -1, -1])
    mosaic_spread: float = -1.0
    mosaic_domains: int = -1
    mosaic_seed: int = -12345678
    dispersion: float = 0.0
    dispsteps: int = -1
    hdivrange: float = -1.0
    hdivstep: float = -1.0
    hdivsteps: int = -1
    vdivrange: float = -1.0
    vdivstep: float = -1.0
    vdivsteps: int = -1
    round_div: bool = True
    sourcefile: str | None = None
    phi0: float = 0.0
    osc: float = -1.0
    phistep: float = -1.0
    phisteps: int = -1
    dmin: float = 0.0
    interpolate: bool | None = None
    shape: str = "square"
    fudge: float = 1.0
    water: float = 0.0
    seed: int = -1
    adc: float = 40.0
    mask: np.ndarray | None = None


def atof(text: str) -> float:
    """The leading number of a text, 0 where there is none."""
    match = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text)
    return float(match.group(0)) if match else 0.0


def atoi(text: str) -> int:
    """The leading integer of a text, 0 where there is none."""
    match = re.match(r"\s*[-+]?\d+", text)
    return int(match.group(0)) if match else 0


def _put(*names: str, value: Callable[[str], object]) -> Callable[[Options, list[str]], None]:
    def apply(options: Options, rest: list[str]) -> None:
        for name in names:
            setattr(options, name, value(rest[0]))

    return apply


def _const(**values: object) -> Callable[[Options, list[str]], None]:
    def apply(options: Options, rest: list[str]) -> None:
        for name, value in values.items():
            setattr(options, name, value)

    return apply


def _pivoting(name: str, value: Callable[[str], object], pivot: str) -> Callable[[Options, list[str]], None]:
    def apply(options: Options, rest: list[str]) -> None:
        setattr(options, name, value(rest[0]))
        options.pivot = pivot

    return apply


def _vector(name: str) -> Callable[[Options, list[str]], None]:
    def apply(options: Options, rest: list[str]) -> None:
        options.convention = "custom"
        options.vectors[name] = [atof(text) for text in rest[:3]]

    return apply


def _element(name: str, index: tuple[int, ...], value: Callable[[str], float]) -> Callable[[Options, list[str]], None]:
    def apply(options: Options, rest: list[str]) -> None:
        for i in index:
            getattr(options, name)[i] = value(rest[0])

    return apply


def _cell(options: Options, rest: list[str]) -> None:
    given: list[float] = []
    for text in rest[:6]:
        if text.startswith("-"):
            break
        given.append(atof(text))
    options.cell = given[:3] + [angle / RTD for angle in given[3:]]
    options.cell += [0.0] * (6 - len(options.cell))


def _misset(options: Options, rest: list[str]) -> None:
    if "rand" in rest[0]:
        options.misset_random = True
    elif len(rest) >= 3:
        options.misset_random = False
        options.misset = tuple(atof(text) / RTD for text in rest[:3])


def _absorption(options: Options, rest: list[str]) -> None:
    if "inf" in rest[0] or atof(rest[0]) == 0.0:
        options.thick, options.mu = 0.0, 0.0
    else:
        options.mu = 1.0 / (atof(rest[0]) * 1e-6)


def _pivot(options: Options, rest: list[str]) -> None:
    for name in (SAMPLE, BEAM):
        if name in rest[0]:
            options.pivot = name


def _oversampled(name: str) -> Callable[[Options, list[str]], None]:
    return lambda options, rest: options.oversampled.add(name)


def _roi(options: Options, rest: list[str]) -> None:
    options.roi = [atoi(text) for text in rest[:4]]


def _mm(text: str) -> float:
    return atof(text) / 1000.0


def _deg(text: str) -> float:
    return atof(text) / RTD


# (needles, exact length of the token or None, values needed, action), in the reference's order
LAST: list[Row] = [  # nothing after these is tried for the same token
    (("-Na",), None, 1, _element("n_cells", (0,), atoi)),
    (("-Nb",), None, 1, _element("n_cells", (1,), atoi)),
    (("-Nc",), None, 1, _element("n_cells", (2,), atoi)),
    (("-N",), 2, 1, _element("n_cells", (0, 1, 2), atoi)),
    (("-oversample_thick",), None, 0, _oversampled("thick")),
    (("-oversample_polar",), None, 0, _oversampled("polar")),
    (("-oversample_omega",), None, 0, _oversampled("omega")),
]
ROWS: list[Row] = [
    (("-cell",), None, 1, _cell),
    (("-misset",), None, 1, _misset),
    (("-samplesize", "-sample_size", "-xtalsize", "-xtal_size"), None, 1, _element("sample", (0, 1, 2), _mm)),
    (("-sample_thick", "-sample_x", "-xtal_thick", "-xtal_x"), None, 1, _element("sample", (0,), _mm)),
    (("-sample_width", "-sample_y", "-width", "-xtal_width", "-xtal_y"), None, 1, _element("sample", (1,), _mm)),
    (("-sample_heigh", "-sample_z", "-heigh", "-xtal_heigh", "-xtal_z"), None, 1, _element("sample", (2,), _mm)),
    (("-Xbeam",), None, 1, _pivoting("Xbeam", _mm, BEAM)),
    (("-Ybeam",), None, 1, _pivoting("Ybeam", _mm, BEAM)),
    (("-Xclose",), None, 1, _pivoting("Xclose", _mm, SAMPLE)),
    (("-Yclose",), None, 1, _pivoting("Yclose", _mm, SAMPLE)),
    (("-ORGX",), None, 1, _pivoting("ORGX", atof, SAMPLE)),
    (("-ORGY",), None, 1, _pivoting("ORGY", atof, SAMPLE)),
    (("-pivot",), None, 1, _pivot),
    *[((f"-{name}",), None, 0, _const(convention=name, pivot=pivot)) for name, pivot in NAMED_PIVOT.items()],
    (("-fdet_vector",), None, 3, _vector("fast")),
    (("-sdet_vector",), None, 3, _vector("slow")),
    (("-odet_vector",), None, 3, _vector("normal")),
    (("-beam_vector",), None, 3, _vector("beam")),
    (("-polar_vector",), None, 3, _vector("polar")),
    (("-spindle_axis",), None, 3, _vector("spindle")),
    (("-twotheta_axis",), None, 3, _vector("twotheta_axis")),
    (("-pix0_vector",), None, 3, _vector("pix0")),
    (("-distance",), None, 1, _pivoting("distance", _mm, BEAM)),
    (("-close_distance",), None, 1, _pivoting("close_distance", _mm, SAMPLE)),
    (("-detector_abs",), None, 1, _absorption),
    (("-detector_thick",), 15, 1, _put("thick", value=lambda text: atof(text) * 1e-6)),
    (("-detector_thicksteps", "-thicksteps"), None, 1, _put("thicksteps", value=atoi)),
    (("-twotheta",), None, 1, _pivoting("twotheta", _deg, SAMPLE)),
    (("-detector_rotx",), None, 1, _put("rotx", value=_deg)),
    (("-detector_roty",), None, 1, _put("roty", value=_deg)),
    (("-detector_rotz",), None, 1, _put("rotz", value=_deg)),
    (("-detsize",), 8, 1, _put("detsize_f", "detsize_s", value=_mm)),
    (("-detsize_f",), None, 1, _put("detsize_f", value=_mm)),
    (("-detsize_s",), None, 1, _put("detsize_s", value=_mm)),
    (("-detpixels",), 10, 1, _put("fpixels", "spixels", value=atoi)),
    (("-detpixels_f", "-detpixels_x"), None, 1, _put("fpixels", value=atoi)),
    (("-detpixels_s", "-detpixels_y"), None, 1, _put("spixels", value=atoi)),
    (("-curved_det",), None, 0, _const(curved=True)),
    (("-pixel",), None, 1, _put("pixel_size", value=_mm)),
    (("-point_pixel",), None, 0, _const(point_pixel=True)),
    (("-polar",), 6, 1, lambda o, rest: _const(polarization=atof(rest[0]), nopolar=False)(o, rest)),
    (("-nopolar",), None, 0, _const(nopolar=True)),
    (("-oversample",), None, 1, _put("oversample", value=atoi)),
    (("-roi",), None, 4, _roi),
    (("-lambda", "-wave"), None, 1, _put("lambda0", value=lambda text: atof(text) / 1.0e10)),
    (("-energy",), None, 1, _put("lambda0", value=lambda text: (12398.42 / atof(text)) / 1.0e10)),
    (("-fluence",), None, 1, _put("fluence", value=atof)),
    (("-flux",), None, 1, _put("flux", value=atof)),
    (("-exposure",), None, 1, _put("exposure", value=atof)),
    (("-beamsize",), None, 1, _put("beamsize", value=_mm)),
    (("-mosaic",), 7, 1, _put("mosaic_spread", value=_deg)),
    (("-mosaici", "-mosaic_spr"), None, 1, _put("mosaic_spread", value=_deg)),
    (("-mosaic_dom",), None, 1, _put("mosaic_domains", value=atoi)),
    (("-dispersion",), None, 1, _put("dispersion", value=lambda text: atof(text) / 100.0)),
    (("-dispsteps",), None, 1, _put("dispsteps", value=atoi)),
    (("-divergence",), None, 1, _put("hdivrange", "vdivrange", value=_mm)),
    (("-hdivrange",), None, 1, _put("hdivrange", value=_mm)),
    (("-vdivrange",), None, 1, _put("vdivrange", value=_mm)),
    (("-hdivstep",), 9, 1, _put("hdivstep", value=_mm)),
    (("-hdivsteps",), None, 1, _put("hdivsteps", value=atoi)),
    (("-vdivstep",), 9, 1, _put("vdivstep", value=_mm)),
    (("-vdivsteps",), None, 1, _put("vdivsteps", value=atoi)),
    (("-divsteps",), None, 1, _put("hdivsteps", "vdivsteps", value=atoi)),
    (("-round_div",), None, 0, _const(round_div=True)),
    (("-square_div",), None, 0, _const(round_div=False)),
    (("-adc",), None, 1, _put("adc", value=atof)),
    (("-phi",), 4, 1, _put("phi0", value=_deg)),
    (("-osc",), None, 1, _put("osc", value=_deg)),
    (("-phistep",), 8, 1, _put("phistep", value=_deg)),
    (("-phisteps",), None, 1, _put("phisteps", value=atoi)),
    (("-dmin",), None, 1, _put("dmin", value=lambda text: atof(text) * 1e-10)),
    (("-mat",), None, 1, _put("mat", value=str)),
    (("-hkl",), None, 1, _put("hkl", value=str)),
    (("-default_F",), None, 1, _put("default_F", value=atof)),
    (("-sourcefile",), None, 1, _put("sourcefile", value=str)),
    (("-interpolate",), None, 0, _const(interpolate=True)),
    (("-nointerpolate",), None, 0, _const(interpolate=False)),
    (("-round_xtal",), None, 0, _const(shape="round")),
    (("-square_xtal",), None, 0, _const(shape="square")),
    (("-gauss_xtal",), None, 0, _const(shape="gauss")),
    (("-binary_spots", "-tophat_spots"), None, 0, _const(shape="tophat")),
    (("-fudge",), None, 1, _put("fudge", value=atof)),
    (("-seed",), None, 1, _put("seed", value=lambda text: -atoi(text))),
    (("-mosaic_seed",), None, 1, _put("mosaic_seed", value=lambda text: -atoi(text))),
    (("-misset_seed",), None, 1, _put("misset_seed", value=lambda text: -atoi(text))),
    (("-water",), None, 1, _put("water", value=lambda text: atof(text) / 1e6)),
]
UNINTENDED = {  # (needle of the row, needle that the token also holds): the entry that keeps the match
    ("-misset", "-misset_seed"): "misset_seed_option",
    ("-twotheta", "-twotheta_axis"): "twotheta_axis_option",
}


def _matches(row: Row, token: str, rest: list[str], parity: Parity) -> bool:
    needles, length, count, _ = row
    if len(rest) < count or (length is not None and len(token) != length):
        return False
    if not any(needle in token for needle in needles):
        return False
    if "-curved_det" in needles and not rest and "curved_det_last" in parity:
        return False
    kept = [entry in parity for (short, long), entry in UNINTENDED.items() if short in needles and long in token]
    return all(kept)


def _smv(path: Path) -> tuple[Callable[[str], float | None], np.ndarray]:
    raw = path.read_bytes()
    size = int(re.search(rb"HEADER_BYTES=\s*(\d+)", raw[:512]).group(1))
    text = raw[:size].split(b"\0")[0].decode("latin-1")

    def value(key: str) -> float | None:
        at = text.rfind(key)
        if at < 0:
            return None
        after = text[at + len(key) :].partition("=")[2]
        return atof(after)

    width, height = int(value("SIZE1")), int(value("SIZE2"))
    return value, np.frombuffer(raw, "<u2", width * height, size).reshape(height, width)


def _read_header(options: Options, path: Path, is_mask: bool, parity: Parity) -> None:
    """Camera parameters from an SMV header; in the reference a mask's BEAM_CENTER_Y counts from the far edge."""
    flipped = is_mask and "mask_beam_center" in parity
    value, image = _smv(path)
    options.spixels, options.fpixels = image.shape
    rows: list[tuple[str, str, Callable[[float], float]]] = [
        ("PIXEL_SIZE", "pixel_size", lambda x: x / 1000.0),
        ("DISTANCE", "distance", lambda x: x / 1000.0),
        ("CLOSE_DISTANCE", "close_distance", lambda x: x / 1000.0),
        ("WAVELENGTH", "lambda0", lambda x: x / 1e10),
        ("BEAM_CENTER_X", "Xbeam", lambda x: x / 1000.0),
        (
            "BEAM_CENTER_Y",
            "Ybeam",
            lambda x: options.pixel_size * options.spixels - x / 1000.0 if flipped else x / 1000.0,
        ),
        ("ORGX", "ORGX", float),
        ("ORGY", "ORGY", float),
        ("PHI", "phi0", lambda x: x / RTD),
        ("OSC_RANGE", "osc", lambda x: x / RTD),
    ]
    if "header_twotheta" not in parity:
        rows.append(("TWOTHETA", "twotheta", lambda x: x / RTD))
    for key, name, convert in rows:
        found = value(key)
        if found is not None:
            setattr(options, name, convert(found))
    options.detsize_f = options.pixel_size * options.fpixels
    options.detsize_s = options.pixel_size * options.spixels
    if is_mask:
        options.mask = image


def parse(line: str, folder: Path, parity: Parity = frozenset()) -> Options:
    """Read an option line; file names are relative to `folder`."""
    options = Options(folder=folder)
    tokens = shlex.split(line)
    for flag, is_mask in (("-mask", True), ("-img", False)):
        names = [after for token, after in pairwise(tokens) if token.startswith("-") and flag in token]
        if names:
            _read_header(options, folder / names[-1], is_mask, parity)
    for i, token in enumerate(tokens):
        if not token.startswith("-"):
            continue
        rest = tokens[i + 1 :]
        last = next((row for row in LAST if _matches(row, token, rest, parity)), None)
        for row in [last] if last else ROWS:
            if _matches(row, token, rest, parity):
                row[3](options, rest)
    if "oversample_polar_always" in parity and "polar" in options.oversampled:
        options.nopolar = False
    options.captures_nothing = "oversample_thick_alone" in parity and "thick" in options.oversampled
    return options


def is_given(value: float | None) -> bool:
    """Whether an optional number was given."""
    return value is not None and not math.isnan(value)
