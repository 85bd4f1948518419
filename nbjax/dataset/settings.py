"""What a dataset in a folder was begun with, so that nothing else continues it."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from nbjax.config.edit import tables_of
from nbjax.config.inputs import INPUT_FILES
from nbjax.dataset.load import Recipe
from nbjax.dataset.run import Share
from nbjax.dataset.shard import config_of
from nbjax.errors import ConfigError, Fault, FileError
from nbjax.io.experiments import split_choice
from nbjax.io.files import atomic_writer, read_bytes, read_text

FILES_OF_A_RUN = 250
"""Shards that a large dataset is stored in."""

_MADE_BY = ("jax_version", "jaxlib_version", "numpy_version", "processor")
"""What may change the last digits of the photons, and no more."""


def settings_path(folder: Path, name: str) -> Path:
    """The file of the settings."""
    return folder / f"{name}.toml"


def shard_size(recipe: Recipe, folder: Path, name: str, images: int) -> int:
    """Images of a shard: as the recipe says, or as the dataset in the folder has them, or by their number."""
    if recipe.dataset.frames_per_shard is not None:
        return recipe.dataset.frames_per_shard
    path = settings_path(folder, name)
    begun = _run(read_text(path)).get("frames_per_shard") if path.exists() else None
    return begun if isinstance(begun, int) and begun > 0 else max(100, -(-images // FILES_OF_A_RUN))


def settings_text(recipe: Recipe, share: Share, made_by: Mapping[str, str]) -> str:
    """TOML of everything that the files follow from: recipe, number of images, input files, versions."""
    run = {
        "images": share.images,
        "frames_per_shard": share.frames_per_shard,
        **made_by,
        "inputs": {name: hashlib.sha256(read_bytes(split_choice(name)[0])).hexdigest() for name in input_files(recipe)},
    }
    return "\n".join([recipe.toml(), tomli_w.dumps({"run": run})])


def portable(text: str) -> str:
    """Settings without what another place, a later run or more images change: input files go by their last name."""
    data = tomllib.loads(text)
    run = data.get("run", {})
    inputs = run.get("inputs", {})
    for key in ("images", *_MADE_BY):
        run.pop(key, None)
    run["inputs"] = {Path(name).name: checksum for name, checksum in inputs.items()}
    return tomli_w.dumps(_renamed(data, {name: Path(name).name for name in inputs}))


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def input_files(recipe: Recipe) -> list[str]:
    """Names of every file that a recipe reads."""
    names = [
        getattr(table, key)
        for section, keys in INPUT_FILES.items()
        for _, table in tables_of(recipe.config, section)
        for key in keys
    ]
    names += [recipe.dataset.matrices_file, *(draw.file for draw in recipe.dataset.draws)]
    return sorted({name for name in names if name is not None})


def check_settings(share: Share, text: str, resume: bool) -> list[str]:
    """Make sure that a folder may take a dataset with these settings.

    Returns:
        Sentences on what was noted and has changed, which may move the last digits of the photons.

    Raises:
        ConfigError: it holds a dataset and ``resume`` is off, or one with other settings or more images.
    """
    path = settings_path(share.folder, share.name)
    shards = [share.path(shard) for shard in range(share.shards) if share.path(shard).exists()]
    if not path.exists() and not shards:
        return []
    if not resume:
        raise ConfigError(
            [Fault("--out", f"{share.folder} holds a dataset; continue it with --resume, or give another folder")]
        )
    if not path.exists():
        # each shard has its own copy
        for shard in shards:
            _compare(shard, config_of(shard), portable(text))
        return []
    old = read_text(path)
    try:
        before, now = _run(old), _run(text)
        _compare(share.folder, portable(old), portable(text))
    except (tomllib.TOMLDecodeError, AttributeError) as error:
        raise FileError(f"{path}: is no record of a dataset ({error}); restore it, or delete it") from None
    if before.get("images", 0) > share.images:
        problem = f"got {share.images}, {share.folder} holds a dataset of {before['images']}; give as many, or more"
        raise ConfigError([Fault("--images", problem)])
    return [
        f"{share.folder} was begun with {key.replace('_', ' ')} {before[key]}, now it is {now[key]}; the last digits "
        "of the photons may differ"
        for key in _MADE_BY
        if key in before and before[key] != now[key]
    ]


def _compare(place: Path, old: str, new: str) -> None:
    if old == new:
        return
    changes = [
        line
        for line in difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    problem = f"{place} was begun with other settings ({'; '.join(changes[:4])}); restore them, or give another folder"
    raise ConfigError([Fault("--resume", problem)])


def _run(text: str) -> dict[str, Any]:
    found = tomllib.loads(text).get("run", {})
    return found if isinstance(found, dict) else {}


def write_settings(share: Share, text: str) -> None:
    """Note the settings, where they are not noted yet."""
    path = settings_path(share.folder, share.name)
    if not path.exists() or read_text(path) != text:
        with atomic_writer(path, "w") as handle:
            handle.write(text)
