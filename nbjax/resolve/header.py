"""A configuration completed from the headers of the files that it names."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nbjax.config.tree import Config
from nbjax.errors import FileError
from nbjax.io.images import Recorded, mask_image, mask_images, open_images
from nbjax.resolve.camera import Header, camera


@dataclass(frozen=True)
class HeaderValues:
    """What the headers gave.

    Attributes:
        config: the configuration, completed.
        mask: where pixels are used, boolean, shape (slow, fast), or (images, slow, fast) beside ``detector.file``; or
            None.
        origins: origin of every value taken.
        departures: ledger entries that concern these headers.
    """

    config: Config
    mask: np.ndarray | None
    origins: dict[str, str]
    departures: tuple[str, ...]


def apply_headers(config: Config) -> HeaderValues:
    """The configuration completed from ``mask_file`` and ``header_file``; the image header wins over the mask's."""
    headers, mask = [], None
    detector = config.detector
    if detector.mask_file is not None and detector.file is not None:
        mask = mask_images(detector.mask_file)
    elif detector.mask_file is not None:
        image = mask_image(detector.mask_file)
        mask = image.usable()
        headers.append(_header(detector.mask_file, image, of_mask=True))
    if detector.header_file is not None:
        image = open_images(detector.header_file)[0]
        if not _has_words(image):
            raise FileError(f"{detector.header_file}: has no header of SMV; give an SMV image")
        headers.append(_header(detector.header_file, image, of_mask=False))
    found = camera(headers, config)
    sections = {"beam": config.beam, "crystal": config.crystal, "detector": detector}
    for key, value in found.values.items():
        section, field = key.split(".")
        sections[section] = replace(sections[section], **{field: value})  # type: ignore[type-var]
    return HeaderValues(replace(config, **sections), mask, found.origins, found.departures)  # type: ignore[arg-type]


def _has_words(image: Recorded) -> bool:
    """Whether the words of an image's header mean what they mean in SMV."""
    return "HEADER_BYTES" in image.header


def _header(file: str, image: Recorded, of_mask: bool) -> Header:
    slow, fast = image.shape
    return Header(file, image.header if _has_words(image) else {}, (slow, fast), of_mask)
