from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from traces import FACTORS, document, foreign, pixel_trace

from nbjax.tracing.document import PixelTrace, TraceDocument, TraceError
from nbjax.tracing.keys import PIXEL


def test_keys_are_put_into_the_order_of_computation() -> None:
    values = dict(reversed(pixel_trace().values.items()))
    pixel = PixelTrace(0, 0, {"own": 1.0, **values}, {"F_cell": [1.0], "own": [2.0], "h": [3.0]})
    assert list(pixel.values) == [*FACTORS, "own"]
    assert list(pixel.samples or {}) == ["h", "F_cell", "own"]


def test_values_become_doubles_and_whole_columns_integers() -> None:
    pixel = PixelTrace(0, 0, {"F": np.float32(0.1), "steps": 3, "airpath_m": [2.0]}, {"h0": [1.0, -2.0], "h": [1, 2]})
    assert pixel.values["F"] == float(np.float32(0.1))
    assert pixel.values["steps"] == 3.0
    assert pixel.values["airpath_m"] == 2.0
    assert pixel.samples is not None
    assert pixel.samples["h0"].dtype == np.int64
    assert pixel.samples["h"].dtype == np.float64


def test_arrays_are_copied_and_cannot_be_changed() -> None:
    given = np.ones(3)
    pixel = PixelTrace(0, 0, {"beam_vector": given})
    given[0] = 5
    kept = pixel.values["beam_vector"]
    assert isinstance(kept, np.ndarray)
    assert kept[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 2


def test_a_list_of_one_weight_stays_a_list() -> None:
    assert np.shape(PixelTrace(0, 0, {"source_weights": [1.0]}).values["source_weights"]) == (1,)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"airpath_m": float("nan")}, r"pixel \(1, 2\): airpath_m holds nan; give finite"),
        ({"beam_vector": [1, 0, float("inf")]}, "beam_vector holds inf"),
        ({"beam_vector": [1, 0]}, "beam_vector has 2 numbers; it takes 3 numbers"),
        ({"airpath_m": [1, 0]}, "airpath_m has 2 numbers; it takes one number"),
        ({"airpath_m": "long"}, "airpath_m is 'long'; give finite numbers"),
        ({"airpath_m": None}, "airpath_m is 'None'"),
        ({"airpath_m": 1j}, "airpath_m is '1j'"),
        ({"beam_vector": [[1], [0, 1]]}, "beam_vector is"),
        ({"beam_vector": [[1, 0, 0]]}, r"beam_vector has shape \(1, 3\)"),
        ({"source_weights": []}, r"source_weights has shape \(0,\)"),
        ({"steps": 1.5}, r"steps holds 1\.5; give whole numbers"),
        ({"steps": 1e300}, "steps holds 1e"),
        ({"two words": 1.0}, "'two words' cannot name a key"),
        ({"a/b": 1.0}, "'a/b' cannot name a key"),
        ({"pixel": 1.0}, "'pixel' cannot name a key"),
        ({"": 1.0}, "'' cannot name a key"),
    ],
)
def test_faulty_values(values: dict[str, Any], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        PixelTrace(1, 2, values)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({"h": [1.0], "k": [1.0, 2.0]}, r"columns have \[1, 2\] rows"),
        ({}, r"columns have \[\] rows"),
        ({"h": [1.0, float("nan")]}, "samples: h holds nan"),
        ({"phi": [0.5]}, r"samples: phi holds 0\.5; give whole numbers"),
        ({"h": 1.0}, r"h has shape \(\)"),
        ({"h": ["x"]}, "h is "),
    ],
)
def test_faulty_samples(samples: dict[str, Any], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        PixelTrace(1, 2, {}, samples)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, None, {}), "one index is unknown"),
        ((-1, 2, {}), "negative index"),
        ((1, 2, {}, None, 3), "3 omitted samples"),
        ((1, 2, {}, {"h": [1.0]}, -1), "-1 omitted samples"),
    ],
)
def test_faulty_pixels(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        PixelTrace(*arguments)


@pytest.mark.parametrize("name", [name for name, key in PIXEL.items() if key.required])
def test_a_trace_of_nbjax_lacks_no_key(name: str) -> None:
    values = {key: value for key, value in pixel_trace().values.items() if key != name}
    with pytest.raises(TraceError, match=rf"pixel \(3, 7\): {name} is missing; a trace of nbjax holds every key"):
        document(PixelTrace(3, 7, values))


def test_a_crystal_without_axes_lacks_their_factors() -> None:
    values = {key: value for key, value in pixel_trace().values.items() if key != "last_F_latt_axes"}
    assert document(PixelTrace(3, 7, values)).pixels[0].samples is None


def test_a_trace_of_nbjax_has_no_other_key() -> None:
    with pytest.raises(TraceError, match="own is no key that nbjax traces"):
        document(pixel_trace(own=1.0))
    with pytest.raises(TraceError, match="own is no sample column that nbjax traces"):
        document(PixelTrace(0, 0, pixel_trace().values, {"own": [1.0]}))
    assert foreign(own=1.0).pixels[0].values["own"] == 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixels": ()}, "no pixel"),
        ({"pixels": (pixel_trace(), pixel_trace())}, r"pixel \(3, 7\) is traced twice"),
        ({"program": None}, "program is None"),
        ({"program": "two words"}, "program is 'two words'"),
        ({"version": ""}, "version is ''"),
        ({"precision": "a,b"}, "precision is 'a,b'"),
        ({"parity": ("a b",)}, "parity is 'a b'"),
        ({"parity": (1,)}, "parity is 1"),
    ],
)
def test_faulty_documents(changes: dict[str, Any], message: str) -> None:
    arguments = {"program": "nbjax", "version": None, "precision": None, "parity": None, "pixels": (pixel_trace(),)}
    with pytest.raises(TraceError, match=message):
        TraceDocument(**{**arguments, **changes})
