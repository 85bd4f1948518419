"""What a slab of molecules scatters, by tables of one."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.numerics import components
from nbjax.physics.backgrounds.amorphous import Amorphous
from nbjax.physics.backgrounds.background import Sight, put_out
from nbjax.physics.backgrounds.tabulated import Tabulated
from nbjax.physics.backgrounds.water import Water
from nbjax.physics.compton import compton_ratio

WAVELENGTH_M = 1.3e-10
PLACES = np.linspace(0.0, 1e10, 21)


def table(values: np.ndarray) -> Tabulated:
    return Tabulated(jnp.asarray(PLACES), jnp.asarray(values), True)


def test_a_slab_scatters_the_squares_of_its_molecules_and_their_free_electrons() -> None:
    slab = Amorphous(
        *map(jnp.asarray, (2e-4, 3e28, 5e-10)), None, jnp.asarray(0.7), table(3 - PLACES * 5e-10), None, "glass"
    )
    # stol of 1 to 7 per nm
    stol = np.arange(1, 8) * 1e9
    q = components(jnp.asarray(2 * stol[:, None] * [0.0, 0.6, -0.8]))
    molecules = 0.7 * 2e-4 * 3e28 * 5e-10
    amplitude = 3 - 5e-10 * stol
    elastic = molecules * amplitude * np.abs(amplitude)
    assert elastic.min() < 0 < elastic.max()
    np.testing.assert_allclose(jax.jit(slab.electrons_squared)(q), elastic, rtol=1e-9, atol=1e-9 * elastic.max())
    polarization = jnp.linspace(0.5, 1.0, 7)
    sight = Sight(q, q, jnp.asarray(WAVELENGTH_M), polarization, jnp.arange(7))
    np.testing.assert_allclose(slab.electrons_squared_at(sight), elastic, rtol=1e-9, atol=1e-9 * elastic.max())
    lossy = replace(slab, incoherent=table(1 + PLACES * 4e-10))
    ratio = compton_ratio(jnp.asarray(stol), jnp.asarray(WAVELENGTH_M), polarization)
    wanted = elastic + molecules * (1 + 4e-10 * stol) * np.asarray(ratio)
    np.testing.assert_allclose(lossy.electrons_squared_at(sight), wanted, rtol=1e-9)
    assert not np.asarray(put_out(lossy).electrons_squared_at(sight)).any()


def test_what_has_no_scale_is_put_out_by_its_numbers() -> None:
    assert float(put_out(Water(jnp.asarray(3.0))).size_m) == 0
