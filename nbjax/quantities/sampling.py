"""Quantities of the sampling and of the output."""

from __future__ import annotations

from nbjax.quantities.interval import Interval, above_zero, around_zero, up_to, within
from nbjax.quantities.quantity import Quantity

_COUNTS: dict[str, tuple[str, float]] = {
    "oversample": ("subpixels along each edge", 1e4),
    "phi_steps": ("spindle steps", 1e6),
    "divergence_horizontal_steps": ("horizontal directions", 1e5),
    "divergence_vertical_steps": ("vertical directions", 1e5),
    "dispersion_steps": ("wavelengths", 1e5),
    "mosaic_domains": ("mosaic domains", 1e6),
    "thickness_layers": ("sensor layers", 1e4),
    "tile_pixels": ("pixels that are computed at once", 2.0**31 - 1),
}
_DEFAULT = "or leave it out for the default"

SAMPLING: tuple[Quantity, ...] = (
    *(
        Quantity(f"sampling.{key}", f"the number of {what}, {_DEFAULT}", hard=within(1.0, most))
        for key, (what, most) in _COUNTS.items()
    ),
    Quantity(
        "sampling.phi_step_deg",
        f"the spacing of the spindle steps in degrees, {_DEFAULT}",
        "degrees",
        around_zero(3.6e5),
        around_zero(360.0),
    ),
    *(
        Quantity(
            f"sampling.divergence_{axis}_step_mrad",
            f"the spacing of the directions in mrad, {_DEFAULT}",
            "mrad",
            above_zero(2000.0),
            Interval(0.0, 100.0, open_low=True),
        )
        for axis in ("horizontal", "vertical")
    ),
    Quantity(
        "sampling.resolution_limit_A", "the smallest spacing to keep in Angstrom", "A", up_to(1e5), within(0.1, 100.0)
    ),
)

OUTPUT: tuple[Quantity, ...] = (
    Quantity("output.integer_scale", f"counts per photon, {_DEFAULT}", "1/photon", above_zero(1e30)),
    Quantity("output.pgm_scale", f"grey levels per photon, {_DEFAULT}", "1/photon", above_zero(1e30)),
    Quantity("output.adc_offset", "the offset in counts", hard=around_zero(2.0**31), plausible=up_to(65535.0)),
    Quantity("output.seed", "a seed", hard=within(0.0, 2.0**31 - 1)),
)
