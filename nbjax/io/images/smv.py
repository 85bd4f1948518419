"""SMV and d*TREK images."""

from __future__ import annotations

from nbjax.io.images.recorded import Recorded, Request, Stack
from nbjax.io.smv import header_number, read_smv

_PEDESTAL = ("ADC_OFFSET", "IMAGE_PEDESTAL")
_SATURATION = ("CCD_IMAGE_SATURATION", "SATURATED_VALUE")


_SIMULATED = "says no ADC_OFFSET, as images of the C program, which adds 40 to every pixel unless it is told otherwise"


def recognises(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a header of SMV."""
    return head.lstrip().startswith(b"{") and b"HEADER_BYTES" in head[:512]


def read(request: Request) -> Stack:
    """The images, with pedestal and saturation of the header.

    Raises:
        FileError: as ``read_smv``.
    """
    image = read_smv(request.path, request.name)

    def number(*keys: str) -> float | None:
        return next(
            (found for key in keys if (found := header_number(image.header, key, request.name)) is not None), None
        )

    gain = number("GAIN")
    pedestal = number(*_PEDESTAL)
    simulated = pedestal is None and image.header.get("BEAMLINE") == "fake"
    pixels = image.pixels if image.pixels.ndim == 3 else image.pixels[None]
    return Stack(
        len(pixels),
        lambda index: Recorded(
            pixels[index],
            request.name,
            index=index,
            pedestal_counts=pedestal or 0.0,
            saturation_counts=number(*_SATURATION),
            photons_per_count=1.0 / gain if gain is not None and gain > 0 else 1.0,
            wavelength_A=number("WAVELENGTH"),
            distance_mm=number("DISTANCE"),
            header=image.header,
            pedestal_doubt=_SIMULATED if simulated else "",
        ),
    )
