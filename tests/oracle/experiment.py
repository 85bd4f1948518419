"""From options to the quantities of a run: detector, crystal, sources, step counts and structure factors (SI units)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .options import BEAM, SAMPLE, Options, Parity, is_given, parse
from .random import Ran1, cap_rotation, rotation_to_misset, uniform_rotation

MOSFLM = {
    "beam": (1, 0, 0),
    "fast": (0, 0, 1),
    "slow": (0, -1, 0),
    "normal": (1, 0, 0),
    "twotheta_axis": (0, 0, -1),
    "polar": (0, 0, 1),
    "spindle": (0, 0, 1),
}
ALONG_Z = {"beam": (0, 0, 1), "fast": (1, 0, 0), "slow": (0, 1, 0), "normal": (0, 0, 1)}
CONVENTIONS = {
    "mosflm": MOSFLM,
    "denzo": MOSFLM,
    "custom": MOSFLM | {"twotheta_axis": (0, 1, 0)},
    "adxv": ALONG_Z | {"slow": (0, -1, 0), "twotheta_axis": (-1, 0, 0), "polar": (1, 0, 0), "spindle": (1, 0, 0)},
    "xds": ALONG_Z | {"twotheta_axis": (1, 0, 0), "polar": (1, 0, 0), "spindle": (1, 0, 0)},
    "dials": ALONG_Z | {"twotheta_axis": (0, 1, 0), "polar": (0, 1, 0), "spindle": (0, 1, 0)},
}
FIXED_PIVOT = {"mosflm": BEAM, "denzo": BEAM, "adxv": BEAM, "xds": SAMPLE, "dials": SAMPLE}


@dataclass
class Detector:
    """A flat (or curved) panel: unit vectors, the first pixel's corner and the distances in metres."""

    fast: np.ndarray
    slow: np.ndarray
    normal: np.ndarray
    pix0: np.ndarray
    beam: np.ndarray
    close_distance: float
    distance: float
    fringe_distance: float
    pixel_size: float
    shape: tuple[int, int]
    depths: np.ndarray
    layer_step: float
    mu: float
    curved: str = ""


@dataclass
class Crystal:
    """Direct vectors as rows (metres), reciprocal vectors as rows (1/Angstrom), whole-cell counts."""

    direct: np.ndarray
    reciprocal: np.ndarray
    n_cells: np.ndarray


@dataclass
class Structure:
    """P1 amplitudes on inclusive index bounds; without a table every amplitude is `default`."""

    table: np.ndarray | None
    low: np.ndarray
    high: np.ndarray
    default: float


@dataclass
class Experiment:
    """Everything an image depends on."""

    options: Options
    detector: Detector
    crystal: Crystal
    structure: Structure
    interpolate: bool
    incident: np.ndarray
    lambdas: np.ndarray
    weights: np.ndarray
    phis: np.ndarray
    spindle: np.ndarray
    polar_axis: np.ndarray
    mosaic: np.ndarray
    oversample: int
    fluence: float
    pixels: np.ndarray


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector divided by its length (a zero vector stays)."""
    x, y, z = np.asarray(vector, float)
    length = math.sqrt(x * x + y * y + z * z)
    return np.array([x, y, z]) / (length if length else 1.0)


def about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rotation matrix about an axis by an angle in radians."""
    x, y, z = axis
    cos, sin = math.cos(angle), math.sin(angle)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return cos * np.eye(3) + (1.0 - cos) * np.outer(axis, axis) + sin * cross


def euler(rotx: float, roty: float, rotz: float) -> np.ndarray:
    """Rotation matrix about x, then y, then z, angles in radians."""
    return about(np.eye(3)[2], rotz) @ about(np.eye(3)[1], roty) @ about(np.eye(3)[0], rotx)


