"""The image of an option line: photons per pixel in float64, by the physics or with entries of the parity set.

The loops over layers, subpixels, sources, spindle steps and mosaic domains run in the reference's order; pixels are
arrays. `simulate` with an empty parity set computes the physics.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from .experiment import Experiment, about, experiment, unit
from .lattice import amplitude, lattice_factor, leaves
from .options import Parity

R_E_SQR = 7.94079248018965e-30  # m^2
AVOGADRO = 6.02214179e23
WATER_F = 2.57
CHUNK = 16384

FULL_PARITY: Parity = frozenset(
    {
        "phi_carryover",
        "first_sample_factors",
        "running_product",
        "oversample_thick_alone",
        "oversample_polar_always",
        "last_layer_capture",
        "layer_step",
        "source_weights",
        "water_scale",
        "interpolation_latch",
        "interpolation_autoselect",
        "star_shape",
        "shape_constants",
        "cell_setting",
        "misset_random",
        "misset_seed_option",
        "mask_beam_center",
        "twotheta_axis_option",
        "twotheta_axis_length",
        "header_twotheta",
        "custom_normal",
        "curved_det_last",
        "curved_mapping",
        "sentinel_values",
    }
)


@dataclass
class Ray:
    """One layer, subpixel and source, for n pixels: factors at the subpixel and at the pixel centre."""

    first_of_layer: bool
    weight: float
    scattering: np.ndarray
    cut: np.ndarray
    omega: np.ndarray
    capture: np.ndarray
    polar: np.ndarray
    omega_centre: np.ndarray
    capture_centre: np.ndarray
    polar_centre: np.ndarray


@dataclass
class Latch:
    """Where the reference stops interpolating: flat pixel index and sample number inside that pixel."""

    pixel: int
    sample: int


def _rotated(vectors: np.ndarray, axis: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Vectors (3, n) rotated about one axis by n angles in radians."""
    cos, sin = np.cos(angles), np.sin(angles)
    along = axis[:, None] * (axis @ vectors) * (1.0 - cos)
    return along + vectors * cos + np.cross(axis, vectors.T).T * sin


def _points(ex: Experiment, fdet: np.ndarray, sdet: np.ndarray, depth: float) -> np.ndarray:
    """Lab positions (3, n) in metres of points of the panel."""
    panel = ex.detector
    plane = fdet * panel.fast[:, None] + sdet * panel.slow[:, None]
    flat = plane + (depth * panel.normal + panel.pix0)[:, None]
    if not panel.curved:
        return flat
    if panel.curved == "bent":
        alpha, beta = _arcs(ex, fdet, sdet)
        ahead = np.repeat(((panel.close_distance + depth) * panel.normal)[:, None], flat.shape[1], axis=1)
        swung = _rotated(ahead, np.cross(panel.normal, panel.slow), beta)
        up = np.cross(swung.T, panel.fast).T
        each = zip(swung.T, up.T, alpha, strict=True)
        return np.stack([_rotated(v[:, None], unit(axis), angle)[:, 0] for v, axis, angle in each], axis=1)
    ahead = np.repeat((panel.distance * panel.beam)[:, None], flat.shape[1], axis=1)
    swung = _rotated(ahead, panel.slow, flat[1] / panel.distance)
    return _rotated(swung, panel.fast, flat[2] / panel.distance)


