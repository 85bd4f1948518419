"""Differences of experiments that no configuration holds: of several crystals, and of none."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from cases import small_config

from nbjax import Experiment, prepare, put, simulate, trace
from nbjax.errors import FileError
from nbjax.tracing.attribution import attribution
from nbjax.tracing.attribution.attribution import attribute_image, attribute_trace
from nbjax.tracing.attribution.candidate import Prepared
from nbjax.tracing.attribution.parameters import parameters_of
from nbjax.tracing.attribution.waterfall import attribution_json, summary_lines
from nbjax.tracing.factors import trace_document

PIXELS = [[11, 9], [5, 17], [14, 13]]


@cache
def both() -> Experiment:
    """Crystals with different numbers of orientations."""
    first = prepare(small_config(crystal={"phi_range_deg": 0.3}, sampling={"phi_steps": 2}))
    second = prepare(small_config(crystal={"misset_deg": (3.0, 40.0, 1.0), "water_um": 0.01}))
    return replace(first, crystals=(*first.crystals, *second.crystals), backgrounds=second.backgrounds)


def test_a_change_of_one_of_two_crystals_is_attributed_to_that_crystal(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = [p for p in parameters_of(both()) if ".cells" in p.name or p.name.startswith("beam.")]
    monkeypatch.setattr(attribution, "parameters_of", lambda experiment: tuple(tried))
    cells = both().crystals[1].cells
    moved = put(both(), "crystals.1.cells", cells + np.array([0.0, 0.25, 0.0]))
    document = trace_document(moved, trace(moved, PIXELS, samples=True))
    found = attribute_trace(Prepared(both()), document)
    assert found.verdict == "explained"
    assert found.solution is not None
    (change,) = found.solution.changes
    assert change.name == "crystals[1].cells b"
    assert change.value == pytest.approx(0.25, rel=1e-6)
    assert not change.alternatives
    assert "F_latt" in found.residuals
    assert json.loads(json.dumps(attribution_json(found), allow_nan=False))["steps"][1]["name"] == change.name
    assert any("crystals[1].cells b: +0.25" in line for line in summary_lines(found))


def test_the_water_of_an_image_without_crystals_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = [p for p in parameters_of(replace(both(), crystals=())) if not p.name.startswith("detector")]
    monkeypatch.setattr(attribution, "parameters_of", lambda experiment: tuple(tried))
    bare = replace(both(), crystals=())
    image = np.asarray(simulate(put(bare, "backgrounds.0.size_m", 1.1 * bare.backgrounds[0].size_m)))
    found = attribute_image(Prepared(bare), image)
    assert found.verdict == "explained"
    assert found.solution is not None
    (change,) = found.solution.changes
    blamed = {change.name, *(name for name, _, _ in change.alternatives)}
    assert blamed == {"beam.fluence_photons_per_m2", "crystal.water_um"}
    with pytest.raises(FileError, match="24 x 20"):
        attribute_image(Prepared(bare), image[:5])


def test_every_crystal_has_its_own_terms() -> None:
    names = [parameter.name for parameter in parameters_of(both())]
    assert len(set(names)) == len(names)
    for term in ("structure factors", "misset_deg x", "cell_A c"):
        own = [name for name in names if name.endswith(term)]
        assert [name[:11] for name in own] == ["crystals[0]", "crystals[1]"]