def steps(span: float, step: float, count: int, nominal: float) -> tuple[float, float, int]:
    """Range, step and count of a sweep from those that were given (the others negative)."""
    if count <= 0:
        if span < 0.0:
            span, step, count = (0.0, 0.0, 1) if step <= 0.0 else (step, step, 2)
        elif step <= 0.0:
            step, count = span, 2
        else:
            count = math.ceil(span / step)
    elif span < 0.0:
        span, step, count = (nominal, nominal / count, count) if step <= 0.0 else (step, step, 2)
    elif step <= 0.0:
        count = max(count, 2)
        step = span / (count - 1)
    return (0.0, 0.0, 1) if span <= 0.0 or step <= 0.0 or count <= 0 else (span, step, count)


def phi_values(options: Options, parity: Parity) -> np.ndarray:
    """The spindle angles of the run in radians."""
    osc, step, count = options.osc, options.phistep, options.phisteps
    if (
        "sentinel_values" not in parity
        and (osc, step) != (-1.0, -1.0)
        and min(osc, 0.0 if step == -1.0 else step) < 0.0
    ):
        mirrored = replace(options, phi0=-options.phi0, osc=-1.0 if osc == -1.0 else -osc, phistep=abs(step))
        if step == -1.0:
            mirrored = replace(mirrored, phistep=-1.0)
        return -phi_values(mirrored, parity)
    if count < 0:
        if osc < 0.0:
            step, count = (0.0, 1) if step <= 0.0 else (step, 2)
        elif step <= 0.0:
            step, count = osc / 2.0, 2
        else:
            count = math.ceil(osc / step)
    else:
        count = max(count, 1)
        if osc < 0.0:
            step, count = (math.radians(1.0) / count, count) if step <= 0.0 else (step, 2)
        elif step < 0.0:
            step = osc / count
    return np.array([options.phi0 + step * tic for tic in range(count)])


def layers(options: Options, parity: Parity) -> tuple[np.ndarray, float]:
    """Depths of the sensor layers' points and the thickness of one layer, in metres."""
    thick, count = options.thick, options.thicksteps
    if thick <= 0.0:
        return np.zeros(1), 0.0
    if "layer_step" in parity:
        if count <= 0:
            count, step = 2, thick / 2
        else:
            count = max(count, 2)
            step = thick / (count - 1)
        return step * np.arange(count), step
    count = count if count > 0 else 2
    return (np.arange(count) + 0.5) * thick / count, thick / count


def _beam_centre(options: Options, size_f: float, size_s: float, near: tuple[float, float]) -> tuple[float, float]:
    """Fbeam and Sbeam in metres by the convention's rules."""
    pixel, convention = options.pixel_size, options.convention
    x, y = options.Xbeam, options.Ybeam
    if convention == "adxv":
        x = x if is_given(x) else (size_f + pixel) / 2.0
        y = y if is_given(y) else (size_s - pixel) / 2.0
        return x, size_s - y
    if convention in ("mosflm", "denzo"):
        x = x if is_given(x) else (size_s + pixel) / 2.0
        y = y if is_given(y) else (size_f + pixel) / 2.0
        shift = 0.5 * pixel if convention == "mosflm" else 0.0
        return y + shift, x + shift
    x_close = options.Xclose if is_given(options.Xclose) else near[0]
    y_close = options.Yclose if is_given(options.Yclose) else near[1]
    return (x if is_given(x) else x_close), (y if is_given(y) else y_close)


def _axes(options: Options, parity: Parity) -> dict[str, np.ndarray]:
    """The unit vectors of the convention, before any rotation."""
    given = options.vectors if options.convention == "custom" else {}
    raw = {k: np.array(given.get(k, v), float) for k, v in CONVENTIONS[options.convention].items()}
    axes = {name: unit(vector) for name, vector in raw.items()}
    if "twotheta_axis_length" in parity:
        axes["twotheta_axis"] = raw["twotheta_axis"]
    if options.convention == "custom":
        across = unit(np.cross(axes["fast"], axes["slow"]))
        x, y, z = raw["normal"]
        if "custom_normal" not in parity:
            towards = axes["normal"] if "normal" in given else axes["beam"]
            axes["normal"] = across if towards @ across > 0.0 else -across
        elif math.sqrt(x * x + y * y + z * z) != 1.0:
            axes["normal"] = across
    return axes


