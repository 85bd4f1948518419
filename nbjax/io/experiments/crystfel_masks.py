"""Masks that a geometry of CrystFEL names: arrays whose bits tell good and bad pixels."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.experiments.crystfel_lines import Entry, Geometry, Keys, place
from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.io.images import open_images
from nbjax.io.images.hdf5 import is_hdf5, opened

_OLD = {"mask": "data", "mask_file": "file", "mask_good": "goodbits", "mask_bad": "badbits"}
_NEW = re.compile(r"mask([0-7])_(file|data|goodbits|badbits)")


class Masks:
    """The masks of a geometry; each file is read once.

    Args:
        geometry: whose lines name them.
    """

    def __init__(self, geometry: Geometry):
        self._geometry = geometry
        self._read: dict[tuple[Path, str], np.ndarray] = {}

    def of_panel(self, panel: RecordedPanel, keys: Keys) -> np.ndarray | None:
        """Bad pixels of a panel by its masks, shape (slow, fast), or None where none can be read.

        Raises:
            FileError: a mask that CrystFEL would refuse.
        """
        bad = None
        for mask in _masks(keys).values():
            marked = self._marked(panel, mask)
            if marked is not None:
                bad = marked if bad is None else bad | marked
        return bad

    def _marked(self, panel: RecordedPanel, mask: Keys) -> np.ndarray | None:
        if "data" not in mask:
            self._geometry.note(
                min(mask.values()), "the mask has no place in its file, by mask or maskN_data, and is not taken"
            )
            return None
        if "file" not in mask or "%" in mask["data"][1]:
            self._geometry.note(mask["data"], f"the mask {mask['data'][1][:60]} is in the images and is not taken")
            return None
        file = self._file(mask["file"])
        if file is None:
            self._geometry.note(mask["file"], f"the mask {mask['file'][1][:200]} is not there and is not taken")
            return None
        good, bad = (_bits(self._geometry, key, mask[key]) if key in mask else 0 for key in ("goodbits", "badbits"))
        stored = self._cut(panel, file, mask["data"])
        return ((stored & good) != good) | ((stored & bad) != 0)

    def _file(self, entry: Entry) -> Path | None:
        """The file from the folder where the program runs, as for CrystFEL, or beside the geometry."""
        tried = (Path(entry[1]), Path(self._geometry.path).parent / entry[1])
        return next((path for path in tried if path.is_file()), None)

    def _cut(self, panel: RecordedPanel, file: Path, data: Entry) -> np.ndarray:
        """Numbers of the mask in a panel, shape (slow, fast)."""
        if (file, data[1]) not in self._read:
            self._read[file, data[1]] = self._whole(file, data)
        stored = self._read[file, data[1]]
        assert panel.place is not None
        axes = panel.place.axes
        # a mask may have an axis of images, whose first is taken
        if stored.ndim == len(axes):
            stored = stored[tuple(0 if axis == "%" else slice(None) for axis in axes)]
        index = panel.place.of_image(panel.pixels)
        fits = stored.ndim == len(index) and all(
            (each.stop <= size) if isinstance(each, slice) else 0 <= each < size
            for each, size in zip(index, stored.shape, strict=True)
        )
        if not fits or min(panel.place.first) < 0:
            shown = " x ".join(map(str, self._read[file, data[1]].shape))
            raise self._geometry.fault(
                data, f"the mask has {shown} pixels, in which panel {panel.name[:40]} has no place; give the right mask"
            )
        return np.asarray(stored[index])

    def _whole(self, file: Path, data: Entry) -> np.ndarray:
        if not is_hdf5(file):
            stored = open_images(file, mask=True)[0].stored
        else:
            with opened(file, str(file)) as handle:
                if data[1] not in handle or not hasattr(handle[data[1]], "shape"):
                    raise FileError(f"{place(self._geometry.path, data)}: {file} has no {data[1][:60]}; correct it")
                stored = np.asarray(handle[data[1]][()])
        if stored.dtype.kind not in "iub":
            stored = np.nan_to_num(stored) if stored.dtype.kind == "f" else np.zeros(stored.shape)
        return stored.astype(np.int64)


def _masks(keys: Keys) -> dict[str, Keys]:
    """The keys of each mask by its number, in their new names; the older names mean mask 0."""
    found: dict[str, Keys] = {}
    for key, entry in keys.items():
        match = _NEW.fullmatch(key)
        if key in _OLD:
            number, kind = "0", _OLD[key]
        elif match is not None:
            number, kind = match[1], match[2]
        else:
            continue
        mask = found.setdefault(number, {})
        mask[kind] = max(entry, mask.get(kind, entry))
    return found


def _bits(geometry: Geometry, key: str, entry: Entry) -> int:
    word = (entry[1].split() or [""])[0]
    try:
        return int(word, 16 if word.lower().startswith("0x") else 10)
    except ValueError:
        raise geometry.fault(entry, f"the {key} {word[:40]!r} are no whole number; give one as 0xff") from None
