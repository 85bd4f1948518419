"""Resolution of the stages of a recording: those of a named detector, their order, defaults and units."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from nbjax.config.tree import Config, Stage
from nbjax.constants import HC_EV_A
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.chains import CHAINS
from nbjax.resolve.detector import ResolvedDetector
from nbjax.resolve.notes import Notes

PAIR_EV = {"Si": 3.62, "Ge": 2.96, "CdTe": 4.43, "GaAs": 4.2}
"""Energy of a pair of charges in sensors (G. F. Knoll, Radiation Detection and Measurement, tables 11.1 and 13.3)."""

Holds = Literal["expected photons", "photons", "counted photons", "counts", "whole numbers"]
"""What an image is of between two stages."""

_EXPECTED: Holds = "expected photons"
_CHARGES: tuple[Holds, ...] = ("expected photons", "photons")
_AFTER: tuple[Holds, ...] = ("photons", "counted photons", "counts")
_ALL: tuple[Holds, ...] = ("expected photons", "photons", "counted photons", "counts", "whole numbers")


@dataclass(frozen=True)
class Kind:
    """What is known of a kind of stage.

    Attributes:
        keys: that it has.
        wanted: of each group, one key must be given.
        takes: images that it acts on, and in words where that is.
        gives: what it makes of them; None: the same.
    """

    keys: tuple[str, ...]
    wanted: tuple[tuple[str, ...], ...]
    takes: tuple[Holds, ...]
    place: str
    gives: Holds | None = None


KINDS: dict[str, Kind] = {
    "flicker": Kind(("sigma_percent", "each"), (("sigma_percent",),), (_EXPECTED,), "before poisson or counting"),
    "point_spread": Kind(
        ("fwhm_um", "form", "radius_px", "file"), (("fwhm_um", "file"),), _CHARGES, "before gain, and before counting"
    ),
    "charge_sharing": Kind(("cloud_um",), (("cloud_um",),), _CHARGES, "before gain, and before counting"),
    "poisson": Kind((), (), (_EXPECTED,), "once, before what acts on photons", "photons"),
    "counting": Kind(
        ("threshold_keV", "noise_keV", "dead_time_ns", "dead_time"),
        (),
        (_EXPECTED,),
        "once, in the place of poisson",
        "counted photons",
    ),
    "calibration": Kind(
        ("gain_percent", "offset_photons", "offset_counts", "seed"),
        (("gain_percent", "offset_photons", "offset_counts"),),
        (_EXPECTED, *_AFTER),
        "before quantize",
    ),
    "dark_current": Kind(
        ("electrons_per_s", "electrons_per_photon"), (("electrons_per_s",),), ("photons",), "between poisson and gain"
    ),
    "readout": Kind(
        ("sigma_photons", "sigma_electrons", "sigma_counts", "electrons_per_photon"),
        (("sigma_photons", "sigma_electrons", "sigma_counts"),),
        ("photons", "counts"),
        "after poisson, and before quantize",
    ),
    "gain": Kind(
        ("counts_per_photon", "counts_per_keV", "pedestal_counts"),
        (("counts_per_photon", "counts_per_keV", "pedestal_counts"),),
        ("photons", "counted photons"),
        "once, after poisson or counting, and before quantize",
        "counts",
    ),
    "gain_switching": Kind(
        ("gains_counts_per_keV", "pedestals_counts", "noises_counts", "switches_keV", "converter_bits", "words"),
        (("gains_counts_per_keV",), ("pedestals_counts",), ("noises_counts",), ("switches_keV",)),
        ("photons",),
        "in the place of gain, after poisson",
        "counts",
    ),
    "saturation": Kind(
        ("limit_photons", "limit_counts", "overload_counts"), (("limit_photons", "limit_counts"),), _ALL, ""
    ),
    "hot_and_dead": Kind(
        ("hot_percent", "dead_percent", "hot_counts", "dead_counts", "mask_file", "seed"),
        (("hot_percent", "dead_percent", "mask_file"),),
        _ALL,
        "",
    ),
    "quantize": Kind(
        ("bits", "signed", "rounding"), (("bits",),), (_EXPECTED, *_AFTER), "once, after gain", "whole numbers"
    ),
}
"""Every kind of stage by its name."""

_DEFAULTS: dict[str, dict[str, Any]] = {
    "flicker": {"each": "image"},
    "counting": {"noise_keV": 0.0, "dead_time_ns": 0.0, "dead_time": "nonparalyzable"},
    "calibration": {"gain_percent": 0.0},
    "gain": {"pedestal_counts": 0.0},
    "gain_switching": {"converter_bits": 14, "words": "raw"},
    "hot_and_dead": {"hot_percent": 0.0, "dead_percent": 0.0, "dead_counts": 0.0},
    "quantize": {"signed": False, "rounding": "nearest"},
}
_UNITS = ("_photons", "_electrons", "_counts")


def resolve_record(
    config: Config, beam: ResolvedBeam, detector: ResolvedDetector, seed: int, notes: Notes
) -> tuple[Stage, ...]:
    """The stages with nothing left open; faults go to ``notes``.

    Args:
        config: the configuration.
        beam: whose photons have the energy that thresholds and gains are about.
        detector: whose pixels and sensor it is.
        seed: of what is the same in every image, where a stage has none of its own.
        notes: takes faults and origins.
    """
    stages = _named(config.record, notes)
    checked = [(number, stage) for number, stage in enumerate(stages) if _is_whole(number, stage, notes)]
    if len(checked) < len(stages):
        return ()
    _check_order(stages, notes)
    found = []
    for number, stage in enumerate(stages):
        completed = _completed(stage, beam, detector, seed)
        _check_numbers(number, completed, beam, detector, notes)
        for field in fields(Stage):
            key, given = f"record.{number}.{field.name}", getattr(stage, field.name)
            if given is not None and isinstance(config.record, tuple):
                notes.given(key, given)
            elif (value := getattr(completed, field.name)) is not None:
                origin = "default" if given is None else f"record {config.record}"
                notes.record(key, value, origin)
        found.append(completed)
    return tuple(found)


def photon_keV(beam: ResolvedBeam) -> float:  # noqa: N802
    """Energy of a photon."""
    return HC_EV_A / beam.wavelength_A / 1000


def _named(record: tuple[Stage, ...] | str, notes: Notes) -> tuple[Stage, ...]:
    if not isinstance(record, str):
        return record
    notes.given("record", record)
    if record not in CHAINS:
        near = difflib.get_close_matches(record, CHAINS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(CHAINS)}, or give [[record]] tables"
        notes.fault("record", f"got {record!r}; {hint}")
        return ()
    return CHAINS[record]


def _is_whole(number: int, stage: Stage, notes: Notes) -> bool:
    """Whether a table has the keys of its stage, and no others."""
    key = f"record.{number}"
    if any(fault.key.startswith(f"{key}.") for fault in notes.faults):
        return False
    if stage.stage is None:
        notes.fault(f"{key}.stage", f"is missing; name the stage, one of {', '.join(KINDS)}")
        return False
    kind = KINDS[stage.stage]
    given = [field.name for field in fields(Stage) if getattr(stage, field.name) is not None and field.name != "stage"]
    foreign = [name for name in given if name not in kind.keys]
    for name in foreign:
        has = f"has {', '.join(kind.keys)}" if kind.keys else "has no numbers"
        notes.fault(f"{key}.{name}", f"is no key of the stage {stage.stage!r}, which {has}; leave it out")
    for group in kind.wanted:
        found = [name for name in group if name in given]
        if not found:
            notes.fault(f"{key}.{group[0]}", f"is missing; give {' or '.join(group)} to the stage {stage.stage!r}")
        units = [name for name in found if name.endswith(_UNITS)]
        if len(units) > 1 and stage.stage != "calibration":
            notes.fault(f"{key}.{units[1]}", f"given together with {units[0]}; leave one of them out")
    if stage.counts_per_photon is not None and stage.counts_per_keV is not None:
        notes.fault(f"{key}.counts_per_keV", "given together with counts_per_photon; leave one of them out")
    if stage.fwhm_um is not None and stage.file is not None:
        notes.fault(f"{key}.file", "given together with fwhm_um; leave one of them out")
    return not any(fault.key.startswith(f"{key}.") for fault in notes.faults)


def _check_order(stages: Sequence[Stage], notes: Notes) -> None:
    """Note every stage that stands where it makes no sense."""
    kinds = [KINDS[stage.stage] for stage in stages if stage.stage is not None]
    draws = any(stage.stage in ("poisson", "counting") for stage in stages)
    # without counts, what is expected is what there is
    holds: set[Holds] = {"expected photons"} if draws else {"expected photons", "photons"}
    for number, (stage, kind) in enumerate(zip(stages, kinds, strict=True)):
        if not holds & set(kind.takes):
            problem = f"got {stage.stage!r} where the image is of {' or '.join(sorted(holds))}; it belongs {kind.place}"
            notes.fault(f"record.{number}.stage", problem)
            return
        holds = holds if kind.gives is None else {kind.gives}
        scaled = any(kind.gives == "counts" for kind in kinds)
        if holds.isdisjoint({"counts", "whole numbers"}) and scaled:
            for name in ("sigma_counts", "offset_counts", "limit_counts"):
                if getattr(stage, name) is not None:
                    other = name.replace("_counts", "_photons")
                    notes.fault(f"record.{number}.{name}", f"stands before a gain, in photons; give {other}")


def _completed(stage: Stage, beam: ResolvedBeam, detector: ResolvedDetector, seed: int) -> Stage:
    """The table with its defaults."""
    assert stage.stage is not None
    values = dict(_DEFAULTS.get(stage.stage, {}))
    keys = KINDS[stage.stage].keys
    if stage.stage == "point_spread" and stage.file is None:
        values["form"] = "gaussian"
    if stage.stage == "counting":
        values["threshold_keV"] = photon_keV(beam) / 2
    if stage.stage == "gain" and stage.counts_per_keV is None:
        values["counts_per_photon"] = 1.0
    if stage.stage == "dark_current" or stage.sigma_electrons is not None:
        values["electrons_per_photon"] = photon_keV(beam) * 1000 / PAIR_EV.get(_material(detector), PAIR_EV["Si"])
    if "seed" in keys:
        values["seed"] = seed
    return replace(stage, **{name: value for name, value in values.items() if getattr(stage, name) is None})


def _material(detector: ResolvedDetector) -> str:
    return detector.sensor.materials[0].name if detector.sensor.materials else "Si"


def _check_numbers(number: int, stage: Stage, beam: ResolvedBeam, detector: ResolvedDetector, notes: Notes) -> None:
    """Note numbers that make no sense together."""
    key = f"record.{number}"
    panel = min(detector.pixels_slow, detector.pixels_fast)
    if stage.fwhm_um is not None and stage.fwhm_um / 1000 > panel * detector.pixel_mm:
        wide = f"wider than the panel of {panel * detector.pixel_mm:g} mm"
        notes.fault(f"{key}.fwhm_um", f"got {stage.fwhm_um:g}, {wide}; give the width of a point in um")
    energy = photon_keV(beam)
    if stage.threshold_keV is not None and stage.threshold_keV >= energy:
        problem = f"got {stage.threshold_keV:g}, and photons have {energy:.4g} keV, so that none is counted; lower it"
        notes.fault(f"{key}.threshold_keV", problem)
    if stage.cloud_um is not None and stage.cloud_um / 1000 > 0.5 * detector.pixel_mm:
        problem = f"got {stage.cloud_um:g}, more than half a pixel, which the nearest pixels cannot share"
        notes.fault(f"{key}.cloud_um", f"{problem}; use point_spread")
    if stage.gains_counts_per_keV is not None and 0 in stage.gains_counts_per_keV:
        notes.fault(f"{key}.gains_counts_per_keV", f"got {stage.gains_counts_per_keV}, of which none may be 0")
    if stage.switches_keV is not None and not stage.switches_keV[0] < stage.switches_keV[1]:
        problem = f"got {stage.switches_keV[0]:g} and {stage.switches_keV[1]:g}; give the smaller one first"
        notes.fault(f"{key}.switches_keV", problem)
    if stage.hot_percent and stage.hot_counts is None:
        notes.fault(f"{key}.hot_counts", "is missing; say what a hot pixel holds")
    if (stage.hot_percent or 0.0) + (stage.dead_percent or 0.0) > 100:
        notes.fault(f"{key}.dead_percent", "is with hot_percent more than all pixels; lower one of them")