def detector(options: Options, parity: Parity) -> tuple[Detector, dict[str, np.ndarray]]:
    """The panel after all rotations, and the convention's axes."""
    pixel = options.pixel_size
    size_f = pixel * options.fpixels if options.fpixels else options.detsize_f
    size_s = pixel * options.spixels if options.spixels else options.detsize_s
    shape = (math.ceil(size_s / pixel - 0.5), math.ceil(size_f / pixel - 0.5))
    if "detector_size" not in parity:
        size_s, size_f = (count * pixel for count in shape)
    near_f = (options.ORGX - 0.5) * pixel if is_given(options.ORGX) else size_f / 2.0
    near_s = (options.ORGY - 0.5) * pixel if is_given(options.ORGY) else size_s / 2.0
    axes = _axes(options, parity)
    beam_f, beam_s = _beam_centre(options, size_f, size_s, (near_f, near_s))
    if options.convention == "custom":
        near_f, near_s = beam_f, beam_s
    tilt = euler(options.rotx, options.roty, options.rotz)
    ratio = float(axes["beam"] @ (tilt @ axes["normal"])) or np.finfo(float).tiny
    close = options.close_distance if is_given(options.close_distance) else abs(ratio * options.distance)
    distance = close / ratio
    turn = about(axes["twotheta_axis"], options.twotheta) @ tilt
    fast, slow, normal = (turn @ axes[name] for name in ("fast", "slow", "normal"))
    if FIXED_PIVOT.get(options.convention, options.pivot) == SAMPLE:
        pix0 = turn @ (-near_f * axes["fast"] - near_s * axes["slow"] + close * axes["normal"])
    else:
        pix0 = -beam_f * fast - beam_s * slow + distance * axes["beam"]
    close = float(pix0 @ normal)
    depths, step = layers(options, parity)
    mu = 1.0 / options.thick if options.thick > 0.0 and options.mu < 0.0 else options.mu
    fringe = close / ratio if "oversample_distance" in parity else distance
    ratio = ratio if "distance_before_swing" in parity else float(axes["beam"] @ normal)
    curved = ("turned" if "curved_mapping" in parity else "bent") if options.curved else ""
    panel = Detector(
        fast, slow, normal, pix0, axes["beam"], close, close / ratio, fringe, pixel, shape, depths, step, mu, curved
    )
    return panel, axes


def _reciprocal_from_cell(cell: list[float], parity: Parity) -> tuple[np.ndarray, np.ndarray, float]:
    """Reciprocal rows (1/Angstrom) with a* along x and b* in the xy plane, direct lengths and volume (A, A^3).

    c* has the component 1/c along z; the reference (`cell_setting`) scales it by the wrong volume ratio.
    """
    a = cell[0]
    b, c = (length if length > 0.0 else a for length in cell[1:3])
    al, be, ga = (angle if angle > 0.0 else math.pi / 2 for angle in cell[3:])
    half = (al + be + ga) / 2
    volume = 2.0 * a * b * c * math.sqrt(abs(math.sin(half) * math.prod(math.sin(half - x) for x in (al, be, ga))))
    a_star, b_star, c_star = b * c * math.sin(al) / volume, c * a * math.sin(be) / volume, a * b * math.sin(ga) / volume
    cos_al = (math.cos(be) * math.cos(ga) - math.cos(al)) / (math.sin(be) * math.sin(ga))
    cos_be = (math.cos(ga) * math.cos(al) - math.cos(be)) / (math.sin(ga) * math.sin(al))
    cos_ga = (math.cos(al) * math.cos(be) - math.cos(ga)) / (math.sin(al) * math.sin(be))
    sin_ga = min(c / volume / a_star / b_star, 1.0)
    c_star_z = c_star * volume / (a * b * c * sin_ga) if "cell_setting" in parity else 1.0 / c
    rows = np.array(
        [
            [a_star, 0.0, 0.0],
            [b_star * cos_ga, b_star * sin_ga, 0.0],
            [c_star * cos_be, c_star * (cos_al - cos_be * cos_ga) / sin_ga, c_star_z],
        ]
    )
    return rows, np.array([a, b, c]), volume


