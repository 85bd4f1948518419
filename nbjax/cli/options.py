"""The options of ``nbjax nanobragg`` as one table: spellings, values, and the configuration keys they set.

The units of the C program's options are those of the configuration keys, so that values pass unchanged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One option in all its spellings.

    Attributes:
        names: spellings; the first is the one in messages.
        kind: what follows: "number", "integer", "text", "vector" (three numbers), "flag" (nothing), or the name of a
            rule of its own in the parser.
        keys: configuration keys that take the value; flags set them to ``value``.
        help: one line.
        value: what a flag sets.
        pivot: the pivot that the option chooses under the custom convention.
        group: heading in the help text.
    """

    names: tuple[str, ...]
    kind: str
    keys: tuple[str, ...]
    help: str
    value: object = True
    pivot: str | None = None
    group: str = ""


def _group(name: str, *options: Option) -> tuple[Option, ...]:
    return tuple(Option(o.names, o.kind, o.keys, o.help, o.value, o.pivot, name) for o in options)


def _number(names: str, keys: str, text: str, pivot: str | None = None) -> Option:
    return Option(tuple(names.split()), "number", tuple(keys.split()), text, pivot=pivot)


def _integer(names: str, keys: str, text: str) -> Option:
    return Option(tuple(names.split()), "integer", tuple(keys.split()), text)


def _text(names: str, keys: str, text: str) -> Option:
    return Option(tuple(names.split()), "text", tuple(keys.split()), text)


def _flag(names: str, keys: str, text: str, value: object = True) -> Option:
    return Option(tuple(names.split()), "flag", tuple(keys.split()), text, value)


def _rule(names: str, kind: str, keys: str, text: str) -> Option:
    return Option(tuple(names.split()), kind, tuple(keys.split()), text)


