"""What a dataset in a folder was begun with, so that nothing else continues it."""

from __future__ import annotations

import difflib
import hashlib
import re
from pathlib import Path

import tomli_w

from nbjax import __version__
from nbjax.config.inputs import INPUT_FILES
from nbjax.dataset.load import Recipe
from nbjax.dataset.run import Share
from nbjax.errors import ConfigError, Fault
from nbjax.io.files import atomic_writer, read_bytes, read_text

_IMAGES = re.compile(r"(?<=\[run\]\n)images = (\d+)\n")


def settings_path(share: Share) -> Path:
    """The file of the settings."""
    return share.folder / f"{share.name}.toml"


def settings_text(recipe: Recipe, share: Share) -> str:
    """TOML of everything that the files follow from: recipe, number of images, input files, version."""
    run = {
        "images": share.images,
        "nbjax_version": __version__,
        "inputs": {name: hashlib.sha256(read_bytes(name)).hexdigest() for name in input_files(recipe)},
    }
    return "\n".join([recipe.toml(), tomli_w.dumps({"run": run})])


def input_files(recipe: Recipe) -> list[str]:
    """Names of every file that a recipe reads."""
    names = [getattr(getattr(recipe.config, section), key) for section, keys in INPUT_FILES.items() for key in keys]
    names += [recipe.dataset.matrices_file, *(draw.file for draw in recipe.dataset.draws)]
    return sorted({name for name in names if name is not None})


def check_settings(share: Share, text: str, resume: bool) -> None:
    """Make sure that a folder may take a dataset with these settings.

    Raises:
        ConfigError: it holds a dataset and ``resume`` is off, or one with other settings or more images.
    """
    path = settings_path(share)
    if not path.exists():
        return
    if not resume:
        raise ConfigError(
            [Fault("--out", f"{share.folder} holds a dataset; continue it with --resume, or give another folder")]
        )
    old = read_text(path)
    if images_of(old) > share.images:
        problem = f"got {share.images}, {share.folder} holds a dataset of {images_of(old)}; give as many, or more"
        raise ConfigError([Fault("--images", problem)])
    if without_images(old) != without_images(text):
        changes = [
            line
            for line in difflib.unified_diff(old.splitlines(), text.splitlines(), lineterm="", n=0)
            if line[:1] in "+-" and line[:3] not in ("+++", "---")
        ]
        raise ConfigError(
            [
                Fault(
                    "--resume",
                    f"{share.folder} was begun with other settings ({'; '.join(changes[:4])}); restore them, or give "
                    "another folder",
                )
            ]
        )


def images_of(text: str) -> int:
    """The number of images that settings are for."""
    found = _IMAGES.search(text)
    return int(found[1]) if found else 0


def without_images(text: str) -> str:
    """Settings apart from the number of images, by which a dataset may grow."""
    return _IMAGES.sub("", text)


def write_settings(share: Share, text: str) -> None:
    """Note the settings, where they are not noted yet."""
    path = settings_path(share)
    if not path.exists() or read_text(path) != text:
        with atomic_writer(path, "w") as handle:
            handle.write(text)
