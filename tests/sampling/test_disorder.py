from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nbjax.sampling.disorder import deviates


@given(st.integers(2, 300), st.integers(0, 2**31 - 1))
def test_deviates_have_mean_zero_and_variance_one(count: int, seed: int) -> None:
    found = np.hstack(deviates(count, seed))
    assert found.shape == (count, 6)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.var(axis=0), 1, rtol=1e-12)
    if count >= 24:
        np.testing.assert_allclose(found.T @ found / count, np.eye(6), atol=1e-12)


def test_a_single_domain_is_the_crystal_itself() -> None:
    assert not np.any(deviates(1, 5))


def test_deviates_follow_the_seed() -> None:
    assert np.array_equal(deviates(50, 1), deviates(50, 1))
    assert not np.allclose(deviates(50, 1), deviates(50, 2))