OPTIONS: tuple[Option, ...] = (
    *_group(
        "Crystal",
        _rule("-cell", "cell", "crystal.cell_A crystal.cell_deg", "a b c alpha beta gamma: unit cell (A, degrees)"),
        _text("-mat -matrix", "crystal.matrix_file", "FILE: mosflm-style orientation matrix"),
        _rule("-misset", "misset", "crystal.misset_deg", "X Y Z | random: rotation about x, y, z (degrees)"),
        _text("-hkl", "crystal.hkl_file", "FILE: text list of h k l F in P1"),
        _number("-default_F", "crystal.default_F", "F: amplitude of unlisted reflections (default 0)"),
        _text("-dump", "crystal.dump_file", "FILE: structure-factor cache; written with -hkl, read without"),
        _rule("-N", "cells", "crystal.cells", "N: unit cells along each axis"),
        _rule("-Na", "cells", "crystal.cells", "N: unit cells along a"),
        _rule("-Nb", "cells", "crystal.cells", "N: unit cells along b"),
        _rule("-Nc", "cells", "crystal.cells", "N: unit cells along c"),
        _number(
            "-samplesize -sample_size -xtalsize -xtal_size",
            "crystal.size_a_mm crystal.size_b_mm crystal.size_c_mm",
            "MM: crystal edge, instead of -N",
        ),
        _number("-sample_x -sample_thick -xtal_x -xtal_thick", "crystal.size_a_mm", "MM: crystal edge along a"),
        _number("-sample_y -sample_width -xtal_y -xtal_width -width", "crystal.size_b_mm", "MM: crystal edge along b"),
        _number(
            "-sample_z -sample_height -sample_heigh -xtal_z -xtal_height -xtal_heigh -height -heigh",
            "crystal.size_c_mm",
            "MM: crystal edge along c",
        ),
        _flag("-square_xtal", "crystal.shape", "parallelepiped crystal (default)", "square"),
        _flag("-round_xtal", "crystal.shape", "ellipsoidal crystal", "round"),
        _flag("-gauss_xtal", "crystal.shape", "Gaussian spots", "gauss"),
        _flag("-tophat_spots -binary_spots", "crystal.shape", "flat spots with a sharp edge", "tophat"),
        _number("-fudge", "crystal.fudge", "X: scale of the squared spot radius"),
        _flag("-interpolate", "crystal.interpolate", "interpolate structure factors"),
        _flag("-nointerpolate", "crystal.interpolate", "do not interpolate structure factors", False),
        _number("-mosaic -mosaici -mosaicity -mosaic_spr -mosaic_spread", "crystal.mosaic_spread_deg", "DEG: spread"),
        _integer("-mosaic_dom -mosaic_domains", "sampling.mosaic_domains", "N: mosaic domains"),
        _number("-phi", "crystal.phi_start_deg", "DEG: start of the spindle rotation"),
        _number("-osc", "crystal.phi_range_deg", "DEG: range of the spindle rotation"),
        _number("-phistep", "sampling.phi_step_deg", "DEG: spacing of the phi steps"),
        _integer("-phisteps", "sampling.phi_steps", "N: phi steps"),
        _number("-water", "crystal.water_um", "UM: edge of the cube of water around the crystal"),
        _integer("-mosaic_seed", "crystal.mosaic_seed", "N: seed of the mosaic domains"),
        _rule("-misset_seed", "misset_seed", "crystal.misset_seed", "N: seed of -misset random"),
    ),
    *_group(
        "Beam",
        _rule("-lambda -wave -wavelength", "wavelength", "beam.wavelength_A", "A: wavelength"),
        _rule("-energy", "energy", "beam.energy_eV", "EV: photon energy"),
        _number("-fluence", "beam.fluence_photons_per_m2", "N: photons per square metre"),
        _number("-flux", "beam.flux_photons_per_s", "N: photons per second; with -exposure and -beamsize"),
        _number("-exposure", "beam.exposure_s", "S: exposure"),
        _number("-beamsize", "beam.beamsize_mm", "MM: width of the beam"),
        _number(
            "-divergence",
            "beam.divergence_horizontal_mrad beam.divergence_vertical_mrad",
            "MRAD: divergence in both directions",
        ),
        _number("-hdivrange", "beam.divergence_horizontal_mrad", "MRAD: horizontal divergence"),
        _number("-vdivrange", "beam.divergence_vertical_mrad", "MRAD: vertical divergence"),
        _number("-hdivstep", "sampling.divergence_horizontal_step_mrad", "MRAD: horizontal spacing"),
        _number("-vdivstep", "sampling.divergence_vertical_step_mrad", "MRAD: vertical spacing"),
        _integer("-hdivsteps", "sampling.divergence_horizontal_steps", "N: horizontal points"),
        _integer("-vdivsteps", "sampling.divergence_vertical_steps", "N: vertical points"),
        _integer(
            "-divsteps",
            "sampling.divergence_horizontal_steps sampling.divergence_vertical_steps",
            "N: points in both directions",
        ),
        _flag("-round_div", "beam.divergence_shape", "cut the divergence grid to an ellipse (default)", "round"),
        _flag("-square_div", "beam.divergence_shape", "full divergence grid", "square"),
        _number("-dispersion", "beam.dispersion_percent", "PERCENT: spectral width"),
        _integer("-dispsteps", "sampling.dispersion_steps", "N: wavelengths"),
        _text("-sourcefile", "beam.source_file", "FILE: x y z weight wavelength of each source (m), or a spectrum"),
        _rule("-polar", "polar", "beam.polarization", "K: Kahn polarization factor, -1 to 1"),
        _flag("-nopolar", "beam.polarization_correction", "no polarization factor", False),
    ),
    *_group(
        "Detector",
        _number("-distance", "detector.distance_mm", "MM: sample to detector along the beam", "beam"),
        _number("-close_distance", "detector.close_distance_mm", "MM: sample to the nearest point", "sample"),
        _number("-pixel", "detector.pixel_mm", "MM: pixel size"),
        _integer("-detpixels", "detector.pixels_fast detector.pixels_slow", "N: pixels in both directions"),
        _integer("-detpixels_f -detpixels_x", "detector.pixels_fast", "N: pixels along fast"),
        _integer("-detpixels_s -detpixels_y", "detector.pixels_slow", "N: pixels along slow"),
        _number("-detsize", "detector.size_fast_mm detector.size_slow_mm", "MM: width in both directions"),
        _number("-detsize_f -detsize_x", "detector.size_fast_mm", "MM: width along fast"),
        _number("-detsize_s -detsize_y", "detector.size_slow_mm", "MM: width along slow"),
        _number("-Xbeam", "detector.beam_x_mm", "MM: beam centre, X of the convention", "beam"),
        _number("-Ybeam", "detector.beam_y_mm", "MM: beam centre, Y of the convention", "beam"),
        _number("-Xclose", "detector.close_x_mm", "MM: nearest point along fast", "sample"),
        _number("-Yclose", "detector.close_y_mm", "MM: nearest point along slow", "sample"),
        _number("-ORGX", "detector.org_x_px", "PX: XDS origin along fast", "sample"),
        _number("-ORGY", "detector.org_y_px", "PX: XDS origin along slow", "sample"),
        _rule("-pivot", "pivot", "detector.pivot", "beam|sample: centre of the panel rotations"),
        _flag("-mosflm", "detector.convention", "MOSFLM convention (default)", "mosflm"),
        _flag("-denzo", "detector.convention", "DENZO convention", "denzo"),
        _flag("-adxv", "detector.convention", "ADXV convention", "adxv"),
        _flag("-xds", "detector.convention", "XDS convention", "xds"),
        _flag("-dials", "detector.convention", "DIALS convention", "dials"),
        _rule("-fdet_vector -xdet_vector", "vector", "detector.fast_axis", "X Y Z: fast axis"),
        _rule("-sdet_vector -ydet_vector", "vector", "detector.slow_axis", "X Y Z: slow axis"),
        _rule("-odet_vector -zdet_vector", "vector", "detector.normal_axis", "X Y Z: panel normal"),
        _rule("-beam_vector", "vector", "beam.direction", "X Y Z: direction of the beam"),
        _rule("-polar_vector", "vector", "beam.polarization_axis", "X Y Z: electric vector"),
        _rule("-spindle_axis", "vector", "crystal.spindle_axis", "X Y Z: spindle axis"),
        _rule("-twotheta_axis", "vector", "detector.two_theta_axis", "X Y Z: two-theta axis"),
        _rule(
            "-pix0_vector -pix0_vector_mm", "pix0", "detector.convention", "X Y Z: only selects the custom convention"
        ),
        _number("-detector_rotx", "detector.rotation_x_deg", "DEG: panel rotation about x"),
        _number("-detector_roty", "detector.rotation_y_deg", "DEG: panel rotation about y"),
        _number("-detector_rotz", "detector.rotation_z_deg", "DEG: panel rotation about z"),
        _number("-twotheta", "detector.two_theta_deg", "DEG: detector swing", "sample"),
        _rule("-curved_det", "curved", "detector.curved", "all pixels at the same distance"),
        _flag("-point_pixel", "detector.point_pixel", "no obliquity and pixel area in the solid angle"),
        _rule(
            "-detector_abs -detector_absorb -detector_absorption",
            "attenuation",
            "detector.attenuation_depth_um",
            "UM|inf: attenuation depth of the sensor; inf or 0 takes back the thickness given so far",
        ),
        _number("-detector_thick", "detector.thickness_um", "UM: sensor thickness"),
        _integer("-detector_thicksteps -thicksteps", "sampling.thickness_layers", "N: sensor layers"),
        _text("-img", "detector.header_file", "FILE: take camera parameters from an SMV header"),
        _text("-mask", "detector.mask_file", "FILE: SMV image, 0 where a pixel is skipped"),
        _rule("-roi", "roi", "detector.roi", "FMIN FMAX SMIN SMAX: render part of the image (inclusive)"),
    ),
    *_group(
        "Sampling",
        _integer("-oversample", "sampling.oversample", "N: subpixels along each edge (default: from crystal size)"),
        _flag("-oversample_thick", "sampling.oversample_thickness", "capture fraction for each subpixel"),
        _flag("-oversample_polar", "sampling.oversample_polarization", "polarization for each subpixel"),
        _flag("-oversample_omega", "sampling.oversample_solid_angle", "solid angle for each subpixel"),
        _number("-dmin", "sampling.resolution_limit_A", "A: drop samples of smaller spacing"),
        _integer("-tile", "sampling.tile_pixels", "N: pixels computed at once"),
        _rule("-precision", "precision", "precision", "double|mixed|single: floating-point policy"),
        _rule("-parity", "parity", "parity", "[NAME,NAME]: reproduce the C program, in all or in the named entries"),
    ),
    *_group(
        "Output (only what is named is written)",
        _text("-floatfile -floatimage", "output.float_file", "FILE: photons as 4-byte floats"),
        _text("-intfile -intimage", "output.integer_file", "FILE: noiseless SMV image"),
        _rule("-pgmfile -pgmimage", "pgm_file", "output.pgm_file", "FILE: 8-bit graymap"),
        _text("-noisefile -noiseimage", "output.noise_file", "FILE: SMV image with counting noise"),
        _text("-pngfile", "output.png_file", "FILE: picture"),
        _rule("-config_out", "config_out", "", "FILE: the equivalent TOML configuration"),
        _number("-scale", "output.integer_scale", "X: scale of -intfile (default: brightest pixel 55000)"),
        _number("-adc -adcoffset -adc_offset", "output.adc_offset", "X: offset of integer pixels (default 40)"),
        _rule("-pgmscale", "pgm_scale", "output.pgm_scale", "X: scale of -pgmfile; undoes -nopgm"),
        _rule("-nonoise", "nonoise", "output.noise_file", "cancel a -noisefile given before"),
        _rule("-nopgm", "nopgm", "output.pgm_file", "cancel a -pgmfile given before"),
        _integer("-seed", "output.seed", "N: seed of the noise (default 1)"),
        _rule("-printout", "switch", "", "print pixel values"),
        _rule("-printout_pixel", "printout_pixel", "", "FAST SLOW: print this pixel only"),
        _rule("-trace_pixel", "trace_pixel", "", "SLOW FAST: trace every factor of this pixel; may be repeated"),
        _rule("-trace_file", "trace_file", "", "FILE: the trace, .json, .h5 or .txt"),
        _rule("-trace_samples", "switch", "", "trace every sample of the pixels too"),
        _rule("-annotate --annotate", "switch", "", "axes, colour bar and rings on -pngfile"),
        _rule("-noprogress", "progress", "", "no progress bar"),
        _rule("-progress", "progress", "", "progress bar again"),
    ),
)

