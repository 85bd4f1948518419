"""Every form that nbjax writes: what is read is what was written, and what is damaged is refused."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from traces import assert_same, document, document_arguments, foreign, made, pixel_trace

from nbjax.errors import FileError
from nbjax.tracing.document import PixelTrace, TraceDocument
from nbjax.tracing.files import SUFFIXES, check_suffix, parse_trace, read_trace, write_trace
from nbjax.tracing.hdf5_form import format_hdf5
from nbjax.tracing.json_form import format_json
from nbjax.tracing.text_form import format_text

FORMS: dict[str, Callable[[TraceDocument], bytes]] = {
    ".json": lambda trace: format_json(trace).encode(),
    ".h5": format_hdf5,
    ".txt": lambda trace: format_text(trace).encode(),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(arguments=document_arguments())
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_is_read_is_what_was_written(suffix: str, arguments: dict[str, Any]) -> None:
    trace = made(arguments)
    assert_same(parse_trace(FORMS[suffix](trace), "trace"), trace)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_numbers_keep_their_last_bit(suffix: str) -> None:
    hard = np.array([0.1, np.nextafter(1, 2), -0.0, 5e-324, 1.7976931348623157e308, 1e22 + 1, 2**53 + 0.0])
    trace = foreign({"h": hard}, own=hard, other=np.pi)
    assert_same(parse_trace(FORMS[suffix](trace), "trace"), trace)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_traces_of_other_programs_keep_their_keys(suffix: str) -> None:
    trace = foreign({"rot_a_0": [1.0]}, **{"F_cell^2": 4.0, "TRICUBIC.[0,1,2]": 1.0, "last_hkl": [1.0, 2.0, 3.0]})
    assert_same(parse_trace(FORMS[suffix](trace), "trace"), trace)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_many_pixels_keep_their_order(suffix: str) -> None:
    trace = document(*(pixel_trace(100 - i, i, samples=None) for i in range(12)))
    assert_same(parse_trace(FORMS[suffix](trace), "trace"), trace)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_form_is_told_by_the_content(suffix: str, tmp_path: Path) -> None:
    write_trace(tmp_path / f"trace{suffix}", document())
    os.rename(tmp_path / f"trace{suffix}", tmp_path / "trace.dat")
    assert_same(read_trace(tmp_path / "trace.dat"), document())


@pytest.mark.parametrize("name", ["trace", "trace.csv", "trace.JSON", "trace.h5.gz"])
def test_another_suffix_is_refused(name: str, tmp_path: Path) -> None:
    message = r"a trace is written as \.json, \.h5 or \.txt; end the name so"
    with pytest.raises(FileError, match=message):
        write_trace(tmp_path / name, document())
    with pytest.raises(FileError, match=message):
        check_suffix(name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_cannot_be_written(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        write_trace(tmp_path / "none" / f"trace{suffix}", document())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_trace_cut_off_anywhere_is_refused(suffix: str) -> None:
    content = FORMS[suffix](document())
    end = len(content) - 1 if suffix == ".h5" else len(content.rstrip())
    for length in {1, 5, 8, 9, *np.linspace(10, end - 1, 60).astype(int), end - 1}:
        with pytest.raises(FileError, match=r"^trace: "):
            parse_trace(content[:length], "trace")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_bytes_cause_no_other_error(suffix: str) -> None:
    content = FORMS[suffix](document())
    random = np.random.default_rng(1)
    for _ in range(60):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 3):
            damaged[place] = random.integers(0, 256)
        with suppress(FileError):
            parse_trace(bytes(damaged), "trace")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; give a trace"),
        (b" \n\n", "is empty"),
        (b"\x00\x01\x02", "is a binary file but no trace in HDF5"),
        (b"\xff\xfe\xfd", "is a binary file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(500), "is damaged or cut off HDF5"),
        (b"hello\n", "is no trace; give one that nbjax wrote"),
        (b"[1, 2]\n", "is no trace"),
        (b"STEPS 1\nPIXEL 2\n", "is no trace"),
        (b"{}\n", 'is JSON without "schema"'),
    ],
)
def test_what_is_no_trace(content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=f"^some: {message}"):
        parse_trace(content, "some")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No such file"):
        read_trace(tmp_path / "none.json")
    with pytest.raises(FileError, match="Is a directory"):
        read_trace(tmp_path)


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    tree = json.loads(format_json(document()))
    change(tree)
    return json.dumps(tree).encode()


def first(tree: dict[str, Any]) -> dict[str, Any]:
    return tree["pixels"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update(schema="other"), "without"),
        (lambda t: t.update(schema_version=2), "has schema version 2; this nbjax reads version 1"),
        (lambda t: t.update(schema_version="1"), "has schema version '1'"),
        (lambda t: t.update(schema_version=True), "has schema version True"),
        (lambda t: t.pop("schema_version"), "has schema version None"),
        (lambda t: t.pop("program"), 'lacks "program"'),
        (lambda t: t.pop("pixels"), 'lacks "pixels"'),
        (lambda t: t.update(program=7), "has '7' for \"program\""),
        (lambda t: t.update(parity=[3]), "parity is 3"),
        (lambda t: t.update(pixels=[]), "has no pixel"),
        (lambda t: t.update(pixels=[5]), "has '5' among its pixels"),
        (lambda t: t["units"].update(airpath_m="mm"), "has airpath_m in 'mm'; a trace has it in 'm'"),
        (lambda t: t["units"].update(airpath_m=None), "has airpath_m in 'None'"),
        (lambda t: first(t).pop("slow"), 'lacks "slow"'),
        (lambda t: first(t).update(slow=1.5), "has '1.5' for \"slow\""),
        (lambda t: first(t).update(slow=True), 'has True for "slow"'),
        (lambda t: first(t).update(slow=None), "one index is unknown"),
        (lambda t: first(t)["values"].pop("I_pixel_photons"), "I_pixel_photons is missing"),
        (lambda t: first(t)["values"].update(airpath_m="1"), "has '1' for airpath_m; give finite numbers"),
        (lambda t: first(t)["values"].update(airpath_m=None), "has 'None' for airpath_m"),
        (lambda t: first(t)["values"].update(airpath_m=True), "has 'True' for airpath_m"),
        (lambda t: first(t)["values"].update(airpath_m=10**400), "has a number of 401 digits for airpath_m"),
        (lambda t: first(t)["values"].update(airpath_m=[[1]]), "for airpath_m"),
        (lambda t: first(t)["values"].update(beam_vector=[1, 0]), "beam_vector has 2 numbers"),
        (lambda t: first(t)["values"].update(beam_vector=[1, 0, "0"]), "has '0' for beam_vector"),
        (lambda t: first(t)["samples"].update(rows=[[1]]), "has the sample row"),
        (lambda t: first(t)["samples"].update(columns=["h", "h"]), "name each column once"),
        (lambda t: first(t)["samples"].update(columns=[]), "name each column once"),
        (lambda t: first(t)["samples"].update(columns=[1]), "name each column once"),
        (lambda t: first(t)["samples"]["rows"][0].__setitem__(0, "x"), "has 'x' for thick"),
        (lambda t: first(t)["samples"].update(omitted=-1), "-1 omitted samples"),
        (lambda t: t["pixels"].append(first(t)), "is traced twice"),
    ],
)
def test_faulty_json(change: Callable[[dict[str, Any]], object], message: str) -> None:
    with pytest.raises(FileError, match=f"^trace: .*{message}"):
        parse_trace(edited(change), "trace")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"program": "nbjax"', '"program": "nbjax", "program": "C"', "has the key program twice"),
        ('"I_background": ', '"I_background": 1, "I_background": ', "has the key I_background twice"),
        ('"I_background": ', '"I_background": NaN, "x": ', "holds NaN; give finite numbers"),
        ('"I_background": ', '"I_background": -Infinity, "x": ', "holds -Infinity"),
        ('"I_pixel_photons": ', '"I_pixel_photons": 1e999, "x": ', "I_pixel_photons.*inf"),
        ('"I_background": ', '"I_background": ' + "9" * 5000 + ', "x": ', "cannot be read|5000 digits"),
        ('"parity": ["running_product"]', '"parity": ' + "[" * 100000, "cannot be read|not whole"),
    ],
)
def test_faulty_json_text(old: str, new: str, message: str) -> None:
    text = format_json(document())
    assert old in text
    with pytest.raises(FileError, match=message):
        parse_trace(text.replace(old, new, 1).encode(), "trace")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("nbjax-trace 1", "nbjax-trace 2", "has schema version 2; this nbjax reads version 1"),
        ("TRACE_NBJAX: schema nbjax-trace 1\n", "", "does not open with"),
        ("TRACE_NBJAX: end\n", "", "is cut off: its last line `TRACE_NBJAX: end` is missing"),
        ("TRACE_NBJAX: end\n", "TRACE_NBJAX: end\nTRACE_NBJAX: end\n", "goes on after"),
        ("TRACE_NBJAX: program nbjax\n", "", "lacks its `TRACE_NBJAX: program` line"),
        ("program nbjax\n", "program nbjax\nTRACE_NBJAX: program C\n", "has the key program twice"),
        ("program nbjax\n", "program\n", "before its first pixel"),
        ("program nbjax\n", "program nbjax\nTRACE_NBJAX:\n", "has an empty"),
        ("pixel 3 7", "pixel 3", "a pixel is named by slow and fast"),
        ("pixel 3 7", "pixel 3 -7", "give a whole number"),
        ("pixel 3 7", "pixel 3 x", "give a whole number"),
        ("TRACE_NBJAX: I_pixel_photons", "TRACE_OTHER: I_pixel_photons", "I_pixel_photons is missing"),
        (
            "TRACE_NBJAX: I_pixel_photons",
            "TRACE_NBJAX: I_background 1\nTRACE_NBJAX: I_pixel_photons",
            "I_background twice",
        ),
        ("TRACE_NBJAX: I_background", "TRACE_NBJAX: I_background nan\nTRACE_NBJAX: x", "I_background holds nan"),
        ("TRACE_NBJAX: I_background", "TRACE_NBJAX: I_background\nTRACE_NBJAX: x", "I_background has shape"),
        ("TRACE_NBJAX: I_background", "TRACE_NBJAX: I_background 1_0\nTRACE_NBJAX: x", "has '1_0' for I_background"),
        ("TRACE_NBJAX: I_background", "TRACE_NBJAX: I_background one\nTRACE_NBJAX: x", "has 'one' for I_background"),
        ("TRACE_NBJAX: columns thick", "TRACE_NBJAX: columns", "has a sample row of 37 numbers, it takes 36"),
        ("TRACE_NBJAX: columns thick", "TRACE_NBJAX: columns subS", "name each column once"),
        ("TRACE_NBJAX: columns", "TRACE_NBJAX: columns a\nTRACE_NBJAX: columns", "has the key columns twice"),
        ("TRACE_NBJAX: columns", "TRACE_NBJAX: sample 1\nTRACE_NBJAX: columns", "none was announced"),
        ("TRACE_NBJAX: columns", "TRACE_NBJAX: omitted x\nTRACE_NBJAX: columns", "has `omitted x`"),
        ("TRACE_NBJAX: columns", "TRACE_NBJAX: program x\nTRACE_NBJAX: columns", "has `program` within pixel"),
    ],
)
def test_faulty_text(old: str, new: str, message: str) -> None:
    text = format_text(document())
    assert old in text
    with pytest.raises(FileError, match=f"^trace: .*{message}"):
        parse_trace(text.replace(old, new, 1).encode(), "trace")


def test_a_text_trace_may_stand_in_a_log_with_other_line_ends() -> None:
    text = "rendering ...\n" + format_text(document()) + "done in 3 s\n"
    assert_same(parse_trace(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), "trace"), document())


def in_hdf5(change: Callable[[h5py.File], object]) -> bytes:
    buffer = io.BytesIO(format_hdf5(document()))
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


def replaced(group: Any, name: str, value: Any) -> None:
    del group[name]
    group[name] = value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.attrs.pop("schema"), 'is HDF5 without the attribute schema="nbjax-trace"'),
        (lambda f: f.attrs.__setitem__("schema_version", 3), "has schema version 3"),
        (lambda f: f.attrs.pop("schema_version"), "has schema version None"),
        (lambda f: f.attrs.pop("program"), 'lacks the attribute "program"'),
        (lambda f: f["pixel_0000"].pop("I_pixel_photons"), "I_pixel_photons is missing"),
        (lambda f: f.pop("pixel_0000"), "has no pixel"),
        (lambda f: f["pixel_0000/airpath_m"].write_direct(np.array(np.nan)), "airpath_m holds nan"),
        (lambda f: f["pixel_0000/airpath_m"].attrs.__setitem__("units", "mm"), "has airpath_m in 'mm'"),
        (lambda f: f["pixel_0000"].attrs.pop("slow"), "one index is unknown"),
        (lambda f: replaced(f["pixel_0000"], "airpath_m", "long"), "has .*long.* for airpath_m"),
        (lambda f: replaced(f["pixel_0000"], "airpath_m", [1.0, 2.0]), "airpath_m has 2 numbers"),
        (lambda f: replaced(f["pixel_0000/samples"], "h", [1.0]), r"columns have \[1, 4\] rows"),
        (lambda f: f.create_dataset("pixel_0001", data=1.0), "is damaged"),
    ],
)
def test_faulty_hdf5(change: Callable[[h5py.File], object], message: str) -> None:
    with pytest.raises(FileError, match=f"^trace: .*{message}"):
        parse_trace(in_hdf5(change), "trace")


def test_hdf5_tells_units_and_uses_strings_of_fixed_length() -> None:
    with h5py.File(io.BytesIO(format_hdf5(document())), "r") as file:
        pixel = file["pixel_0000"]
        assert (pixel.attrs["slow"], pixel.attrs["fast"]) == (3, 7)
        assert pixel["omega_pixel_sr"].attrs["units"] == b"sr"
        assert pixel["samples/lambda_m"].attrs["units"] == b"m"
        assert file.attrs.get_id("program").dtype == np.dtype("S5")
        assert list(file.attrs["parity"]) == [b"running_product"]


def test_json_tells_units() -> None:
    tree = json.loads(format_json(document()))
    assert tree["units"]["fluence_photons_per_m2"] == "photons/m^2"
    assert tree["units"].keys() >= {"airpath_m", "I_running", "q_x_per_m"}
    assert first(tree)["values"]["steps"] == 4


def test_an_empty_table_is_not_the_same_as_none() -> None:
    for suffix in SUFFIXES:
        trace = document(PixelTrace(0, 0, pixel_trace().values, {"phi": [], "h": []}), pixel_trace(1, 1, samples=None))
        read = parse_trace(FORMS[suffix](trace), "trace")
        assert_same(read, trace)
        assert read.pixels[0].sample_count == read.pixels[1].sample_count == 0
