"""Groups, datasets and transformations of NeXus files.

Strings have a fixed length and no date is that of the writing, so that equal images make equal files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import h5py
import numpy as np


def group(parent: h5py.Group, name: str, kind: str, ordered: bool = False, **attributes: object) -> h5py.Group:
    """A group of a NeXus class, whose members keep their order where it is ``ordered``."""
    made = parent.create_group(name, track_order=ordered or None)
    set_attributes(made, {"NX_class": kind, **attributes})
    return made


def set_attributes(node: h5py.Group | h5py.Dataset, attributes: Mapping[str, object]) -> None:
    """Attributes, with strings of fixed length."""
    for key, value in attributes.items():
        node.attrs[key] = np.bytes_(value.encode()) if isinstance(value, str) else value


def put(parent: h5py.Group, name: str, value: object, **attributes: object) -> h5py.Dataset:
    """A dataset with its attributes (``units`` and others), without the time of its writing."""
    if isinstance(value, str):
        encoded = value.encode()
        made = parent.create_dataset(
            name, data=encoded, dtype=h5py.string_dtype("utf-8", max(1, len(encoded))), track_times=False
        )
    else:
        made = parent.create_dataset(name, data=value, track_times=False)
    set_attributes(made, attributes)
    return made


def put_axis(
    parent: h5py.Group,
    name: str,
    values: np.ndarray,
    kind: str,
    vector: Sequence[float],
    units: str,
    depends_on: str,
    offset_m: Sequence[float] = (0.0, 0.0, 0.0),
) -> None:
    """A transformation of a chain, with the one that it is told in."""
    put(
        parent,
        name,
        values,
        units=units,
        transformation_type=kind,
        vector=np.array(vector),
        offset=np.array(offset_m, float),
        offset_units="m",
        depends_on=depends_on,
    )
