"""What the host refuses of an image that was computed."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax import prepare, put, simulate
from nbjax.errors import NonFiniteError
from nbjax.pipeline.render import render


def test_an_intensity_that_overflows_is_infinite_inside_of_jax_and_refused_outside() -> None:
    experiment = put(prepare(small_config()), "beam.fluence_photons_per_m2", jnp.float64(np.inf))
    assert not np.isfinite(np.asarray(simulate(experiment))).any()
    with pytest.raises(NonFiniteError, match="480 pixels are not finite"):
        render(experiment)
