"""Differences of known cause, and what they are attributed to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from cases import CASES, GOLDEN, INPUTS, images, option_line, small_config

from nbjax import prepare, simulate, trace
from nbjax.cli.nanobragg import read_options, read_with_parity
from nbjax.config.tree import Config
from nbjax.errors import FileError
from nbjax.experiment import Experiment
from nbjax.fields import put
from nbjax.parameters import find
from nbjax.parameters import parameters_of as nbjax_parameters_of
from nbjax.tracing.attribution.attribution import Attribution, attribute_image, attribute_trace
from nbjax.tracing.attribution.candidate import Candidate
from nbjax.tracing.attribution.observation import observe_trace
from nbjax.tracing.attribution.parameters import parameters_of
from nbjax.tracing.attribution.waterfall import attribution_json, summary_lines, summary_markdown, waterfall_png
from nbjax.tracing.document import PixelTrace, TraceDocument, TraceError
from nbjax.tracing.factors import trace_document
from nbjax.tracing.files import read_trace

PIXELS = [[11, 9], [5, 17], [14, 13]]


def _candidate(config: Config) -> Candidate:
    return Candidate(lambda names: replace(config, parity=names), (), ())


def _golden(case: str, options: tuple[str, ...] = ()) -> Candidate:
    line = option_line(case)
    return Candidate(lambda names: read_with_parity(line, names).config, (), options)


def _supervisor(*more: str) -> Experiment:
    return prepare(read_options([*option_line("supervisor_crop"), *more]).config)


def _document(experiment: Experiment, pixels: Any = PIXELS, samples: bool = True) -> TraceDocument:
    return trace_document(experiment, trace(experiment, pixels, samples))


def _only(document: TraceDocument, *keys: str) -> TraceDocument:
    pixels = tuple(
        PixelTrace(pixel.slow, pixel.fast, {key: pixel.values[key] for key in keys}) for pixel in document.pixels
    )
    return replace(document, program="other", pixels=pixels)


def _shares_add_up(found: Attribution) -> None:
    difference = (found.steps[0].value - found.reference) / found.reference
    assert sum(step.share for step in found.steps) + found.unexplained == pytest.approx(difference, abs=1e-9)


def test_the_case_that_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(INPUTS)
    reference = _document(_supervisor("-parity"), [[685, 1039]])
    found = attribute_trace(_golden("supervisor_crop"), reference)
    assert found.verdict == "explained"
    assert found.ledger.chosen == ("phi_carryover",)
    assert found.solution is None
    candidate, wanted = found.intensities["I_before_scaling"]
    assert candidate == pytest.approx(807189.76867758576, rel=1e-9)
    assert wanted == pytest.approx(943654.80923754955, rel=1e-9)
    assert 100 * found.steps[1].share == pytest.approx(-14.46, abs=5e-3)
    assert max(after for _, _, after in found.residuals.values()) < 1e-8
    _shares_add_up(found)


@pytest.mark.parametrize("shape", ["gauss", "round"])
def test_the_constants_of_a_shape_are_named(shape: str) -> None:
    config = small_config(crystal={"shape": shape, "fudge": 0.8})
    reference = _document(prepare(replace(config, parity=("shape_constants",))), samples=False)
    found = attribute_trace(_candidate(config), reference)
    assert found.verdict == "explained"
    assert found.ledger.chosen == ("shape_constants",)


@pytest.mark.parametrize(
    ("parity", "keys"),
    [((), ("I_before_scaling", "last_hkl", "airpath_m")), (("-parity",), None)],
    ids=["few numbers", "parity, whole trace"],
)
def test_a_shift_of_the_detector_is_found(
    parity: tuple[str, ...], keys: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(INPUTS)
    experiment = _supervisor(*parity)
    shift = 2.85e-6 * experiment.beam.direction
    moved = put(experiment, "panel.origin_shift_m", shift)
    reference = _document(moved, [[685, 1039]])
    if keys is not None:
        reference = _only(reference, *keys)
    found = attribute_trace(_golden("supervisor_crop"), reference)
    assert found.verdict == "explained"
    assert found.ledger.chosen == (("phi_carryover",) if parity else ())
    assert found.solution is not None
    (change,) = found.solution.changes
    assert change.name == "detector origin along the beam"
    assert change.value == pytest.approx(2.85, rel=1e-2)
    assert change.sigma is not None
    assert change.sigma < 0.01
    assert change.alternatives == ()
    _shares_add_up(found)


def test_the_golden_trace_of_the_c_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(INPUTS)
    found = attribute_trace(_golden("supervisor_crop"), read_trace(GOLDEN / "supervisor_crop" / "trace_s674_f1035.txt"))
    assert found.verdict == "explained"
    assert found.ledger.chosen == ("phi_carryover",)


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ("sourcefile", {"first_sample_factors", "source_weights"}),
        ("simple_cubic", set()),
    ],
)
def test_images_of_the_c_program(case: str, wanted: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert case in CASES
    monkeypatch.chdir(INPUTS)
    found = attribute_image(_golden(case), images(case)["c"].astype(float))
    assert set(found.ledger.chosen) == wanted
    assert found.verdict == ("explained" if wanted else "equal")
    assert found.image_residual is not None
    assert found.image_residual < 3e-7
    _shares_add_up(found)


def test_an_entry_that_is_on_may_be_the_cause() -> None:
    config = small_config(crystal={"shape": "gauss"})
    candidate = Candidate(lambda names: replace(config, parity=names), ("star_shape",), ())
    found = attribute_trace(candidate, _document(prepare(config)))
    assert found.ledger.chosen == ("star_shape",)
    assert found.verdict == "explained"


def _fluence(e: Experiment) -> Experiment:
    return replace(e, beam=replace(e.beam, fluence_photons_per_m2=e.beam.fluence_photons_per_m2 * 1.05))


def _cell(e: Experiment) -> Experiment:
    cell = e.crystal.cell
    return put(e, "crystal.cell.lengths_m", cell.lengths_m.at[1].add(3e-13))


def test_two_changes_in_an_image_are_found_together() -> None:
    config = small_config()
    moved = _fluence(_cell(prepare(config)))
    found = attribute_image(_candidate(config), np.asarray(simulate(moved)), tolerance=1e-8)
    assert found.verdict == "explained"
    assert found.solution is not None
    changes = {change.name: change.value for change in found.solution.changes}
    assert set(changes) == {"beam.fluence_photons_per_m2", "crystal.cell_A b"} or set(changes) == {
        "structure factors",
        "crystal.cell_A b",
    }
    assert changes["crystal.cell_A b"] == pytest.approx(0.003, rel=1e-5)
    assert found.image_residual is not None
    assert found.image_residual < 1e-8


@pytest.mark.parametrize(
    ("path", "value", "change"),
    [
        ("crystal.mosaicity_deg", 0.22, 0.02),
        ("crystal.mosaicity_axes_deg", (0.2, 0.23, 0.2), 0.03),
        ("crystal.cell_spread_percent", 0.25, -0.05),
        ("beam.divergence_sigma_mrad", 0.55, 0.05),
    ],
)
def test_a_width_is_blamed(path: str, value: Any, change: float) -> None:
    config = small_config(
        beam={"divergence_sigma_mrad": 0.5},
        crystal={"mosaicity_deg": 0.2, "cell_spread_percent": 0.3},
        sampling={"mosaic_domains": 6, "divergence_horizontal_steps": 2, "divergence_vertical_steps": 2},
    )
    reference = prepare(config)
    reference = find(nbjax_parameters_of(reference), path).set(reference, jnp.atleast_1d(jnp.asarray(value)))
    found = attribute_image(_candidate(config), np.asarray(simulate(reference)), tolerance=1e-8)
    assert found.verdict == "explained"
    assert found.solution is not None
    (blamed,) = found.solution.changes
    assert blamed.name == (path if path != "crystal.mosaicity_axes_deg" else f"{path} y")
    assert blamed.value == pytest.approx(change, rel=1e-5)


def test_one_number_determines_nothing() -> None:
    config = small_config()
    reference = _only(_document(_cell(prepare(config)), PIXELS[:1]), "I_before_scaling")
    found = attribute_trace(_candidate(config), reference)
    assert found.verdict == "undetermined"
    assert found.solution is not None
    assert found.solution.changes[0].sigma is None
    assert len(found.solution.changes[0].alternatives) > 3


def test_noise_is_left_unexplained() -> None:
    config = small_config()
    image = np.asarray(simulate(prepare(config)))
    noisy = image + 0.05 * image.max() * np.random.default_rng(1).standard_normal(image.shape)
    found = attribute_image(_candidate(config), noisy)
    assert found.verdict == "unexplained"
    assert found.solution is not None
    assert found.solution.changes == ()
    assert any("nothing that was tried explains" in line for line in summary_lines(found))


def test_another_sampling_is_said() -> None:
    reference = _document(prepare(small_config(sampling={"oversample": 2})))
    found = observe_trace(reference, trace(prepare(small_config()), PIXELS, samples=True))
    assert any("sampling differs" in note for note in found.notes)
    assert found.intensity.key == "I_pixel_photons"
    assert "I_before_scaling" not in {block.key for block in found.blocks}
    assert found.rows is None


def test_references_that_cannot_be_used() -> None:
    config = small_config()
    with pytest.raises(FileError, match=r"3 x 4 pixels \(slow x fast\), the candidate has 24 x 20"):
        attribute_image(_candidate(config), np.zeros((3, 4)))
    with pytest.raises(FileError, match="NaN"):
        attribute_image(_candidate(config), np.full((24, 20), np.nan))
    with pytest.raises(TraceError, match="none of I_pixel_photons and I_before_scaling"):
        attribute_trace(_candidate(config), _only(_document(prepare(config)), "polarization"))


def test_every_parameter_moves_the_experiment() -> None:
    config = small_config(
        beam={"dispersion_percent": 1.0, "divergence_horizontal_mrad": 1.0, "divergence_vertical_mrad": 1.0},
        crystal={"shape": "gauss", "water_um": 3.0, "phi_range_deg": 1.0, "mosaic_spread_deg": 0.2},
        detector={"thickness_um": 100.0, "attenuation_depth_um": 200.0},
        sampling={"mosaic_domains": 2, "phi_steps": 2, "dispersion_steps": 2},
    )
    experiment = prepare(config)
    before = np.asarray(simulate(experiment))
    parameters = parameters_of(experiment)
    assert len({parameter.name for parameter in parameters}) == len(parameters) > 30
    for parameter in parameters:
        moved = parameter.apply(experiment, jnp.asarray(parameter.typical))
        assert not np.array_equal(np.asarray(simulate(moved)), before), parameter.name


def test_the_report() -> None:
    config = small_config(crystal={"shape": "gauss"})
    reference = _document(_fluence(prepare(replace(config, parity=("star_shape",)))))
    found = attribute_trace(_candidate(config), reference)
    assert [step.kind for step in found.steps] == ["candidate", "ledger", "parameter"]
    tree = json.loads(json.dumps(attribution_json(found), allow_nan=False))
    assert tree["schema"] == "nbjax-attribution"
    assert tree["verdict"] == "explained"
    assert tree["steps"][1]["name"] == "star_shape"
    assert tree["parameters"]["changes"][0]["change"] == pytest.approx(5.0)
    assert tree["steps"][0]["value"] == found.steps[0].value
    text = summary_markdown(found, "candidate.toml", "reference.json")
    assert "| ledger: star_shape |" in text
    assert "| beam.fluence_photons_per_m2 |" in text
    assert waterfall_png(found).startswith(b"\x89PNG")
