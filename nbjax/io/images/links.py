"""Links of HDF5 files to others: what is missing is named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nbjax.errors import FileError
from nbjax.io.images.recorded import Request


def look_up(request: Request, group: Any, name: str) -> Any:
    """What has a path in a group, through all links.

    Raises:
        KeyError: there is nothing of this name.
        FileError: it is in another file, which is missing, damaged, or lacks it.
    """
    import h5py

    parts = [part for part in name.split("/") if part]
    for number, part in enumerate(parts):
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
        if link is None:
            raise KeyError(name)
        if isinstance(link, h5py.SoftLink):
            try:
                target = look_up(request, group.file if link.path.startswith("/") else group, link.path)
            except KeyError:
                raise FileError(
                    f"{request.name}: {'/'.join(parts[: number + 1])} points to {link.path}, which the file lacks"
                ) from None
            group = target
            continue
        if isinstance(link, h5py.ExternalLink):
            _check(request, group.file.filename, link.filename, link.path, "/".join(parts[: number + 1]))
        group = group[part]
    return group


def linked(group: Any, name: str) -> Any:
    """A member of a group, or None where it is a link that leads nowhere."""
    try:
        return group[name]
    except (KeyError, OSError, RuntimeError):
        return None


def unlinked(group: Any, name: str) -> bool:
    """Whether a member of a group is a link that leads nowhere."""
    return linked(group, name) is None


def check_sources(request: Request, dataset: Any) -> None:
    """Make sure that all files of a virtual dataset are there; HDF5 would fill their pixels with zeros.

    Raises:
        FileError: one is missing, damaged, or lacks its dataset.
    """
    if not dataset.is_virtual:
        return
    home = dataset.file.filename
    # HDF5 knows the shape of a source only where a part of it was taken; else the pixels that come from it
    sources = {
        (part.file_name, part.dset_name): (part.src_space.shape, _points(part.vspace))
        for part in dataset.virtual_sources()
    }
    for source, (shape, pixels) in sources.items():
        # names with a %b stand for any number of files, of which the first must be there
        file_name, name = (text.replace("%b", "0").replace("%%", "%") for text in source)
        if file_name != ".":
            _check(request, home, file_name, name, dataset.name.strip("/"), shape, pixels)


def _check(
    request: Request, home: str, file_name: str, name: str, link: str, shape: tuple[int, ...] = (), pixels: int = 0
) -> None:
    import h5py

    place = _place(home, file_name)
    said = f"{request.name}: {link} is in the file {file_name}"
    if place is None:
        packed = str(request.path) != request.name
        folder = os.path.dirname(os.path.abspath(home))
        remedy = f"unpack {request.name} beside it" if packed else f"put it into {folder}"
        raise FileError(f"{said}, which is missing; {remedy}")
    try:
        with h5py.File(place, "r", locking="best-effort") as file:
            try:
                found = look_up(request, file, name)
            except KeyError:
                raise FileError(f"{said}, which has no {name}; copy it again") from None
            if isinstance(found, h5py.Dataset):
                check_sources(request, found)
                short = any(has < wanted for has, wanted in zip(found.shape, shape, strict=False))
                if short or (not shape and found.size < pixels):
                    raise FileError(f"{said}, which has fewer pixels or images than it should; copy it again")
    except OSError as error:
        raise FileError(f"{said}, which cannot be read ({str(error).splitlines()[0]}); copy it again") from None


def _points(space: Any) -> int:
    """Pixels of a selection; 0 of one without an end."""
    try:
        return int(space.get_select_npoints())
    except RuntimeError:
        return 0


def _place(home: str, file_name: str) -> Path | None:
    """Where HDF5 finds a file that another names: beside that one, or where the program runs."""
    folder = Path(home).parent
    tried = [folder / file_name, Path(file_name), folder / Path(file_name).name]
    return next((place for place in tried if place.is_file()), None)