def _misset(options: Options, parity: Parity) -> np.ndarray:
    """Rotation matrix of the missetting."""
    if options.misset_random:
        ran1 = Ran1(options.misset_seed)
        if "misset_random" in parity:
            return euler(*rotation_to_misset(cap_rotation(90.0, ran1)))
        return uniform_rotation(ran1)
    return euler(*options.misset) if options.misset else np.eye(3)


def crystal(options: Options, parity: Parity) -> Crystal:
    """Cell vectors after missetting and the numbers of cells."""
    lengths, volume = None, 0.0
    if options.cell:
        rows, lengths, volume = _reciprocal_from_cell(options.cell, parity)
    if options.mat:
        numbers = (options.folder / options.mat).read_text().split()[:9]
        rows = np.array(numbers, float).reshape(3, 3).T * (1e-10 / options.lambda0)
    rows = rows @ _misset(options, parity).T
    cross = np.stack([np.cross(rows[1], rows[2]), np.cross(rows[2], rows[0]), np.cross(rows[0], rows[1])])
    if lengths is None:
        volume = 1.0 / float(rows[0] @ cross[0])
        direct = cross * volume
    else:
        direct = cross / np.linalg.norm(cross, axis=1, keepdims=True) * lengths[:, None]
    across = [np.cross(direct[1], direct[2]), np.cross(direct[2], direct[0]), np.cross(direct[0], direct[1])]
    direct_m = direct * 1e-10
    sizes = [options.sample[0]] + [min(size, options.beamsize) for size in options.sample[1:]]
    counts = list(options.n_cells)
    for i, size in enumerate(sizes):
        if size > 0.0:
            counts[i] = math.ceil(size / np.linalg.norm(direct_m[i]))
    return Crystal(direct_m, np.stack(across) / volume, np.maximum(np.array(counts, float), 1.0))


