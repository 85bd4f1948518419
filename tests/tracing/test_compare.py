from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from traces import FACTORS, GOLDEN_TRACES, document, foreign, pixel_trace

from nbjax.tracing.compare import Comparison, Factor, compare
from nbjax.tracing.document import PixelTrace, TraceDocument, TraceError
from nbjax.tracing.files import read_trace
from nbjax.tracing.keys import INDICES, PIXEL, SAMPLE
from nbjax.tracing.ratio import contributions, unexplained
from nbjax.tracing.tolerances import Tolerances, read_tolerances


def altered(trace: TraceDocument, row: int | None = None, **changes: Any) -> TraceDocument:
    """The trace with some of its first pixel's values replaced, or entries of a row of its samples."""
    first, *rest = trace.pixels
    if row is None:
        first = replace(first, values={**first.values, **changes})
    else:
        assert first.samples is not None
        columns = {name: column.copy() for name, column in first.samples.items()}
        for name, value in changes.items():
            columns[name][row] = value
        first = replace(first, samples=columns)
    return replace(trace, pixels=(first, *rest))


def rows_of(trace: TraceDocument, rows: Any, **changes: Any) -> TraceDocument:
    """The trace with only some rows of its first pixel's samples."""
    first, *rest = trace.pixels
    assert first.samples is not None
    samples = {name: column[rows] for name, column in first.samples.items()}
    return replace(trace, pixels=(replace(first, samples=samples, **changes), *rest))


def differing(value: Any, key: Any) -> Any:
    return value + 1 if key.whole else value * 1.001 + 1e-4


def first(reference: TraceDocument, candidate: TraceDocument, **given: float) -> Factor:
    found = compare(reference, candidate, Tolerances(given)).first_divergence
    assert found is not None
    return found


