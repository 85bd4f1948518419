from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nbjax.rotations import about_vector, about_xyz, xyz_angles


@pytest.mark.parametrize("size", [0.0, 1e-9, 9.99e-4, 1.001e-3, 0.5, 3.0])
def test_rotation_vectors(size: float) -> None:
    vector = size * np.array([0.6, -0.48, 0.64])
    assert np.allclose(about_vector(jnp.asarray(vector)), Rotation.from_rotvec(vector).as_matrix(), atol=1e-15)
    slopes = np.asarray(jax.jacfwd(about_vector)(jnp.asarray(vector)))
    assert np.isfinite(slopes).all()
    assert np.asarray(jax.jacfwd(about_vector)(jnp.zeros(3)))[1, 0, 2] == 1


@pytest.mark.parametrize("angles", [(0.1, -0.7, 2.5), (0.0, 0.0, 0.0), (0.4, np.pi / 2, 0.3), (-3.0, -1.2, 0.2)])
def test_angles_of_a_rotation(angles: tuple[float, float, float]) -> None:
    turn = about_xyz(jnp.asarray(angles))
    assert np.allclose(about_xyz(xyz_angles(turn)), turn, atol=1e-7 if angles[1] > 1.5 else 1e-14)