def _arcs(ex: Experiment, fdet: np.ndarray, sdet: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fast and slow coordinates from the point nearest to the sample, as angles of a panel bent about it."""
    panel = ex.detector
    return (fdet + panel.pix0 @ panel.fast) / panel.close_distance, (
        sdet + panel.pix0 @ panel.slow
    ) / panel.close_distance


def _solid_angle(ex: Experiment, airpath: np.ndarray, fdet: np.ndarray) -> np.ndarray:
    """Omega in steradian (point pixels: in 1/m^2)."""
    if ex.options.point_pixel:
        return 1.0 / airpath / airpath
    pixel = ex.detector.pixel_size
    square = pixel * pixel / airpath / airpath
    if ex.detector.curved == "bent":
        return square * np.cos(_arcs(ex, fdet, fdet)[0])
    return square * ex.detector.close_distance / airpath


def _capture(ex: Experiment, diffracted: np.ndarray, layer: int) -> np.ndarray:
    """Fraction of the photons that a sensor layer captures."""
    if ex.detector.layer_step == 0.0:
        return np.full(diffracted.shape[1], 0.0 if ex.options.captures_nothing else 1.0)
    cosine = 1.0 if ex.detector.curved == "bent" else ex.detector.normal @ diffracted
    depth = ex.detector.layer_step * ex.detector.mu / np.full(diffracted.shape[1], cosine)
    return np.exp(-layer * depth) - np.exp(-(layer + 1) * depth)


def _polarization(ex: Experiment, incident: np.ndarray, diffracted: np.ndarray) -> np.ndarray:
    """Kahn's factor of the diffracted unit vectors (3, n)."""
    if ex.options.nopolar:
        return np.ones(diffracted.shape[1])
    kahn = ex.options.polarization
    cos_sqr = (incident @ diffracted) ** 2
    twist = 0.0
    if kahn != 0.0:
        b_in = np.cross(ex.polar_axis, incident)
        b_in /= np.linalg.norm(b_in)
        e_in = np.cross(incident, b_in)
        psi = -np.arctan2(b_in @ diffracted, e_in @ diffracted)
        twist = kahn * np.cos(2 * psi) * (1.0 - cos_sqr)
    return 0.5 * (1.0 + cos_sqr - twist)


def _rays(ex: Experiment, pixels: np.ndarray) -> Iterator[Ray]:
    """The rays of some pixels (flat indices) in the reference's order."""
    slow, fast = np.divmod(pixels, ex.detector.shape[1])
    n, size = ex.oversample, ex.detector.pixel_size
    sub = size / n
    for layer, depth in enumerate(ex.detector.depths):
        mid = size * fast + size / 2.0
        centre = _points(ex, mid, size * slow + size / 2.0, depth)
        path_centre = np.linalg.norm(centre, axis=0)
        out_centre = centre / path_centre
        at_centre = _solid_angle(ex, path_centre, mid), _capture(ex, out_centre, layer)
        for tick in range(n * n):
            sub_s, sub_f = divmod(tick, n)
            fdet, sdet = sub * (fast * n + sub_f) + sub / 2.0, sub * (slow * n + sub_s) + sub / 2.0
            point = _points(ex, fdet, sdet, depth)
            airpath = np.linalg.norm(point, axis=0)
            out = point / airpath
            omega, capture = _solid_angle(ex, airpath, fdet), _capture(ex, out, layer)
            for source, incident in enumerate(ex.incident):
                q = (out - incident[:, None]) / ex.lambdas[source]
                stol = 0.5 * np.linalg.norm(q, axis=0)
                cut = (stol > 0.0) & (ex.options.dmin * stol > 0.5)
                yield Ray(
                    first_of_layer=tick == 0 and source == 0,
                    weight=float(ex.weights[source]) / (n * n),
                    scattering=q,
                    cut=cut,
                    omega=omega,
                    capture=capture,
                    polar=_polarization(ex, incident, out),
                    omega_centre=at_centre[0],
                    capture_centre=at_centre[1],
                    polar_centre=_polarization(ex, incident, out_centre),
                )


def _orientations(ex: Experiment, parity: Parity, first: bool) -> np.ndarray:
    """Direct vectors (n, 3, 3) as rows, spindle steps outermost, for the first evaluation of the run or a later one."""
    spun = [about(ex.spindle, phi) if phi != 0.0 else None for phi in ex.phis]
    carried = np.eye(3)
    if not first:
        carried = next((matrix for matrix in reversed(spun) if matrix is not None), carried)
    turns = []
    for matrix in spun:
        if matrix is not None:
            carried = matrix
        turns.append(carried if "phi_carryover" in parity or matrix is not None else np.eye(3))
    return np.stack([ex.crystal.direct @ (domain @ turn).T for turn in turns for domain in ex.mosaic])


def _samples(
    ex: Experiment, parity: Parity, pixels: np.ndarray, first: bool
) -> Iterator[tuple[Ray, Iterator[np.ndarray]]]:
    """Every ray with the fractional indices (3, n) of its samples; `first`: the run's first evaluation is here."""
    later = _orientations(ex, parity, first=False)
    fresh = _orientations(ex, parity, first=True) if first else None
    for ray in _rays(ex, pixels):
        direct = later
        if fresh is not None and not ray.cut[0]:
            direct, fresh = fresh, None
        yield ray, ((matrix @ ray.scattering) for matrix in direct)


def _skipped(ex: Experiment, ray: Ray, f_latt: np.ndarray) -> np.ndarray:
    """The samples that the reference never evaluates."""
    return ray.cut | (f_latt == 0.0) if ex.options.water == 0.0 else ray.cut


def _f_latt(ex: Experiment, hkl: np.ndarray, parity: Parity) -> np.ndarray:
    return lattice_factor(ex.crystal, ex.options.shape, ex.options.fudge, hkl, parity)


def _first_evaluated(ex: Experiment, parity: Parity) -> int:
    """Flat index of the pixel with the run's first evaluation, or -1 where it does not matter."""
    if "phi_carryover" not in parity or np.all(ex.phis == 0.0) or ex.phis[0] != 0.0:
        return -1
    for start in range(0, len(ex.pixels), CHUNK):
        chunk = ex.pixels[start : start + CHUNK]
        some = np.zeros(len(chunk), bool)
        for ray in _rays(ex, chunk):
            some |= ~ray.cut
            if some.all():
                break
        if some.any():
            return int(chunk[np.argmax(some)])
    return -1


def _chunks(pixels: np.ndarray, single: int) -> Iterator[np.ndarray]:
    """The pixels in order, in pieces; `single` is a piece of its own."""
    at = np.flatnonzero(pixels == single)
    cuts = sorted({0, len(pixels), *at, *(at + 1)})
    for low, high in pairwise(cuts):
        for start in range(low, high, CHUNK):
            yield pixels[start : min(start + CHUNK, high)]


def _find_latch(ex: Experiment, parity: Parity, single: int) -> Latch | None:
    """The first sample of the run whose interpolation the reference refuses."""
    if not (ex.interpolate and "interpolation_latch" in parity):
        return None
    for chunk in _chunks(ex.pixels, single):
        number, never = 0, np.iinfo(np.int64).max
        first = np.full(len(chunk), never)
        for ray, indices in _samples(ex, parity, chunk, chunk[0] == single):
            for hkl in indices:
                evaluated = ~_skipped(ex, ray, _f_latt(ex, hkl, parity))
                out = evaluated & leaves(ex.structure, hkl, reference_rule=True)
                first = np.minimum(first, np.where(out, number, never))
                number += 1
        if (first < never).any():
            at = int(np.argmax(first < never))
            return Latch(int(chunk[at]), int(first[at]))
    return None


def _latched(latch: Latch | None, pixels: np.ndarray, number: int) -> np.ndarray:
    """Whether the reference has stopped interpolating, at a sample number of each pixel."""
    if latch is None:
        return np.zeros(len(pixels), bool)
    return (pixels > latch.pixel) | ((pixels == latch.pixel) & (number >= latch.sample))


class _Factors:
    """Omega, P and C of each ray, sorted into three places: each term, the running sum, the whole pixel.

    A factor with its oversample flag multiplies each term (`running_product`: the running sum). One without the flag
    multiplies each term with its pixel-centre value; the reference's cached values multiply the whole pixel instead.
    """

    def __init__(self, ex: Experiment, parity: Parity, count: int) -> None:
        self.flags = ex.options.oversampled
        self.running = "running_product" in parity and bool(self.flags)
        self.first_sample = "first_sample_factors" in parity
        self.last_layer = "last_layer_capture" in parity and "thick" not in self.flags
        self.n_layers = len(ex.detector.depths)
        self.omega, self.polar, self.capture = np.zeros(count), np.zeros(count), np.zeros(count)

    def take(self, ray: Ray) -> tuple[np.ndarray, np.ndarray]:
        """The factors of the term without and with an oversample flag, caching what the reference caches."""
        if ray.first_of_layer:
            self.capture = np.zeros_like(self.capture)
        self.omega = np.where(self.omega == 0.0, ray.omega, self.omega)
        self.capture = np.where(self.capture == 0.0, ray.capture, self.capture)
        self.polar = np.where((self.polar == 0.0) & ~ray.cut, ray.polar, self.polar)
        if not self.first_sample:
            self.capture = ray.capture_centre
        plain, flagged = np.ones_like(self.omega), np.ones_like(self.omega)
        for name, fine, centre in (("omega", ray.omega, ray.omega_centre), ("polar", ray.polar, ray.polar_centre)):
            if name in self.flags:
                flagged = flagged * fine
            elif not self.first_sample:
                plain = plain * centre
        if "thick" in self.flags:
            flagged = flagged * ray.capture
        elif not self.last_layer:
            plain = plain * self.capture
        return plain, flagged

    def whole_pixel(self) -> np.ndarray:
        """What multiplies the pixel at the end."""
        factor = np.ones_like(self.omega)
        if self.first_sample:
            factor = factor * (1.0 if "omega" in self.flags else self.omega)
            factor = factor * (1.0 if "polar" in self.flags else self.polar)
        return factor * self.capture if self.last_layer else factor


def _water(ex: Experiment, parity: Parity) -> float:
    """Squared electrons of the water, per mean ray."""
    size = ex.options.water
    squared = WATER_F * WATER_F * size * size * size * 1e6 * AVOGADRO / 18.0
    if "water_scale" in parity:
        steps = len(ex.incident) * len(ex.mosaic) * len(ex.phis) * ex.oversample**2
        squared = squared * R_E_SQR * ex.fluence / steps
    return squared


def _photons(ex: Experiment, parity: Parity, pixels: np.ndarray, first: bool, latch: Latch | None) -> np.ndarray:
    """Photons of some pixels."""
    factors = _Factors(ex, parity, len(pixels))
    share = 1.0 / (len(ex.phis) * len(ex.mosaic))
    crystal, water, gain = (np.zeros(len(pixels)) for _ in range(3))
    gain += 1.0
    number = 0
    for ray, indices in _samples(ex, parity, pixels, first):
        plain, flagged = factors.take(ray)
        water += ray.weight * plain * (1.0 if factors.running else flagged)
        for hkl in indices:
            f_latt = _f_latt(ex, hkl, parity)
            f_cell = amplitude(ex, hkl, parity, _latched(latch, pixels, number))
            term = np.where(ray.cut, 0.0, f_cell * f_cell * f_latt * f_latt * (ray.weight * share) * plain)
            number += 1
            if factors.running:
                used = ~_skipped(ex, ray, f_latt)
                crystal = np.where(used, (crystal + term) * flagged, crystal)
                gain = np.where(used, gain * flagged, gain)
            else:
                crystal += term * flagged
    if factors.last_layer or (factors.running and "thick" in factors.flags):
        water /= factors.n_layers
    total = crystal + _water(ex, parity) * water * gain
    return R_E_SQR * ex.fluence * total * factors.whole_pixel()


def render(ex: Experiment, parity: Parity, pixels: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """Float64 image (slow, fast) in photons of a run, or its half-open window `pixels` (s0, s1, f0, f1)."""
    image = np.zeros(math.prod(ex.detector.shape))
    wanted = ex.pixels
    if pixels is not None:
        slow, fast = np.divmod(wanted, ex.detector.shape[1])
        s0, s1, f0, f1 = pixels
        wanted = wanted[(slow >= s0) & (slow < s1) & (fast >= f0) & (fast < f1)]
    single = _first_evaluated(ex, parity)
    latch = _find_latch(ex, parity, single)
    for chunk in _chunks(wanted, single):
        image[chunk] = _photons(ex, parity, chunk, bool(chunk[0] == single), latch)
    image = image.reshape(ex.detector.shape)
    return image if pixels is None else image[pixels[0] : pixels[1], pixels[2] : pixels[3]]


def simulate(
    line: str,
    folder: Path,
    parity: Parity = frozenset(),
    pixels: tuple[int, int, int, int] | None = None,
) -> np.ndarray:
    """Float64 image (slow, fast) in photons of an option line whose file names are relative to `folder`."""
    return render(experiment(line, folder, parity), parity, pixels)
