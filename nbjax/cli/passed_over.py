"""What the C program makes of a line beyond its options: words that it passes over, files that it names itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbjax.cli.options import BY_NAME, REFUSED
from nbjax.cli.words import is_number

OPTION_ENTRIES = (
    "misset_seed_option",
    "twotheta_axis_option",
    "curved_det_last",
    "sentinel_values",
    "ignored_options",
)
"""Entries of the ledger about how the C program reads its options."""

_DEFAULT_FILES = {
    "output.float_file": "floatimage.bin",
    "output.integer_file": "intimage.img",
    "output.pgm_file": "image.pgm",
    "output.noise_file": "noiseimage.img",
}
_DEFAULT_DUMP = "Fdump.bin"
_OBEYED = ("-xdet_vector", "-ydet_vector", "-zdet_vector", "-detsize_x", "-detsize_y")
"""Spellings of nbjax's own."""


def passed_over(word: str) -> str | None:
    """What to say of a word that the C program does not know or use; None of an option that it does.

    Args:
        word: a word that is not the value of an option before it.
    """
    if word in BY_NAME and word not in _OBEYED:
        return None
    if word in REFUSED and "does not use it" in REFUSED[word]:
        return f"{word}: has no effect; the C program reads it and does not use it"
    if word.startswith("-") and not is_number(word):
        return f"{word}: has no effect; the C program does not know this option"
    return f"{word}: has no effect; it belongs to no option"


def name_default_files(values: dict[str, Any], asks_else: bool, noise: bool) -> list[str]:
    """Name the C program's files where none is named, and its cache of structure factors.

    Args:
        values: configuration key -> value; changed in place.
        asks_else: whether the line asks for anything else than images.
        noise: whether an image with noise is wanted.

    Returns:
        Sentences for the user.
    """
    notes = []
    if "crystal.hkl_file" not in values and "crystal.dump_file" not in values and Path(_DEFAULT_DUMP).is_file():
        values["crystal.dump_file"] = _DEFAULT_DUMP
        notes.append(f"structure factors are read from {_DEFAULT_DUMP}, as by the C program without -hkl")
    if asks_else or any(key in values for key in (*_DEFAULT_FILES, "output.png_file")):
        return notes
    values.update(_DEFAULT_FILES)
    if not noise:
        del values["output.noise_file"]
    if "crystal.hkl_file" in values:
        values.setdefault("crystal.dump_file", _DEFAULT_DUMP)
    return notes