@pytest.mark.parametrize("path", GOLDEN_TRACES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_golden_trace_equals_itself(path: Path) -> None:
    trace = read_trace(path)
    comparison = compare(trace, trace, read_tolerances(["all=0"]))
    assert comparison.first_divergence is None
    assert comparison.counts["divergent"] == 0
    assert comparison.compared == comparison.counts["equal"] == len(list(comparison.factors()))


@pytest.mark.parametrize("name", FACTORS)
def test_an_altered_value_is_the_first_divergence(name: str) -> None:
    trace = document(pixel_trace(), pixel_trace(8, 9))
    found = first(trace, altered(trace, **{name: differing(trace.pixels[0].values[name], PIXEL[name])}))
    assert (found.key, found.slow, found.fast, found.sample, found.verdict) == (name, 3, 7, None, "divergent")


@pytest.mark.parametrize("name", SAMPLE)
def test_an_altered_sample_is_the_first_divergence(name: str) -> None:
    trace = document()
    samples = trace.pixels[0].samples
    assert samples is not None
    found = first(trace, altered(trace, 2, **{name: differing(samples[name][2], SAMPLE[name])}))
    assert (found.key, found.sample) == (name, 2)
    assert found.indices == (("thick", 0), ("subS", 0), ("subF", 0), ("source", 0), ("phi", 1), ("mosaic", 0))
    assert found.candidate == pytest.approx(differing(samples[name][2], SAMPLE[name]))


@pytest.mark.parametrize("path", GOLDEN_TRACES[::12], ids=lambda path: path.parent.name)
def test_every_altered_golden_key_is_the_first_divergence(path: Path) -> None:
    trace = read_trace(path)
    for name, value in trace.pixels[0].values.items():
        assert first(trace, altered(trace, **{name: differing(value, PIXEL[name])})).key == name
    samples = trace.pixels[0].samples
    assert samples is not None
    last = trace.pixels[0].sample_count - 1
    for name, column in samples.items():
        found = first(trace, altered(trace, last, **{name: differing(column[last], SAMPLE[name])}))
        assert (found.key, found.sample) == (name, last)


def test_the_first_divergence_is_the_first_in_the_order_of_computation() -> None:
    trace = document()
    names = list(FACTORS)
    for earlier, later in pairwise(names):
        changes = {name: differing(trace.pixels[0].values[name], PIXEL[name]) for name in (later, earlier)}
        assert first(trace, altered(trace, **changes)).key == earlier


def test_samples_come_after_geometry_and_before_sums() -> None:
    trace = document()
    sample = altered(trace, 1, I_running=1.0)
    assert (
        first(trace, altered(sample, I_pixel_photons=1.0, last_hkl=[1, 2, 3], I_before_scaling=1.0)).key == "I_running"
    )
    assert first(trace, altered(sample, polarization=1.0)).key == "polarization"
    assert first(trace, altered(sample, I_background=1.0)).key == "I_background"


def test_samples_are_compared_row_by_row() -> None:
    trace = document()
    found = first(trace, altered(altered(trace, 1, I_running=1.0), 2, h=1.0))
    assert (found.key, found.sample) == ("I_running", 1)


def test_pixels_come_one_after_the_other() -> None:
    trace = document(pixel_trace(1, 1), pixel_trace(2, 2))
    swapped = replace(trace, pixels=trace.pixels[::-1])
    assert compare(trace, swapped).first_divergence is None
    changed = altered(swapped, pix0_vector_m=[1, 2, 3])
    assert (first(trace, changed).key, first(trace, changed).slow) == ("pix0_vector_m", 2)
    both = replace(changed, pixels=(changed.pixels[0], altered(trace, I_pixel_photons=1.0).pixels[0]))
    assert (first(trace, both).key, first(trace, both).slow) == ("I_pixel_photons", 1)


def factor(reference: Any, candidate: Any, name: str = "airpath_m", **given: float) -> Factor:
    comparison = compare(foreign(**{name: reference}), foreign(**{name: candidate}), Tolerances(given))
    (found,) = comparison.factors()
    return found


def test_differences_of_numbers_and_vectors() -> None:
    found = factor(2.0, 1.5)
    assert (found.absolute, found.relative, found.percent, found.tolerance) == (0.5, 0.25, -25.0, 1e-12)
    assert factor(-2.0, -1.5).percent == 25.0
    found = factor([3.0, 4.0, 0.0], [3.0, 4.0, 0.5], "last_pixel_pos_m")
    assert (found.absolute, found.relative, found.percent) == (0.5, 0.1, 10.0)


@pytest.mark.parametrize(
    ("name", "reference", "candidate", "verdict"),
    [
        ("airpath_m", 1.0, 1 + 5e-13, "equal"),
        ("airpath_m", 1.0, 1 + 2e-12, "divergent"),
        ("airpath_m", 0.0, 0.0, "equal"),
        ("airpath_m", 0.0, -0.0, "equal"),
        ("airpath_m", 0.0, 1e-300, "divergent"),
        ("last_diffracted", [1.0, 0, 0], [1.0, 0, 5e-13], "equal"),
        ("last_diffracted", [1.0, 0, 0], [1.0, 0, 2e-12], "divergent"),
        ("last_hkl", [0.0, 1e-12, 3], [9e-10, 0, 3], "equal"),
        ("last_hkl", [90.0, 1, 3], [90 + 2e-9, 1, 3], "divergent"),
        ("last_F_latt", 100.0, 100 + 9e-5, "equal"),
        ("last_F_latt", 100.0, 100 + 2e-4, "divergent"),
        ("last_F_cell", 100.0, 100 + 1e-9, "divergent"),
        ("I_pixel_photons", 1.0, 1 + 5e-10, "equal"),
        ("I_pixel_photons", 1.0, 1 + 5e-9, "divergent"),
        ("last_hkl0", [1, 2, 3], [1, 2, 4], "divergent"),
        ("steps", 10**6, 10**6 + 1, "divergent"),
        ("last_scattering_per_m", [0.0, 0, 0], [0, 9e-6, 0], "equal"),
        ("own", 1.0, 1 + 5e-13, "equal"),
        ("own", 1.0, 1 + 2e-12, "divergent"),
        ("source_weights", [1.0, 2], [1.0, 2, 3], "divergent"),
        ("own", [1.0, 2], 1.0, "divergent"),
        ("own", 1.7e308, -1.7e308, "divergent"),
        ("own", [1.7e308, 1.7e308], [1.7e308, -1.7e308], "divergent"),
    ],
)
def test_default_tolerances(name: str, reference: Any, candidate: Any, verdict: str) -> None:
    assert factor(reference, candidate, name).verdict == verdict


def test_a_component_is_judged_by_the_length_of_its_vector() -> None:
    names = ("diffracted_x", "diffracted_y", "diffracted_z")
    reference = foreign(dict(zip(names, ([0.6], [0.8], [0.0]), strict=True)))
    near = foreign(dict(zip(names, ([0.6], [0.8], [9e-13]), strict=True)))
    far = foreign(dict(zip(names, ([0.6], [0.8], [2e-12]), strict=True)))
    assert compare(reference, near).first_divergence is None
    found = first(reference, far)
    assert (found.key, found.relative, found.percent) == ("diffracted_z", pytest.approx(2e-12), None)


def test_a_lattice_factor_is_judged_by_the_largest_of_the_pixel() -> None:
    reference = foreign({"F_latt": [1000.0, 1e-3]}, last_F_latt=1e-3)
    assert (
        compare(reference, foreign({"F_latt": [1000.0, 1e-3 + 9e-6]}, last_F_latt=1e-3 + 9e-6)).first_divergence is None
    )
    assert first(reference, foreign({"F_latt": [1000.0, 1e-3 + 2e-5]})).key == "F_latt"
    assert first(reference, foreign({"F_latt": [1000.0, 1e-3]}, last_F_latt=1.1e-3)).key == "last_F_latt"


def test_given_tolerances() -> None:
    assert factor(1.0, 1.001, airpath_m=2e-3).verdict == "equal"
    assert factor(1.0, 1.001, airpath_m=5e-4).verdict == "divergent"
    assert factor(1.0, 1.001, all=2e-3).verdict == "equal"
    assert factor(1.0, 1.001, all=2e-3, airpath_m=5e-4).verdict == "divergent"
    assert factor(1.0, 1.001, "own", own=2e-3).verdict == "equal"
    assert factor(1.0, 1.001, "last_F_cell", F_cell=2e-3).verdict == "equal"
    assert factor(1.0, 1.001, "omega_pixel_sr", omega_sr=2e-3).verdict == "equal"
    assert factor(1.0, 1.001, "omega_pixel_sr", omega_pixel=2e-3).verdict == "equal"
    assert factor(1.0, 1.001, omega_pixel=2e-3).verdict == "divergent"
    assert factor([1, 2, 3], [1, 2, 4], "last_hkl0", all=1.0).verdict == "divergent"
    assert factor([1, 2, 3], [1, 2, 4], "last_hkl0", last_hkl0=1.0).verdict == "equal"
    assert factor([0.0, 0, 1], [1e-12, 0, 1], "last_hkl", all=0.0).verdict == "divergent"
    assert factor([0.0, 0, 1], [1e-12, 0, 1], "last_hkl", all=1e-15).verdict == "equal"


@pytest.mark.parametrize("word", ["F_cell", "F_cell=", "=1", "F_cell=x", "F_cell=-1", "F_cell=nan", "F_cell=inf", ""])
def test_faulty_tolerances(word: str) -> None:
    with pytest.raises(TraceError, match=f"--tolerance {word}: give key=number"):
        read_tolerances([word])


def test_the_last_tolerance_counts() -> None:
    assert read_tolerances(["F_cell=1", "all=2", "F_cell=3"]).given == {"F_cell": 3.0, "all": 2.0}


@pytest.mark.parametrize(("name", "near"), [("F_cel", "F_cell"), ("wavelenght_m", "wavelength_m"), ("al", "all")])
def test_a_tolerance_for_no_key(name: str, near: str) -> None:
    with pytest.raises(TraceError, match=f"--tolerance {name}: there is no such key; did you mean {near}"):
        compare(document(), document(), Tolerances({name: 1.0}))


def test_keys_of_one_trace_are_counted_and_no_divergence() -> None:
    comparison = compare(foreign({"h": [1.0]}, steps=1, own=2.0), foreign({"h": [1.0], "k": [2.0]}, steps=1, mine=1.0))
    assert comparison.counts == {"equal": 3, "divergent": 0, "only in reference": 1, "only in candidate": 2}
    assert comparison.first_divergence is None
    found = {factor.key: factor.verdict for factor in comparison.factors()}
    assert (found["own"], found["mine"], found["samples.k"]) == (
        "only in reference",
        "only in candidate",
        "only in candidate",
    )


def test_samples_of_one_trace_are_no_divergence() -> None:
    comparison = compare(foreign({"h": [1.0]}, steps=1), foreign(steps=1))
    assert comparison.counts == {"equal": 1, "divergent": 0, "only in reference": 1, "only in candidate": 0}


def test_traces_without_a_common_key() -> None:
    with pytest.raises(TraceError, match=r"no key in common \(steps, own against mine\)"):
        compare(foreign(steps=1, own=2.0), foreign(mine=1.0))
    with pytest.raises(TraceError, match="no key in common"):
        compare(foreign({"h": [1.0]}), foreign(mine=1.0))


def test_traces_of_different_pixels() -> None:
    message = r"different pixels \(\(3, 7\) against \(3, 8\)\)"
    with pytest.raises(TraceError, match=message):
        compare(document(), document(pixel_trace(3, 8)))
    with pytest.raises(TraceError, match=r"\(3, 7\) against \(3, 7\), \(3, 8\)"):
        compare(document(), document(pixel_trace(), pixel_trace(3, 8)))
    with pytest.raises(TraceError, match=r"\(0, 0\), \(1, 0\), \(2, 0\), ... against unknown"):
        compare(document(*(pixel_trace(i, 0) for i in range(5))), foreign(steps=1))
    with pytest.raises(TraceError, match=r"\(1, 3, 7\) against \(2, 3, 7\)"):
        compare(document(pixel_trace(panel=1.0)), document(pixel_trace(panel=2.0)))
    both = document(pixel_trace(panel=0.0), pixel_trace(panel=1.0))
    assert compare(both, document(*reversed(both.pixels))).first_divergence is None


def test_a_log_without_a_pixel_is_compared_with_the_only_one() -> None:
    comparison = compare(foreign(steps=4), document())
    assert comparison.first_divergence is None
    assert (comparison.pixels[0].slow, comparison.pixels[0].fast) == (3, 7)
    assert first(document(), foreign(steps=5)).slow == 3


def test_a_different_number_of_steps_is_a_divergence_and_the_rest_is_compared() -> None:
    trace = document()
    fewer = altered(rows_of(trace, slice(3)), steps=3)
    comparison = compare(trace, fewer)
    found = comparison.first_divergence
    assert found is not None
    assert (found.key, found.reference, found.candidate) == ("samples", 4, 3)
    divergent = [factor.key for factor in comparison.factors() if factor.verdict == "divergent"]
    assert divergent == ["samples", "steps"]
    assert comparison.pixels[0].samples is not None
    assert len(comparison.pixels[0].samples.rows) == 3
    assert first(fewer, trace).key == "samples"


def with_silent_rows() -> TraceDocument:
    """A trace of which rows 0 and 2 add nothing to the sum."""
    trace = altered(document(), I_background=5.0)
    for row, total in enumerate((5.0, 7.0, 7.0, 9.0)):
        trace = altered(trace, row, I_running=total)
    return trace


def test_samples_that_add_nothing_may_be_left_out() -> None:
    trace = with_silent_rows()
    comparison = compare(rows_of(trace, [1, 3]), trace)
    assert comparison.first_divergence is None
    table = comparison.pixels[0].samples
    assert table is not None
    assert (table.rows.tolist(), table.unmatched, table.contributing) == ([0, 1], (0, 2), (2, 2))
    assert first(rows_of(trace, [1]), trace).key == "samples"


@pytest.mark.parametrize("name", ["F_latt", "F_cell", "weight"])
def test_samples_without_a_factor_add_nothing(name: str) -> None:
    trace = altered(document(), 2, **{name: 0.0})
    assert compare(rows_of(trace, [0, 1, 3]), trace).first_divergence is None


def test_samples_that_were_said_to_be_omitted_may_lack() -> None:
    trace = document()
    assert compare(rows_of(trace, slice(2), omitted_samples=2), trace).first_divergence is None
    assert compare(trace, rows_of(trace, slice(2), omitted_samples=2)).first_divergence is None
    assert first(rows_of(trace, [0, 2], omitted_samples=1), trace).key == "samples"


def test_samples_without_indices_belong_together_by_position() -> None:
    columns = {"h": [1.0, 2.0, 3.0]}
    comparison = compare(foreign(columns), foreign({"h": [1.0, 2.0]}))
    assert [factor.verdict for factor in comparison.factors()] == ["divergent", "equal", "equal"]


def test_samples_in_another_order_diverge() -> None:
    trace = document()
    assert first(trace, rows_of(trace, [0, 2, 1, 3])).key in INDICES
    assert first(trace, rows_of(trace, [2, 1])).key == "samples"


def test_empty_tables() -> None:
    trace = rows_of(document(), slice(0))
    comparison = compare(trace, trace)
    assert comparison.first_divergence is None
    assert len(list(comparison.factors())) == comparison.compared == len(FACTORS) + 1


def test_factors_come_in_the_order_of_computation() -> None:
    trace = document()
    keys = [(factor.key, factor.sample) for factor in compare(trace, trace).factors()]
    assert keys[0] == ("pix0_vector_m", None)
    assert keys[-1] == ("I_pixel_photons", None)
    start = keys.index(("thick", 0))
    assert keys[start : start + 2 * len(SAMPLE)] == [(name, row) for row in (0, 1) for name in SAMPLE]


def ratios(reference: PixelTrace, candidate: PixelTrace) -> dict[str, float | None]:
    return {item.key: item.ratio for item in contributions(reference, candidate)}


def test_contributions_to_the_ratio() -> None:
    reference = pixel_trace()
    values = reference.values
    candidate = replace(
        reference,
        values={
            **values,
            "polarization": values["polarization"] * 0.5,
            "steps": values["steps"] * 2,
            "I_pixel_photons": values["I_pixel_photons"] * 0.25 * 1.5,
        },
    )
    found = ratios(reference, candidate)
    assert list(found) == [
        *("I_before_scaling", "r_e_sqr_m2", "fluence_photons_per_m2", "steps", "capture_fraction"),
        *("polarization", "omega_pixel_sr", "I_pixel_photons"),
    ]
    assert found["polarization"] == 0.5
    assert found["steps"] == 0.5
    assert found["omega_pixel_sr"] == 1.0
    assert unexplained(contributions(reference, candidate)) == pytest.approx(1.5)
    assert contributions(reference, candidate)[3].percent == -50.0


def test_an_oversampled_factor_is_in_the_sum_already() -> None:
    reference = pixel_trace(capture_fraction=0.5, oversample_thick=1)
    candidate = pixel_trace(capture_fraction=0.25, oversample_thick=1)
    assert ratios(reference, candidate)["capture_fraction"] == 1.0
    assert ratios(reference, pixel_trace(capture_fraction=0.25))["capture_fraction"] == 0.25


def test_a_ratio_to_nothing_is_unknown() -> None:
    dark = pixel_trace(I_before_scaling=0.0, I_pixel_photons=0.0)
    found = contributions(dark, pixel_trace())
    assert (found[0].ratio, found[0].percent, unexplained(found)) == (None, None, None)
    assert contributions(foreign(own=1.0).pixels[0], dark) == ()
    assert unexplained(()) is None


def test_counts_add_up() -> None:
    comparison: Comparison = compare(document(), altered(altered(document(), 1, h=0.1), airpath_m=1.0))
    assert comparison.counts["divergent"] == 2
    assert sum(comparison.counts.values()) == len(list(comparison.factors()))
