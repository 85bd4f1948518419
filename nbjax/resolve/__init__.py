"""From a configuration to an experiment with nothing left open: every value, and where it came from.

``resolve`` applies defaults, conventions and headers, reads the files that the configuration names, and reports all
faults at once. Values keep the units of their keys; ``nbjax.prepare`` turns them into SI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from nbjax.config.check import checked
from nbjax.config.inputs import absent_inputs
from nbjax.config.tree import Config, Stage
from nbjax.reference.ledger import check_names
from nbjax.resolve.absorbers import ResolvedAbsorber, resolve_absorbers
from nbjax.resolve.backgrounds import AnyBackground, resolve_backgrounds
from nbjax.resolve.beam import ResolvedBeam, resolve_beam
from nbjax.resolve.closed import closed_config
from nbjax.resolve.crystal import ResolvedCrystal, resolve_crystal
from nbjax.resolve.crystals import check_several, resolve_several
from nbjax.resolve.detector import ResolvedDetector, resolve_detector
from nbjax.resolve.header import apply_headers
from nbjax.resolve.mask import resolve_mask
from nbjax.resolve.model import apply_detector_model
from nbjax.resolve.notes import DEFAULT_SEED, Notes
from nbjax.resolve.panels import apply_detector_file
from nbjax.resolve.plausibility import check_ranges
from nbjax.resolve.record import resolve_record
from nbjax.resolve.rotation import resolve_rotation
from nbjax.resolve.sampling import ResolvedSampling, resolve_sampling
from nbjax.resolve.shadows import ResolvedShadow, resolve_shadows


@dataclass(frozen=True)
class ResolvedOutput:
    """How pixels become integers; None means chosen from the image."""

    integer_scale: float | None
    pgm_scale: float | None
    adc_offset: float
    seed: int


@dataclass(frozen=True)
class Resolved:
    """A configuration with nothing left open.

    Attributes:
        config: the configuration it came from, completed from image headers, parity names checked.
        beam, crystal, detector, sampling, output, backgrounds, shadows, absorbers: the sections.
        record: stages of the recording, each with all its numbers.
        mask: 0 where a pixel is skipped, of the image's shape, or None.
        others: crystals of the image but the first, and twins.
        warnings: sentences for the user.
        remarks: what was chosen for the user and decides what the image shows.
        notes: values and their origins.
        header_departures: ledger entries that the image headers bring into play.
    """

    config: Config
    beam: ResolvedBeam
    crystal: ResolvedCrystal
    detector: ResolvedDetector
    sampling: ResolvedSampling
    output: ResolvedOutput
    record: tuple[Stage, ...]
    mask: np.ndarray | None
    others: tuple[ResolvedCrystal, ...]
    warnings: tuple[str, ...]
    remarks: tuple[str, ...]
    notes: Mapping[str, tuple[object, str]]
    header_departures: tuple[str, ...]
    backgrounds: tuple[AnyBackground, ...] = ()
    shadows: tuple[ResolvedShadow, ...] = ()
    absorbers: tuple[ResolvedAbsorber, ...] = ()

    @property
    def crystals(self) -> tuple[ResolvedCrystal, ...]:
        """All crystals, twins after what they are twins of."""
        return (self.crystal, *self.others)

    @property
    def listed(self) -> tuple[int, ...]:
        """Numbers of the crystals that the configuration lists, among all that there are with their twins."""
        sizes = [1 if one.twin_law is None else 2 for one in self.config.crystals or (self.config.crystal,)]
        return tuple(sum(sizes[:number]) for number in range(len(sizes)))

    def rows(self) -> list[tuple[str, object, str]]:
        """Every resolved value: key path, value, origin."""
        return [(key, value, origin) for key, (value, origin) in self.notes.items()]

    def evaluated(self) -> tuple[np.ndarray, np.ndarray]:
        """Pixels that are computed, and pixels inside the region of interest; boolean, of the image's shape."""
        d = self.detector
        in_roi = np.zeros(d.shape, bool)
        in_roi[..., d.roi[2] : d.roi[3], d.roi[0] : d.roi[1]] = True
        return in_roi if self.mask is None else in_roi & (self.mask != 0), in_roi


def resolve(config: Config, sources: Mapping[str, str] | None = None) -> Resolved:
    """Complete a configuration.

    Args:
        config: what the user said, in a file or by hand.
        sources: where each given key came from, for the record.

    Raises:
        ConfigError: everything that is wrong, each with its key path.
        FileError: a file that cannot be read.
    """
    config = checked(config)
    config = replace(config, parity=check_names(config.parity))
    said = dict(sources or {})
    notes = Notes(said)
    notes.switch("precision", config.precision)
    notes.switch("parity", config.parity)
    for key, file in absent_inputs(config).items():
        notes.fault(key, f"got {file!r}, and there is no such file; correct the name")
    notes.raise_faults()
    model = apply_detector_model(config)
    said.update(model.origins)
    headers = apply_headers(model.config)
    said.update(headers.origins)
    of_file = apply_detector_file(headers.config)
    said.update(of_file.origins)
    for remark in of_file.remarks:
        notes.warn(remark)
    check_several(of_file.config, notes)
    config = closed_config(check_ranges(of_file.config, notes), notes)
    output = _resolve_output(config, notes)
    beam = resolve_beam(config.beam, config.sampling, config.parity, notes, output.seed)
    crystal = resolve_crystal(config, beam, output.seed, notes)
    detector = resolve_detector(config, beam, notes, of_file.recorded)
    crystal = replace(crystal, phi=resolve_rotation(config, beam, crystal, detector, notes))
    mask = resolve_mask(headers.mask, model.used, detector, config.detector.mask_file, notes)
    backgrounds = resolve_backgrounds(config, beam, detector, output.seed, notes)
    shadows, absorbers = resolve_shadows(config, beam, detector, notes), resolve_absorbers(config, beam, notes)
    crystals, oversample = resolve_several(of_file.config, crystal, beam, detector, output.seed, notes)
    record = resolve_record(config, beam, detector, output.seed, notes)
    notes.raise_faults()
    sampling = resolve_sampling(config, beam, crystal, detector, notes)
    sampling = replace(sampling, oversample=max(sampling.oversample, oversample))
    return Resolved(
        config=config,
        beam=beam,
        crystal=crystals[0],
        detector=detector,
        sampling=sampling,
        output=output,
        record=record,
        mask=mask,
        others=crystals[1:],
        warnings=tuple(dict.fromkeys(notes.warnings)),
        remarks=tuple(dict.fromkeys(notes.remarks)),
        notes=notes.rows,
        header_departures=headers.departures,
        backgrounds=backgrounds,
        shadows=shadows,
        absorbers=absorbers,
    )


def _resolve_output(config: Config, notes: Notes) -> ResolvedOutput:
    output = config.output
    seed = notes.choose("output.seed", output.seed, DEFAULT_SEED)
    for field in fields(output):
        if getattr(output, field.name) is not None:
            notes.given(f"output.{field.name}", getattr(output, field.name))
    for name in ("integer_scale", "pgm_scale"):
        if getattr(output, name) is None:
            notes.record(f"output.{name}", "automatic", "default: chosen from the image")
    return ResolvedOutput(
        integer_scale=output.integer_scale,
        pgm_scale=output.pgm_scale,
        adc_offset=notes.choose("output.adc_offset", output.adc_offset, 40.0),
        seed=seed,
    )
