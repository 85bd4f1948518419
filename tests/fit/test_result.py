"""What a fit returns of its information matrix, and how it says what that lacks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nbjax.fit.result import FitResult, Level, Outcome, ShotResult, covariance_of, weaknesses

SHOT = ShotResult(
    Outcome.CONVERGED,
    "",
    np.array([1.0, 5.0]),
    np.array([2.0, 3.0]),
    np.array([[4.0, 1.5], [1.5, 9.0]]),
    0.0,
    9,
    (),
    None,
)


def test_correlations_are_covariances_over_deviations_and_none_of_what_is_not_determined() -> None:
    np.testing.assert_allclose(SHOT.correlation, [[1, 0.25], [0.25, 1]], rtol=1e-12)
    infinite = replace(SHOT, sigmas=np.array([2.0, np.inf]), covariance=np.array([[4.0, 0.0], [0.0, np.inf]]))
    np.testing.assert_array_equal(infinite.correlation, np.eye(2))
    zero = replace(SHOT, sigmas=np.array([2.0, 0.0]), covariance=np.array([[4.0, 1.0], [1.0, 0.0]]))
    np.testing.assert_array_equal(zero.correlation, np.eye(2))


def test_values_are_found_by_name_and_shot() -> None:
    other = replace(SHOT, values=np.array([7.0, 8.0]), outcome=Outcome.STALLED)
    both = FitResult(("a", "b"), ("1", "1"), 0, (SHOT, other), (), (), (), np.zeros((2, 2)))
    assert (both.value("b"), both.value("b", 1), both.sigma("a"), both.sigma("b", 1)) == (5.0, 8.0, 2.0, 3.0)
    assert replace(both, shots=(SHOT,)).converged
    assert not both.converged


def test_a_background_is_an_image_with_nothing_where_no_pixel_counts() -> None:
    found = Level(np.array([[0, 1], [2, 0]]), np.array([3.0, 4.0])).image((3, 2))
    np.testing.assert_array_equal(found, [[0, 3], [0, 0], [4, 0]])


def test_a_covariance_is_the_inverse_whatever_the_units() -> None:
    roots = np.random.default_rng(1).normal(size=(1, 4, 9))
    information = roots @ roots.transpose(0, 2, 1)
    units = np.array([1e-9, 1.0, 1e4, 1e8])
    found = covariance_of(information / units[:, None] / units, 0, np.ones(1, bool))[0]
    np.testing.assert_allclose(found / units[:, None] / units, np.linalg.inv(information[0]), rtol=1e-9)
    # what is singular has the least eigenvalue that 64 bits leave to a unit diagonal
    twins = covariance_of(np.ones((1, 2, 2)), 0, np.ones(1, bool))[0]
    np.testing.assert_allclose(twins, np.array([[1, -1], [-1, 1]]) / 2e-14, rtol=1e-6)
    # a component with a faulty row is one that nothing determines
    faulty = information.copy()
    faulty[0, 1, 2] = faulty[0, 2, 1] = np.nan
    found = covariance_of(faulty, 0, np.ones(1, bool))[0]
    np.testing.assert_allclose(found[::3, ::3], np.linalg.inv(information[0][::3, ::3]), rtol=1e-9)
    assert np.isinf(np.diag(found)).tolist() == [False, True, True, False]


def test_a_shot_without_information_of_its_own_adds_what_it_knows_of_the_shared() -> None:
    information = np.zeros((2, 2, 2))
    information[0] = [[4.0, 1.0], [1.0, 2.0]]
    information[1, 0, 0] = 3.0
    found = covariance_of(information, 1, np.ones(2, bool))
    np.testing.assert_allclose(found[0], np.linalg.inv([[7.0, 1.0], [1.0, 2.0]]), rtol=1e-9)
    np.testing.assert_allclose(found[1][0, 0], 1 / (3 + 4 - 1 / 2), rtol=1e-9)


def correlated(correlation: float) -> np.ndarray:
    return np.linalg.inv(np.array([[1.0, correlation], [correlation, 1.0]]))


def test_a_combination_is_named_from_a_correlation_of_0_999_with_its_standard_deviation() -> None:
    names, units = ("a", "b"), ("mm", "A")
    assert weaknesses(correlated(0.9989), names, units) == ()
    (sentence,) = weaknesses(correlated(-0.9991), names, units)
    # along (1, 1) / sqrt 2 the information is 1 - 0.9991
    change = 1 / np.sqrt(2 * (1 - 0.9991))
    assert f"moving a by {change:+.3g} mm, b by {change:+.3g} A at once" in sentence
    (sentence,) = weaknesses(correlated(-0.9991) * np.outer([1, 10], [1, 10]), names, units)
    assert f"b by {10 * change:+.3g} A" in sentence
    assert weaknesses(np.ones((1, 1)), ("a",), ("mm",)) == ()


def weak(direction: np.ndarray) -> str:
    """What is said of a direction of unit diagonal that is the only weak one."""
    n = len(direction)
    direction = direction / np.linalg.norm(direction)
    information = np.eye(n) - (1 - 1e-7) * np.outer(direction, direction)
    (sentence,) = weaknesses(np.linalg.inv(information), tuple(map(str, range(n))), ("1",) * n)
    return sentence


def test_of_many_components_the_eight_with_the_largest_shares_are_named() -> None:
    said = weak(np.linspace(1.0, 1.5, 12))
    assert said.count(" by ") == 8
    assert "moving 11 by" in said
    assert " and 4 more at once" in said
    assert " more" not in weak(np.linspace(1.0, 1.5, 8))


def test_components_with_a_fifth_of_the_direction_are_named_or_half_of_the_most() -> None:
    # three unit vectors of a plane whose sum, the last one as often as said, is zero
    for third, named in ((0.2885, 2), (0.2888, 3)):
        vectors = np.array([[third / 2, 1.0], [third / 2, -1.0], [-1.0, 0.0]])
        vectors[:2, 1] *= np.sqrt(1 - third**2 / 4)
        information = (vectors @ vectors.T + 1e-7 * np.eye(3)) / (1 + 1e-7)
        (sentence,) = weaknesses(np.linalg.inv(information), ("a", "b", "c"), ("1",) * 3)
        assert sentence.count(" by ") == named
    # where many share it, each has little
    assert " and 33 more" in weak(np.r_[np.ones(40), 0.55, 0.45])
