"""Every key of a trace in the order of computation: unit, meaning, tolerance, and spellings of other programs.

A pixel's keys come in two blocks, ``BEFORE_SAMPLES`` (placement, beam, cell, geometry factors, background) and
``AFTER_SAMPLES`` (the last sample's crystal factors, then the sums and what scales them). ``SAMPLE_KEYS`` are the
columns of the sample table between them. Order matters: the first key that differs is where two programs part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NEAR = 1e-12
"""Relative difference of one double precision formula evaluated in two ways."""

INTENSITY = 1e-9
"""Relative difference of an intensity: the lattice factor magnifies that of the Miller indices."""

MILLER = 1e-9
"""Absolute difference of a fractional Miller index."""


@dataclass(frozen=True)
class Key:
    """One quantity of a trace.

    Attributes:
        name: canonical name.
        unit: unit of the value ("1" without one).
        meaning: what it is, in one line.
        size: 1 for a number, 3 for a vector, None for a list of any length.
        relative: tolerance of the difference, relative to the length of the reference's vector.
        absolute: difference that is always tolerated.
        of_largest: tolerance relative to the largest value among the samples of the pixel.
        whole: whether it is a whole number, which admits no tolerance.
        vector: name of the vector that a sample column is a component of.
        columns: sample columns that hold the same quantity for each sample.
        required: whether a trace cannot do without it.
        aliases: spellings of other programs, the preferred one first, and the factor that turns each to ``unit``.
    """

    name: str
    unit: str
    meaning: str
    size: int | None = 1
    relative: float = NEAR
    absolute: float = 0.0
    of_largest: float = 0.0
    whole: bool = False
    vector: str | None = None
    columns: tuple[str, ...] = ()
    required: bool = True
    aliases: Mapping[str, float] = field(default_factory=dict)


def _named(*names: str) -> dict[str, float]:
    return dict.fromkeys(names, 1.0)


def _components(names: str, unit: str, meaning: str, vector: str, **choices: float | bool) -> tuple[Key, ...]:
    return tuple(
        Key(name, unit, f"{axis} of {meaning}", vector=vector, **choices)  # type: ignore[arg-type]
        for name, axis in zip(names.split(), ("first component", "second component", "third component"), strict=True)
    )


BEFORE_SAMPLES: tuple[Key, ...] = (
    Key("panel", "1", "number of the panel, of a detector of several", whole=True, required=False),
    Key("pix0_vector_m", "m", "corner of the first pixel", 3, aliases=_named("pix0_vector_meters", "pix0_vector")),
    Key("fdet_vector", "1", "fast axis", 3, aliases=_named("fdet_vec", "fdet", "fdet_after_twotheta")),
    Key("sdet_vector", "1", "slow axis", 3, aliases=_named("sdet_vec", "sdet", "sdet_after_twotheta")),
    Key("odet_vector", "1", "panel normal", 3, aliases=_named("odet_vec", "odet", "odet_after_twotheta")),
    Key("beam_vector", "1", "direction of the beam", 3, aliases=_named("beam_vec")),
    Key(
        "close_distance_m",
        "m",
        "distance of the panel's plane",
        aliases=_named("close_distance_meters", "close_distance"),
    ),
    Key("distance_m", "m", "distance along the beam", aliases=_named("distance_meters", "distance")),
    Key("source_weights", "1", "weight of each source", None),
    Key("a0_m", "m", "cell vector a before the spindle turns", 3),
    Key("b0_m", "m", "cell vector b before the spindle turns", 3),
    Key("c0_m", "m", "cell vector c before the spindle turns", 3),
    Key(
        "last_pixel_pos_m",
        "m",
        "position on the panel, last sample",
        3,
        columns=("pos_x_m", "pos_y_m", "pos_z_m"),
        aliases=_named("pixel_pos_meters", "pixel_pos"),
    ),
    Key(
        "airpath_m",
        "m",
        "distance from crystal to pixel",
        columns=("airpath_m",),
        aliases=_named("R_distance_meters", "R_distance", "airpath"),
    ),
    Key(
        "last_diffracted",
        "1",
        "direction to the pixel, last sample",
        3,
        columns=("diffracted_x", "diffracted_y", "diffracted_z"),
        aliases=_named("diffracted_vec", "diffracted"),
    ),
    Key(
        "omega_pixel_sr",
        "sr",
        "solid angle of the pixel",
        columns=("omega_sr",),
        aliases=_named("omega_pixel"),
    ),
    Key(
        "capture_fraction",
        "1",
        "fraction of the photons that the sensor stops",
        absolute=1e-15,
        columns=("capture_fraction",),
    ),
    Key(
        "last_incident",
        "1",
        "direction of the incident ray, last sample",
        3,
        columns=("incident_x", "incident_y", "incident_z"),
        aliases=_named("incident_vec", "incident"),
    ),
    Key(
        "wavelength_m",
        "m",
        "wavelength, last sample",
        columns=("lambda_m",),
        aliases={"lambda_meters": 1.0, "lambda_angstroms": 1e-10, "wavelength_angstroms": 1e-10},
    ),
    Key(
        "last_scattering_per_m",
        "1/m",
        "scattering vector, last sample",
        3,
        absolute=1e-5,  # the rounding of (diffracted - incident) / wavelength, where the two nearly cancel
        columns=("q_x_per_m", "q_y_per_m", "q_z_per_m"),
        aliases={"scattering_vec_A_inv": 1e10, "scattering_vector": 1e10},
    ),
    Key(
        "polarization",
        "1",
        "polarization factor",
        columns=("polarization",),
        aliases=_named("polar", "polarization_factor"),
    ),
    Key(
        "I_background",
        "electrons^2",
        "background before scaling",
        relative=INTENSITY,
        aliases=_named("I_bg"),
    ),
    Key("I_backgrounds", "electrons^2", "that of each background", None, relative=INTENSITY, required=False),
)

SAMPLE_KEYS: tuple[Key, ...] = (
    Key("thick", "1", "sensor layer", whole=True),
    Key("subS", "1", "subpixel along slow", whole=True),
    Key("subF", "1", "subpixel along fast", whole=True),
    Key("source", "1", "source", whole=True),
    Key("phi", "1", "phi step", whole=True, aliases=_named("phi_tic")),
    Key("mosaic", "1", "mosaic domain", whole=True),
    *_components("pos_x_m pos_y_m pos_z_m", "m", "the position on the panel", "pos_m"),
    Key("airpath_m", "m", "distance from crystal to pixel"),
    *_components("diffracted_x diffracted_y diffracted_z", "1", "the direction to the pixel", "diffracted"),
    Key("omega_sr", "sr", "solid angle"),
    Key("capture_fraction", "1", "fraction of the photons that the layer stops", absolute=1e-15),
    *_components("incident_x incident_y incident_z", "1", "the direction of the incident ray", "incident"),
    Key("lambda_m", "m", "wavelength"),
    *_components("q_x_per_m q_y_per_m q_z_per_m", "1/m", "the scattering vector", "q_per_m", absolute=1e-5),
    Key("polarization", "1", "polarization factor"),
    Key("h", "1", "fractional Miller index h", relative=0.0, absolute=MILLER, vector="hkl", aliases=_named("h_frac")),
    Key("k", "1", "fractional Miller index k", relative=0.0, absolute=MILLER, vector="hkl", aliases=_named("k_frac")),
    Key("l", "1", "fractional Miller index l", relative=0.0, absolute=MILLER, vector="hkl", aliases=_named("l_frac")),
    Key("h0", "1", "nearest whole Miller index h", whole=True),
    Key("k0", "1", "nearest whole Miller index k", whole=True),
    Key("l0", "1", "nearest whole Miller index l", whole=True),
    Key("F_latt_a", "1", "lattice factor along a", relative=1e-6, of_largest=1e-8),
    Key("F_latt_b", "1", "lattice factor along b", relative=1e-6, of_largest=1e-8),
    Key("F_latt_c", "1", "lattice factor along c", relative=1e-6, of_largest=1e-8),
    Key("F_latt", "1", "lattice factor", relative=1e-6, of_largest=1e-8),
    Key("F_cell", "electrons", "structure factor", of_largest=NEAR),
    Key("debye_waller", "1", "what displacements of the atoms leave of the intensity", required=False),
    Key("weight", "1", "weight in the sum"),
    Key("I_running", "electrons^2", "sum up to this sample", relative=INTENSITY),
)

AFTER_SAMPLES: tuple[Key, ...] = (
    Key(
        "last_hkl",
        "1",
        "fractional Miller indices, last sample",
        3,
        relative=0.0,
        absolute=MILLER,
        columns=("h", "k", "l"),
        aliases=_named("hkl_frac"),
    ),
    Key(
        "last_hkl0",
        "1",
        "nearest whole Miller indices, last sample",
        3,
        whole=True,
        columns=("h0", "k0", "l0"),
        aliases=_named("hkl_rounded"),
    ),
    Key(
        "last_F_latt_axes",
        "1",
        "lattice factor along each axis, last sample",
        3,
        relative=1e-6,
        of_largest=1e-8,
        columns=("F_latt_a", "F_latt_b", "F_latt_c"),
        required=False,
    ),
    Key(
        "last_F_latt",
        "1",
        "lattice factor, last sample",
        relative=1e-6,
        of_largest=1e-8,
        columns=("F_latt",),
        aliases=_named("F_latt"),
    ),
    Key(
        "last_F_cell",
        "electrons",
        "structure factor, last sample",
        of_largest=NEAR,
        columns=("F_cell",),
        aliases=_named("F_cell", "F_cell_nearest"),
    ),
    Key(
        "last_debye_waller",
        "1",
        "what displacements of the atoms leave of the intensity, last sample",
        columns=("debye_waller",),
        required=False,
    ),
    Key("mosaic_blocks", "1", "mosaic blocks of the crystal, by which the samples' sum counts", required=False),
    Key(
        "beam_share", "1", "fluence at the crystal over that of the beam's centre, in the samples' sum", required=False
    ),
    Key(
        "I_before_scaling",
        "electrons^2",
        "sum over all samples, before scaling",
        relative=INTENSITY,
        aliases=_named("I_before_scaling_pre_polar", "accumulated_I"),
    ),
    Key("transmission", "1", "fraction of the photons that shadows and the sample let pass", required=False),
    Key("r_e_sqr_m2", "m^2", "classical electron radius squared", aliases=_named("r_e_sqr")),
    Key("fluence_photons_per_m2", "photons/m^2", "photons that hit the crystal", aliases=_named("fluence")),
    Key("steps", "1", "number of samples that the sum is divided by", whole=True),
    Key("oversample_thick", "1", "whether capture is a factor of each sample", whole=True),
    Key("oversample_polar", "1", "whether polarization is a factor of each sample", whole=True),
    Key("oversample_omega", "1", "whether the solid angle is a factor of each sample", whole=True),
    Key(
        "I_pixel_photons",
        "photons",
        "the pixel",
        relative=INTENSITY,
        aliases=_named("I_pixel_final", "final_pixel_value"),
    ),
)

PIXEL = {key.name: key for key in (*BEFORE_SAMPLES, *AFTER_SAMPLES)}
"""Every key of a pixel by name, in the order of computation."""

SAMPLE = {key.name: key for key in SAMPLE_KEYS}
"""Every sample column by name, in the order of computation."""

INDICES = ("thick", "subS", "subF", "source", "phi", "mosaic")
"""The columns that say which sample a row is."""

UNITS = {name: key.unit for table in (PIXEL, SAMPLE) for name, key in table.items()}
"""Unit of every key; a name that is both a pixel's key and a sample's column has one unit."""

COMPONENTS: dict[str, tuple[str, int]] = {
    **{f"{name}_{kind}": ("last_hkl", i) for kind in ("float", "frac") for i, name in enumerate("hkl")},
    **{f"{name}_int": ("last_hkl0", i) for i, name in enumerate("hkl")},
    **{f"F_latt_{name}": ("last_F_latt_axes", i) for i, name in enumerate("abc")},
}
"""Keys of other programs that hold one component of a vector: the canonical key, and which component."""


def pixel_order(name: str) -> int:
    """Place of a pixel's key in the order of computation; unknown ones come last."""
    return _PIXEL_ORDER.get(name, len(_PIXEL_ORDER))


def sample_order(name: str) -> int:
    """Place of a sample column in the order of computation; unknown ones come last."""
    return _SAMPLE_ORDER.get(name, len(_SAMPLE_ORDER))


_PIXEL_ORDER = {name: i for i, name in enumerate(PIXEL)}
_SAMPLE_ORDER = {name: i for i, name in enumerate(SAMPLE)}
