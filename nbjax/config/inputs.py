"""The files that a configuration reads: which keys name them."""

from __future__ import annotations

from pathlib import Path

from nbjax.config.edit import tables_of, with_values
from nbjax.config.tree import Config

_OF_CRYSTAL = ("matrix_file", "orientation_file", "hkl_file", "reflections_file", "dump_file", "coordinates_file")

INPUT_FILES: dict[str, tuple[str, ...]] = {
    "beam": ("source_file", "spectrum_file"),
    "crystal": _OF_CRYSTAL,
    "crystals": _OF_CRYSTAL,
    "detector": ("file", "header_file", "mask_file"),
    "background": ("file", "profile_file", "image_file"),
    "record": ("file", "mask_file"),
}

OF_COORDINATES = (
    "coordinates_resolution_A",
    "coordinates_model",
    "coordinates_solvent",
    "solvent_k",
    "solvent_B_A2",
    "coordinates_scale",
    "coordinates_B_A2",
    "anomalous",
    "anomalous_channels",
)
"""Keys of a crystal that say how its ``coordinates_file`` is taken."""

OF_FACTORS = (
    "hkl_file",
    "reflections_file",
    "reflections_column",
    "space_group",
    "missing_reflections",
    "dump_file",
    "coordinates_file",
    *OF_COORDINATES,
)
"""Keys of a crystal that say where its structure factors come from."""


def absent_inputs(config: Config) -> dict[str, str]:
    """Key -> name of each file that there is none of, and that is to be read."""
    return {
        f"{place}.{name}": file
        for section, names in INPUT_FILES.items()
        for place, table in tables_of(config, section)
        for name in names
        # the first of several crystals stands under both names; beside a list, the cache of its factors is written
        if not (section == "crystal" and config.crystals)
        and not (name == "dump_file" and table.hkl_file is not None)
        and (file := getattr(table, name)) is not None
        and not _is_there(file)
    }


def _is_there(file: str) -> bool:
    try:
        # a name may end in a number, as in list.expt#3
        return Path(file).exists() or Path(file.rpartition("#")[0] or file).exists()
    except (OSError, ValueError):
        return False


def absolute_inputs(config: Config) -> Config:
    """The configuration with absolute names of the files that it reads."""
    found = {
        f"{place}.{name}": str(Path(file).resolve())
        for section, names in INPUT_FILES.items()
        for place, table in tables_of(config, section)
        for name in names
        if (file := getattr(table, name)) is not None
    }
    return with_values(config, found)
