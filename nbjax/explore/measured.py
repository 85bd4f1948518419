"""A measured image beside the model, and the model fitted to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from nbjax.config.tree import Config
from nbjax.errors import ConfigError, Fault, FileError
from nbjax.explore.changes import changes_between, fitted_path
from nbjax.explore.model import Model
from nbjax.fit import COARSE_TO_FINE, Free, Stage, boxes, fit
from nbjax.fit.configuration import check_writable, fitted_config
from nbjax.fit.equations import broadened
from nbjax.io.images import other_size
from nbjax.plot import Camera, Wanted, read_exposure
from nbjax.resolve.detector import ResolvedDetector

_BROADEN = 3.0
"""Of the spots whose boxes are fitted, so that those that start beside their pixels are in them."""


def read_measured(name: str, detector: ResolvedDetector, wanted: Wanted) -> Float[np.ndarray, "..."]:
    """Photons of a measured image, NaN where there are none, of the shape of the model's image.

    Args:
        name: of the file.
        detector: of the model.
        wanted: which image, and how its numbers are meant.

    Raises:
        FileError: it cannot be read, is of another size, or has no values.
    """
    shape = detector.shape
    camera = Camera(panels=detector.panels if len(shape) > 2 else (), shape=(shape[-2], shape[-1]))
    values = read_exposure(name, camera, wanted).values
    if values.shape != shape:
        raise FileError(f"{name}: {other_size(values.shape, shape)}; give the configuration of this image")
    if not np.isfinite(values).any():
        raise FileError(f"{name}: has no pixel with a value; give another image")
    return values


def fitted_changes(
    model: Model,
    config: Config,
    measured: Float[np.ndarray, "..."],
    keys: Sequence[str],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """The model fitted to an image: changes of the configuration, and the numbers with their deviations.

    Args:
        model: of the configuration.
        config: where the fit starts.
        measured: photons, NaN where there are none.
        keys: that are free.
        say: called with a sentence after every step.

    Raises:
        NbjaxError: what cannot be fitted.
    """
    if not keys:
        raise ConfigError([Fault("parameters", "none is free; mark those that the fit may move")])
    paths = [fitted_path(key, len(config.crystals)) for key in keys]
    check_writable(config, paths)
    _, experiment = model.prepared(config)
    with jax.enable_x64(True):
        say("finding the spots")
        used = np.isfinite(measured) & boxes(broadened(experiment, _BROADEN), 6, 3.0)
        experiment = jax.tree.map(jnp.asarray, experiment)
        result = fit(
            [experiment],
            [measured],
            [Free(path) for path in paths],
            _stages(config),
            used=[used],
            convention=config.detector.convention,
            on_step=lambda stage, state, entry: say(f"step {entry.step}: loss {float(entry.losses.sum()):.8g}"),
        )
        fitted = fitted_config(config, result.experiments[0], paths)
    (shot,) = result.shots
    rows = zip(result.names, shot.values, shot.sigmas, result.units, strict=True)
    return {
        "changes": changes_between(model.base, fitted),
        "outcome": shot.outcome.value,
        "reason": shot.reason,
        "warnings": list(shot.warnings),
        "numbers": [
            [name, float(value), float(sigma) if np.isfinite(sigma) else None, unit]
            for name, value, sigma, unit in rows
        ],
    }


def _stages(config: Config) -> tuple[Stage, ...]:
    """Of a closed crystal, whose room is of spots of their own widths, as it starts alone."""
    return COARSE_TO_FINE[:1] if config.crystal.model == "closed" else COARSE_TO_FINE
