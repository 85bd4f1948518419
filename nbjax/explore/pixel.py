"""A pixel of the image: the factors of its trace, its resolution, and the nearest reflection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.errors import UsageError
from nbjax.experiment import Experiment
from nbjax.explore.model import Model
from nbjax.parameters import alone
from nbjax.pipeline.recording import trace
from nbjax.tracing.document import PixelTrace
from nbjax.tracing.factors import trace_document
from nbjax.tracing.keys import UNITS

_MEAN: dict[str, Any] = {
    "crystal.model": "sampled",
    "crystal.mosaicity_deg": None,
    "crystal.mosaicity_axes_deg": None,
    "crystal.cell_spread_percent": None,
    "beam.bandwidth_percent": None,
    "beam.divergence_sigma_mrad": None,
}
"""A closed crystal sums up no samples: what is told of it is the mean lattice in the mean ray."""


def traced_config(config: Config) -> tuple[Config, bool]:
    """The configuration that is traced, and whether it is of the mean lattice of a closed crystal."""
    if config.crystal.model != "closed":
        return config, False
    mean = with_values(config, _MEAN)
    if config.crystals:
        alone = (with_values(replaced, _MEAN).crystal for replaced in _each(mean))
        mean = with_values(mean, {"crystals": tuple(alone)})
    return mean, True


def _each(config: Config) -> list[Config]:
    return [with_values(config, {"crystal": one}) for one in config.crystals]


def pixel_facts(model: Model, config: Config, at: Sequence[int]) -> dict[str, Any]:
    """What the page says of a pixel: the numbers of ``nbjax trace``, by their keys.

    Args:
        model: of the configuration.
        config: with its changes.
        at: slow and fast of the pixel, from 0; of several panels after the panel.

    Raises:
        NbjaxError: a fault of the configuration, or a pixel outside of the image.
    """
    traced, of_mean = traced_config(config)
    resolved, experiment = model.prepared(traced)
    shape, panels = resolved.detector.shape, resolved.detector.panels
    slow, fast = at[-2:]
    inside = len(at) == len(shape) and all(0 <= place < size for place, size in zip(at, shape, strict=True))
    if not inside or (len(at) > 2 and not (fast < panels[at[0]].pixels[0] and slow < panels[at[0]].pixels[1])):
        size = " x ".join(map(str, shape))
        raise UsageError(f"pixel {' '.join(map(str, at))}: is outside of {size} pixels; give a pixel of the image")
    with jax.enable_x64(True):
        (pixel,) = trace_document(experiment, trace(experiment, [at])).pixels
        indices = [_hkl(pixel)]
        if len(experiment.crystals) > 1:
            indices = [_hkl(_alone(experiment, number, at)) for number in resolved.listed]
    values = {key: np.asarray(value).tolist() for key, value in pixel.values.items()}
    length_per_m = float(np.linalg.norm(pixel.values["last_scattering_per_m"]))
    return {
        "panel": at[0] if len(at) > 2 else None,
        "slow": slow,
        "fast": fast,
        "spacing_A": 1e10 / length_per_m if length_per_m else None,
        "hkl": indices,
        "of_mean": of_mean,
        "values": values,
        "units": {key: UNITS[key] for key in values if key in UNITS},
    }


def _hkl(pixel: PixelTrace) -> list[int]:
    return [round(index) for index in np.asarray(pixel.values["last_hkl0"]).tolist()]


def _alone(experiment: Experiment, number: int, at: Sequence[int]) -> PixelTrace:
    """The pixel with one crystal alone: the samples of a trace end with those of the last one."""
    one = alone(experiment, number)
    (pixel,) = trace_document(one, trace(one, [at])).pixels
    return pixel