def _divergence(options: Options, axes: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors towards the sources, wavelengths and weights of the divergence grid times the dispersion comb."""
    h_span, h_step, h_count = steps(options.hdivrange, options.hdivstep, options.hdivsteps, 1.0)
    v_span, v_step, v_count = steps(options.vdivrange, options.vdivstep, options.vdivsteps, 1.0)
    d_span, d_step, d_count = steps(options.dispersion, -1.0, options.dispsteps, 1.0)
    vertical = unit(np.cross(axes["beam"], axes["polar"]))
    comb = [options.lambda0 * (1.0 + d_step * tic - d_span / 2.0) for tic in range(d_count)]
    points, lambdas = [], []
    for h_tic in range(h_count):
        for v_tic in range(v_count):
            h, v = h_step * h_tic - h_span / 2.0, v_step * v_tic - v_span / 2.0
            if options.round_div and h_span > 0.0 and v_span > 0.0:
                test = (h * h - h_step * h_step / 4.0 * (1 - h_count % 2)) / h_span / h_span
                test += (v * v - v_step * v_step / 4.0 * (1 - v_count % 2)) / v_span / v_span
                if test * 4.0 > 1.1:
                    continue
            point = about(vertical, h) @ about(axes["polar"], v) @ -axes["beam"]
            points += [point] * d_count
            lambdas += comb
    return np.array(points), np.array(lambdas), np.ones(len(lambdas))


def sources(options: Options, axes: dict[str, np.ndarray], parity: Parity) -> tuple[np.ndarray, ...]:
    """Incident unit vectors (n, 3), wavelengths (m) and weights that sum to one."""
    if options.sourcefile:
        lines = [line.split() for line in (options.folder / options.sourcefile).read_text().splitlines()]
        default = [*(-10.0 * axes["beam"]), 1.0, options.lambda0]
        table = np.array([[*map(float, line), *default[len(line) :]][:5] for line in lines if line])
        points, weights, lambdas = table[:, :3], table[:, 3], table[:, 4]
        if "source_weights" in parity:
            weights = np.ones(len(weights))
    else:
        points, lambdas, weights = _divergence(options, axes)
    incident = -np.array([unit(point) for point in points])
    return incident, lambdas, weights / weights.sum()


def mosaic(options: Options) -> np.ndarray:
    """Rotation matrices (n, 3, 3) of the mosaic domains, the first the identity."""
    spread, count = options.mosaic_spread, options.mosaic_domains
    if spread <= 0.0:
        return np.eye(3)[None]
    count = count if count > 0 else 10
    ran1 = Ran1(options.mosaic_seed)
    matrices = np.stack([cap_rotation(spread, ran1) for _ in range(count)])
    matrices[0] = np.eye(3)
    return matrices


def structure(options: Options) -> Structure:
    """The amplitude table of the hkl file."""
    if not options.hkl:
        return Structure(None, np.zeros(3, int), np.zeros(3, int), options.default_F)
    rows = np.loadtxt(options.folder / options.hkl, ndmin=2)
    index = rows[:, :3].astype(int)
    low, high = index.min(axis=0), index.max(axis=0)
    table = np.full(high - low + 1, options.default_F)
    for (h, k, l), amplitude in zip(index - low, rows[:, 3], strict=True):  # noqa: E741
        table[h, k, l] = amplitude
    return Structure(table, low, high, options.default_F)


def _run_pixels(options: Options, shape: tuple[int, int]) -> np.ndarray:
    """Flat indices of the pixels of the run, in row order; the region of interest is inclusive."""
    x0, x1, y0, y1 = (
        given if given >= 0 else default for given, default in zip(options.roi, (0, shape[1], 0, shape[0]), strict=True)
    )
    s, f = np.mgrid[: shape[0], : shape[1]]
    inside = (f >= x0) & (f <= x1) & (s >= y0) & (s <= y1)
    if options.mask is not None:
        inside &= options.mask.ravel()[: shape[0] * shape[1]].reshape(shape) != 0
    return np.flatnonzero(inside)


def experiment(line: str, folder: Path, parity: Parity = frozenset()) -> Experiment:
    """The run that an option line describes, with the entries of the parity set as in the reference."""
    options = parse(line, folder, parity)
    panel, axes = detector(options, parity)
    lattice = crystal(options, parity)
    factors = structure(options)
    counts = np.array(options.n_cells) if "interpolation_autoselect" in parity else lattice.n_cells
    wanted = bool(np.any(counts <= 2)) if options.interpolate is None else options.interpolate
    incident, lambdas, weights = sources(options, axes, parity)
    widest = float(np.max(np.linalg.norm(lattice.direct, axis=1) * lattice.n_cells))
    oversample = options.oversample
    if oversample <= 0:
        oversample = max(math.ceil(3.0 * widest / (options.lambda0 * panel.fringe_distance / panel.pixel_size)), 1)
    fluence = options.fluence
    if options.flux != 0.0 and options.exposure > 0.0 and options.beamsize >= 0:
        fluence = options.flux * options.exposure / options.beamsize / options.beamsize
    return Experiment(
        options=options,
        detector=panel,
        crystal=lattice,
        structure=factors,
        interpolate=wanted and factors.table is not None,
        incident=incident,
        lambdas=lambdas,
        weights=weights,
        phis=phi_values(options, parity),
        spindle=axes["spindle"],
        polar_axis=axes["polar"],
        mosaic=mosaic(options),
        oversample=oversample,
        fluence=fluence,
        pixels=_run_pixels(options, panel.shape),
    )
