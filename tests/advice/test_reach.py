from __future__ import annotations

from cases import small_config

from nbjax.advice import doubts
from nbjax.advice.reach import dark_corners
from nbjax.resolve import resolve

# a list to 5 A, and a panel that sees down to lambda / (2 sin(theta)) at its corner
FAR = {"distance_mm": 400.0, "pixel_mm": 0.9}
NEAR = {"distance_mm": 20.0, "pixel_mm": 0.9}


def test_a_panel_that_sees_beyond_the_list_is_told_so() -> None:
    found = dark_corners(resolve(small_config(detector=NEAR)))
    assert found is not None
    assert found.startswith("the structure factors end at 5")
    assert "give a list that goes further, or sampling.resolution_limit_A" in found


def test_where_the_list_reaches_nothing_is_said() -> None:
    assert dark_corners(resolve(small_config(detector=FAR))) is None
    cut = small_config(detector=NEAR, sampling={"resolution_limit_A": 5.0})
    assert dark_corners(resolve(cut)) is None
    constant = small_config(detector=NEAR, crystal={"default_F": 1.0})
    assert dark_corners(resolve(constant)) is None


def test_what_the_panel_sees_is_said_with_what_is_unusual() -> None:
    resolved = resolve(small_config(detector=NEAR, sampling={"oversample": 1}))
    unusual, dark = doubts(resolved)
    assert unusual == resolved.warnings[0]
    assert unusual.startswith("sampling.oversample = 1")
    assert dark == dark_corners(resolved)
