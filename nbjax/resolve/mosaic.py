"""Resolution of the crystal's disorder: a cap of domains as in the C program, or Gaussian mosaicity and cell spread."""

from __future__ import annotations

from dataclasses import dataclass

from nbjax.config.tree import Config, Crystal
from nbjax.resolve.notes import Notes

DEFAULT_DOMAINS = 10
_GAUSSIAN = ("mosaicity_deg", "mosaicity_axes_deg", "cell_spread_percent")


@dataclass(frozen=True)
class Mosaic:
    """Domains of a crystal.

    Attributes:
        spread_deg: half-angle of the cap.
        mosaicity_deg: standard deviations about the crystal's axes; None without Gaussian disorder.
        cell_spread_percent: relative standard deviation of the lengths.
        domains: number of them.
    """

    spread_deg: float
    mosaicity_deg: tuple[float, float, float] | None
    cell_spread_percent: float
    domains: int


def resolve_mosaic(config: Config, notes: Notes) -> Mosaic:
    """Fill in the disorder; faults go to ``notes``."""
    crystal, closed = config.crystal, config.crystal.model == "closed"
    spread = notes.choose("crystal.mosaic_spread_deg", crystal.mosaic_spread_deg, 0.0)
    given = [name for name in _GAUSSIAN if getattr(crystal, name) is not None]
    if crystal.mosaicity_deg is not None and crystal.mosaicity_axes_deg is not None:
        notes.fault(
            "crystal.mosaicity_axes_deg",
            "given together with crystal.mosaicity_deg, which is about every axis; leave one of them out",
        )
    if spread and given:
        notes.fault(
            "crystal.mosaic_spread_deg",
            f"got {spread:g} together with crystal.{given[0]}; domains lie on a cap or are Gaussian: keep one of them",
        )
        spread = 0.0
    axes = _mosaicity(crystal, notes)
    sizes = notes.choose("crystal.cell_spread_percent", crystal.cell_spread_percent, 0.0)
    wide = spread > 0 or max(axes) > 0 or sizes > 0
    key = f"crystal.{given[0] if given else 'mosaic_spread_deg'}"
    domains = 1 if closed else _domains(config, wide or bool(given), wide, key, notes)
    return Mosaic(spread, axes if given or closed else None, sizes, domains)


def _mosaicity(crystal: Crystal, notes: Notes) -> tuple[float, float, float]:
    if crystal.mosaicity_axes_deg is not None:
        notes.given("crystal.mosaicity_axes_deg", crystal.mosaicity_axes_deg)
        return crystal.mosaicity_axes_deg
    one = notes.choose("crystal.mosaicity_deg", crystal.mosaicity_deg, 0.0)
    return one, one, one


def _domains(config: Config, disordered: bool, wide: bool, key: str, notes: Notes) -> int:
    """Number of domains: one where all are equal, unless draws are asked for that a fit may widen."""
    domains = config.sampling.mosaic_domains
    if not disordered:
        if domains is not None and domains > 1:
            what = "crystal.mosaicity_deg or mosaic_spread_deg; one domain is used"
            notes.warn(f"sampling.mosaic_domains has no effect without a {what}")
        notes.record("sampling.mosaic_domains", 1, "no mosaic spread")
        return 1
    if not wide and domains is None:
        notes.record("sampling.mosaic_domains", 1, f"{key} is zero")
        return 1
    if domains is None:
        more = "" if key == "crystal.mosaic_spread_deg" else "; 100 and more join into smooth spots"
        notes.warn(f"{key} without sampling.mosaic_domains: {DEFAULT_DOMAINS} domains are used{more}")
    return notes.choose("sampling.mosaic_domains", domains, DEFAULT_DOMAINS)