BY_NAME: dict[str, Option] = {name: option for option in OPTIONS for name in option.names}

BY_KEY: dict[str, str] = {key: option.names[0] for option in reversed(OPTIONS) for key in option.keys}
"""Configuration key -> the first option that sets it."""

VECTOR_KEYS = tuple(option.keys[0] for option in OPTIONS if option.kind == "vector")
"""Keys of the axes that the custom convention gives."""

_UNUSED = "the C program reads it and does not use it, so that it would change nothing; leave it out"
REFUSED: dict[str, str] = {
    **dict.fromkeys(("-stol", "-4stol", "-Q", "-stolout"), f"amorphous scattering: {_UNUSED} (-water adds background)"),
    "-coherent": f"coherent addition: {_UNUSED}",
    **dict.fromkeys(
        ("-density", "-sample_den", "-sample_density", "-MW", "-molec", "-molecular_weight"),
        f"sample composition: {_UNUSED}",
    ),
    "-hdiv": "not an option; use -hdivrange, with -hdivsteps or -hdivstep",
    "-vdiv": "not an option; use -vdivrange, with -vdivsteps or -vdivstep",
    "-dispstep": "not an option; use -dispersion with -dispsteps",
    "-source_dist": "not an option; sources are directions, give them with -sourcefile",
    "-source_distance": "not an option; sources are directions, give them with -sourcefile",
}


def in_options(text: str) -> str:
    """A sentence with its configuration keys replaced by the options that set them."""
    return re.sub(
        r"\b(?:beam|crystal|detector|sampling|output)\.\w+",
        lambda found: BY_KEY.get(found[0], f"{found[0]} (in TOML only)"),
        text,
    )


def help_text() -> str:
    """All options, by group."""
    lines = ["usage: nbjax nanobragg OPTIONS", "", "The options of nanoBragg, in its spellings and its order."]
    for group in dict.fromkeys(option.group for option in OPTIONS):
        lines += ["", f"{group}:"]
        for option in OPTIONS:
            if option.group == group:
                lines.append(f"  {' '.join(option.names)}")
                lines.append(f"      {option.help}")
    return "\n".join(lines)
