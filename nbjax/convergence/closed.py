"""What the closed model of the crystal gives in the place of the sampled one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.convergence.change import Change, PixelList, change
from nbjax.convergence.search import Result
from nbjax.errors import NbjaxError
from nbjax.experiment import chosen
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare_resolved
from nbjax.resolve import resolve

_SAMPLED = ("oversample", "phi_step_deg", "phi_steps", "mosaic_domains")
"""Keys of the sampling that the closed model has no use for."""


@dataclass(frozen=True)
class Closed:
    """The closed model beside the sampled one.

    Attributes:
        change: from it to the sampled result; None where it cannot be had.
        seconds: that an image takes, measured, compilation apart.
        why_not: one clause, where it cannot be had.
    """

    change: Change | None = None
    seconds: float | None = None
    why_not: str | None = None


def closed_of(config: Config, values: Mapping[str, Any], pixels: PixelList, sampled: Result) -> Closed:
    """The closed model of a configuration.

    Args:
        config: of the sampled model.
        values: configuration key -> value, by which the sampled result was made.
        pixels: that are compared.
        sampled: their photons, shape (n,).
    """
    try:
        before = resolve(with_values(config, values))
        if before.crystal.shape != "gauss":
            return Closed(why_not=f'crystal.shape is "{before.crystal.shape}", and its spots are Gaussian')
        turns = {"crystal.phi_range_deg": before.crystal.phi.range} if before.crystal.phi.range else {}
        idle = {f"sampling.{name}": None for name in _SAMPLED}
        resolved = resolve(with_values(config, {**values, **idle, **turns, "crystal.model": "closed"}))
        experiment = chosen(prepare_resolved(resolved), backgrounds=())
        image = np.asarray(simulate(experiment), float)
        # without what the first image compiles
        start = time.perf_counter()
        np.asarray(simulate(experiment))
        seconds = time.perf_counter() - start
    except NbjaxError as error:
        return Closed(why_not=str(error).splitlines()[0])
    return Closed(change(pixels, image[tuple(pixels.at.T)], sampled), seconds)
