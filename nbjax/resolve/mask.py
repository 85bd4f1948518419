"""Which pixels of a detector are skipped: those of a mask file, in gaps, bad ones, and where a panel ends."""

from __future__ import annotations

import numpy as np

from nbjax.io.images import other_size
from nbjax.resolve.detector import ResolvedDetector
from nbjax.resolve.notes import Notes


def resolve_mask(
    of_file: np.ndarray | None, of_model: np.ndarray | None, detector: ResolvedDetector, name: str | None, notes: Notes
) -> np.ndarray | None:
    """Where pixels are used, boolean, of the image's shape; None where all are.

    Args:
        of_file: of ``detector.mask_file``, shape (slow, fast), or beside ``detector.file`` (images, slow, fast).
        of_model: of ``detector.model``, shape (slow, fast).
        detector: the resolved detector.
        name: of the mask file.
        notes: takes faults.
    """
    shape, used = detector.shape, None
    if of_file is not None:
        used = _in_shape(of_file, shape)
        if used is None:
            each = f", one for each of the {shape[0]} panels" if len(shape) == 3 else ""
            notes.fault(
                "detector.mask_file",
                f"{name} {other_size(of_file.shape[-2:], shape[-2:], 'the image')}; give a mask of its size{each}",
            )
    found = [mask for mask in (used, of_model, _of_panels(detector)) if mask is not None]
    return np.logical_and.reduce(found) if found else None


def _in_shape(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """A mask in the image's shape: one image for each panel, or one with all panels below each other."""
    if mask.shape == shape:
        return mask
    one_below_another = (1, shape[0] * shape[1], shape[2]) if len(shape) == 3 else (1, *shape)
    return mask.reshape(shape) if mask.shape == one_below_another else None


def _of_panels(detector: ResolvedDetector) -> np.ndarray | None:
    """Pixels that panels have, and that their geometry does not call bad; None if that is all."""
    if not detector.panels:
        return None
    slow, fast = detector.shape[-2:]
    used = np.zeros((len(detector.panels), slow, fast), bool)
    for own, panel in zip(used, detector.panels, strict=True):
        own[: panel.pixels[1], : panel.pixels[0]] = True if panel.bad is None else ~panel.bad
    return None if used.all() else used.reshape(detector.shape)
