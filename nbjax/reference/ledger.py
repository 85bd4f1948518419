"""The ledger: every known place where nanoBragg.c computes something other than the physics.

Lines refer to ``nanoBragg.c`` of github.com/bl831/nanoBragg at commit 455534a. All entries are off by default.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from nbjax.errors import ConfigError, Fault


@dataclass(frozen=True)
class Entry:
    """One departure.

    Attributes:
        name: what the entry is called on the command line and in configurations.
        where: the runs in which it shows.
        c_program: what the C program does.
        physics: what nbjax does unless the entry is on.
        line: line of nanoBragg.c.
        switchable: whether the departure has one reproducible value.
    """

    name: str
    where: str
    c_program: str
    physics: str
    line: int
    switchable: bool = True


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "phi_carryover",
        "a phi step with phi == 0",
        "the rotated cell of the previous evaluation, except in the first evaluation of the run",
        "identity rotation",
        2783,
    ),
    Entry(
        "first_pixel_order",
        "phi_carryover with several threads",
        "depends on the thread schedule",
        "no order; phi_carryover reproduces the order of one thread",
        2531,
        switchable=False,
    ),
    Entry(
        "first_sample_factors",
        "several subpixels or sources, without the oversample flags",
        "solid angle and polarization of the first subpixel and source, capture of each layer's first subpixel",
        "factors at the pixel centre, polarization for each source",
        2721,
    ),
    Entry(
        "running_product",
        "an oversample flag for solid angle, polarization or thickness",
        "the running sum is multiplied by the factor after every addition",
        "each term is multiplied by its own factor",
        3016,
    ),
    Entry(
        "oversample_thick_alone",
        "oversample_thickness without a sensor thickness",
        "a sensor of no thickness captures nothing: the image is zero",
        "every photon is captured",
        2732,
    ),
    Entry(
        "oversample_polar_always",
        "oversample_polarization without polarization_correction",
        "the polarization factor is applied all the same",
        "no polarization factor",
        2772,
    ),
    Entry(
        "last_layer_capture",
        "several sensor layers, without oversample_thickness",
        "all layers are summed, then multiplied by the last layer's capture fraction",
        "each layer by its own capture fraction",
        3036,
    ),
    Entry(
        "layer_step",
        "a sensor of several layers",
        "layers at their front faces, thickness/(count-1) apart when the count is given",
        "layers at their centres, thickness/count apart",
        1626,
    ),
    Entry("source_weights", "a source file with unequal weights", "weights ignored", "weights, normalised", 2743),
    Entry(
        "water_scale",
        "a water background",
        "r_e^2 fluence enters twice and the term is divided by the number of steps",
        "r_e^2 fluence enters once",
        2515,
    ),
    Entry(
        "interpolation_latch",
        "interpolation that leaves the table",
        "off for the rest of the run after the first sample outside, nearest entry from then on",
        "the default amplitude, for that sample only",
        2949,
    ),
    Entry(
        "interpolation_autoselect",
        "a crystal size in mm, without an interpolation option",
        "interpolation is chosen from the cell counts before the size has set them",
        "chosen from the final counts",
        1778,
    ),
    Entry(
        "star_shape",
        "gauss and tophat shapes",
        "|sum delta_i a_i*|^2 in A^-2 times (Na Nb Nc)^2, which has a dimension",
        "sum (delta_i N_i)^2, as for the round shape",
        2845,
    ),
    Entry(
        "shape_constants",
        "the round, gauss and tophat shapes",
        "peaks whatever the fudge, 0.63 for 2/pi and for a sphere of volume 1: spots add up to other numbers",
        "every spot adds up to the number of cells over its reciprocal cell, as that of the square shape",
        2855,
    ),
    Entry(
        "cell_setting",
        "an oblique cell given without a matrix",
        "c* is built with V/(abc) in the place of V*/(a*b*c*), so that the cell's angles are not the given ones",
        "the given angles",
        1875,
    ),
    Entry(
        "misset_random",
        "a random misset",
        "the cap sampler with 90 taken as radians",
        "uniform over rotations",
        1902,
    ),
    Entry(
        "misset_seed_option",
        "-misset_seed followed by two or more arguments",
        "options are matched as substrings: also read as -misset SEED ARGUMENT ARGUMENT, which cancels a random misset",
        "only the seed",
        561,
    ),
    Entry(
        "twotheta_axis_option",
        "-twotheta_axis",
        "options are matched as substrings: also read as -twotheta X, with the sample pivot",
        "only the axis",
        764,
    ),
    Entry(
        "twotheta_axis_length",
        "a two-theta axis whose length is not one",
        "the axis is not normalised, and the swing is no rotation",
        "the axis is normalised",
        1725,
    ),
    Entry(
        "ignored_options",
        "options that the C program does not know (-xdet_vector, -detsize_x, -hdiv), does not use (-stol), stray words",
        "passed over; a whole number ends before its decimals",
        "obeyed, or refused by name",
        503,
    ),
    Entry(
        "default_files",
        "an option line that names no output; one without -hkl where there is a file Fdump.bin",
        "floatimage.bin, intimage.img, image.pgm, noiseimage.img and Fdump.bin are written; Fdump.bin is read",
        "refused; -dump names the file",
        139,
    ),
    Entry(
        "curved_det_last",
        "-curved_det as the last argument",
        "ignored",
        "applied",
        806,
    ),
    Entry(
        "curved_mapping",
        "a curved detector",
        "turned about slow and fast by y and z in the laboratory: mirrored, or empty; the flat panel's solid angle",
        "the panel bent along its own axes about the sample, each pixel with the area that it has there",
        2707,
    ),
    Entry(
        "custom_normal",
        "the custom convention",
        "a given normal is kept only when its length is exactly one; 1 0 0 when none is given; axes may be skew",
        "the normal of the fast and slow axes, on the side of the given one or of the beam",
        1263,
    ),
    Entry(
        "detector_size",
        "a detector size in mm that is no multiple of the pixel",
        "centres are counted from the given size",
        "centres are counted from the size of the pixels that there are",
        1121,
    ),
    Entry(
        "oversample_distance",
        "automatic oversampling of a swung or skew panel, or at a whole number",
        "by the distance along the beam that the header tells (distance_before_swing)",
        "by the distance along the beam before the swing",
        2078,
    ),
    Entry(
        "size_rounding",
        "a crystal size that is a whole number of cells",
        "one cell more where the rounding errors of the cell vectors went that way",
        "that whole number",
        2065,
    ),
    Entry(
        "round_peak",
        "the round shape within 1e-5 fringes of a Bragg peak, as at the direct beam on the centre of a subpixel",
        "the closed form of the sphere's transform loses its digits, and is 0 within 3e-9",
        "the series",
        3301,
    ),
    Entry(
        "hkl_stream",
        "a reflection list of other than four columns, or with comments, decimals or fused columns",
        "four numbers after four, whatever the lines, up to the first word that is none",
        "h k l F of each line, further columns ignored; refused where they are fused",
        2152,
    ),
    Entry(
        "poisson_sampler",
        "a noise image",
        "pixels in order from one 32-bit generator, float32 rejection sampling, Gaussian above 1e6 photons",
        "Poisson counts, each pixel from its own counter",
        3244,
    ),
    Entry(
        "header_overflow",
        "an SMV header longer than 512 bytes",
        "HEADER_BYTES stays 512, DIALS_ORIGIN lacks its semicolon; no ADC_OFFSET, CONVENTION and tilts",
        "the header's size fits its text, which has ADC_OFFSET, CONVENTION and tilts",
        3167,
    ),
    Entry(
        "header_close_distance",
        "an -img or -mask header with CLOSE_DISTANCE under the beam pivot, or with -distance",
        "the header's close distance wins over its DISTANCE and over the given distance",
        "the given distance, else DISTANCE",
        1713,
    ),
    Entry(
        "two_column_sources",
        "a source file of two columns",
        "x and y of each source, in m",
        "a spectrum: wavelength or energy, and weight",
        2322,
    ),
    Entry(
        "sentinel_values",
        "a -flux, a count or a part of -cell of 0, a range, a step or a count below 0, or an -roi beyond the detector",
        "taken for not given: the default fluence, no rotation or one of the nominal range; -N for 1; -roi is cut",
        "no photons, a rotation the other way; refused",
        1131,
    ),
    Entry(
        "header_twotheta",
        "an -img or -mask header with TWOTHETA or DETECTOR_ROTX, _ROTY, _ROTZ",
        "TWOTHETA is read and not used, the tilts are not known",
        "applied",
        492,
    ),
    Entry(
        "header_beam_center",
        "BEAM_CENTER of an SMV header, written or read, when the panel is not placed by it",
        "written as given on the option line; read in the terms of the line's convention, for the near point too",
        "where the beam meets the panel; read in the terms of the header's CONVENTION, the near point from ORGX, ORGY",
        3170,
    ),
    Entry(
        "mask_beam_center",
        "a -mask header with BEAM_CENTER_Y",
        "counted from the other edge of the image",
        "as that of an -img header",
        440,
    ),
    Entry(
        "distance_before_swing",
        "a two-theta swing: an SMV header, or -curved_det with curved_mapping",
        "distance along the beam and direct beam with the normal as it was before the swing",
        "where the beam meets the panel as it stands",
        1756,
    ),
    Entry(
        "two_sided_panel",
        "a panel whose back faces the sample",
        "the photons are negative, and grow in the depth of a sensor",
        "no photons, and an error where that is the whole image",
        2724,
    ),
)

NAMES: tuple[str, ...] = tuple(entry.name for entry in ENTRIES if entry.switchable)
"""Entries that can be switched on."""

_FIXED = {entry.name: entry for entry in ENTRIES if not entry.switchable}


def check_names(names: Iterable[str], key: str = "parity") -> tuple[str, ...]:
    """Sorted ledger names; ``"all"`` stands for the whole ledger.

    Raises:
        ConfigError: an unknown name, with the nearest known one.
    """
    chosen: set[str] = set()
    faults = []
    for name in names:
        if name == "all":
            chosen.update(NAMES)
        elif name in NAMES:
            chosen.add(name)
        elif name in _FIXED:
            entry = _FIXED[name]
            faults.append(Fault(key, f"{name} cannot be switched on: it {entry.c_program} ({entry.physics})"))
        else:
            near = difflib.get_close_matches(name, NAMES, 1)
            hint = f"did you mean {near[0]}?" if near else f"the ledger has {', '.join(NAMES)}"
            faults.append(Fault(key, f"{name!r} is not an entry of the parity ledger; {hint}"))
    if faults:
        raise ConfigError(faults)
    return tuple(sorted(chosen))
