"""A dataset's TOML file: a configuration and its ``[dataset]`` section, checked together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tomli_w

from nbjax.config.kinds import check_kind
from nbjax.config.load import config_from_dict, read_data, structured
from nbjax.config.tree import Config
from nbjax.config.write import config_toml
from nbjax.dataset.distributions import distribution_faults
from nbjax.dataset.section import DatasetSection, Draw
from nbjax.dataset.single_formats import SINGLE_FORMATS
from nbjax.errors import ConfigError, Fault


@dataclass(frozen=True)
class Recipe:
    """All that a dataset's images follow from.

    Attributes:
        config: the base configuration.
        dataset: the series.
    """

    config: Config
    dataset: DatasetSection

    def toml(self) -> str:
        """TOML text that reads back to the same recipe."""
        section = {key: value for key, value in _plain(asdict(self.dataset)).items() if value not in ([], {})}
        return "\n".join(part for part in (config_toml(self.config), tomli_w.dumps({"dataset": section})) if part)


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a dataset's file; names of input files are relative to its folder.

    Args:
        path: TOML with a ``[dataset]`` section.
        overrides: ``section.key=value``, as on the command line.

    Raises:
        FileError: it cannot be read, or is not TOML.
        ConfigError: everything that is wrong with it.
    """
    data, _ = read_data(path, overrides)
    check_kind(path, data, "dataset")
    section = data.pop("dataset", {})
    config = config_from_dict(data)
    if not isinstance(section, dict):
        raise ConfigError([Fault("dataset", f"got {section!r}, a section with its keys is wanted")])
    _anchor(section, Path(path).resolve().parent)
    dataset = structured(section, DatasetSection, "dataset")
    faults = [*_faults(dataset), *_draw_faults(dataset.draws)]
    if config.detector.curved:
        faults.append(Fault("detector.curved", "NXmx files describe flat panels; leave it out"))
    if config.crystals:
        faults.append(Fault("crystals", "a dataset draws its crystals; give dataset.lattices instead"))
    if config.parity:
        faults.append(Fault("parity", "a dataset computes the physics; leave the ledger's entries out"))
    if faults:
        raise ConfigError(faults)
    return Recipe(config, dataset)


def _anchor(section: dict[str, Any], folder: Path) -> None:
    draws = section.get("draws")
    tables = [draw for draw in draws if isinstance(draw, dict)] if isinstance(draws, list) else []
    for table, name in [(section, "matrices_file"), *((draw, "file") for draw in tables)]:
        if isinstance(table.get(name), str):
            table[name] = str(folder / table[name])


def _faults(dataset: DatasetSection) -> list[Fault]:
    faults = []
    for name, smallest, largest in (
        ("seed", 0, 2**63 - 1),
        ("lattices", 1, 1000),
        ("frames_per_shard", 1, 10**6),
        ("phi_steps", 1, 10**6),
    ):
        number = getattr(dataset, name)
        if number is not None and not smallest <= number <= largest:
            faults.append(Fault(f"dataset.{name}", f"got {number}, must lie between {smallest} and {largest}"))
    if dataset.kind == "rotation":
        if not dataset.width_deg:
            got = "missing" if dataset.width_deg is None else "got 0"
            problem = f"{got}; give the rotation of each image, below zero for a reversed scan"
            faults.append(Fault("dataset.width_deg", problem))
    else:
        for name in ("start_deg", "width_deg", "phi_steps"):
            if getattr(dataset, name) is not None:
                faults.append(Fault(f"dataset.{name}", 'belongs to kind = "rotation"; leave it out of stills'))
    faults += _weight_faults(dataset)
    if dataset.matrices_file is not None and dataset.orientation is not None:
        faults.append(Fault("dataset.orientation", "given together with dataset.matrices_file; leave one of them out"))
    also = dataset.also or ()
    for name in also:
        if name not in SINGLE_FORMATS:
            faults.append(Fault("dataset.also", f"got {name!r}, must be one of {', '.join(SINGLE_FORMATS)}"))
    if len(set(also)) != len(also):
        faults.append(Fault("dataset.also", "names a format twice; name it once"))
    if dataset.pixels == "float32" and any(
        not SINGLE_FORMATS[name].holds_floats for name in also if name in SINGLE_FORMATS
    ):
        faults.append(
            Fault("dataset.also", 'holds whole numbers; choose pixels = "uint16" or "uint32", or leave it out')
        )
    return faults


def _weight_faults(dataset: DatasetSection) -> list[Fault]:
    weights, key = dataset.lattice_weights, "dataset.lattice_weights"
    if weights is None:
        return []
    if dataset.kind == "rotation":
        return [Fault(key, "belongs to stills: the crystals of a rotation series stay; leave it out")]
    if len(weights) != dataset.lattices + 1:
        wanted = f"{dataset.lattices + 1} are wanted, for 0 to {dataset.lattices} lattices"
        return [Fault(key, f"got {len(weights)} weights, {wanted}; dataset.lattices is the largest number")]
    if min(weights) < 0 or not sum(weights) > 0:
        return [Fault(key, f"got {weights}, must not be negative, and not all zero")]
    return []


def _draw_faults(draws: Sequence[Draw]) -> list[Fault]:
    faults: list[Fault] = []
    seen = set()
    for number, draw in enumerate(draws):
        place = f"dataset.draws.{number}"
        faults += distribution_faults(place, draw)
        if not draw.keys:
            faults.append(Fault(f"{place}.keys", "is empty; name the keys that get the number"))
        for key in draw.keys:
            if key in seen:
                faults.append(Fault(f"{place}.keys", f"{key} is drawn twice; name it once"))
            seen.add(key)
        if len({key.split(".")[0] == "crystal" for key in draw.keys}) > 1:
            faults.append(Fault(f"{place}.keys", "mixes the crystal's keys with others; draw them apart"))
    return faults


def _plain(value: Any) -> Any:
    """Values as TOML holds them, without what was not said."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
