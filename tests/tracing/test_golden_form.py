from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases import GOLDEN
from traces import GOLDEN_TRACES

from nbjax.errors import FileError
from nbjax.tracing.files import parse_trace, read_trace

TRACE = GOLDEN / "mosaic_phi" / "trace_s64_f64.txt"
TEXT = TRACE.read_text()
PIX_KEYS = [line.split()[1] for line in TEXT.splitlines() if line.startswith("PIX")]


@pytest.mark.parametrize("path", GOLDEN_TRACES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_traces_are_read(path: Path) -> None:
    trace = read_trace(path)
    (pixel,) = trace.pixels
    lines = path.read_text().splitlines()
    assert path.stem == f"trace_s{pixel.slow}_f{pixel.fast}"
    assert pixel.sample_count == sum(line.startswith("STEP") for line in lines)
    assert (trace.program, trace.precision) == ("C", "double")
    for line in lines:
        if line.startswith("PIX") and "pixel " not in line:
            _, name, *words = line.split()
            assert np.array_equal(pixel.values[name], np.array(words, float).reshape(np.shape(pixel.values[name])))


def test_columns() -> None:
    samples = read_trace(TRACE).pixels[0].samples
    assert samples is not None
    step = TEXT.splitlines()[11].split()
    shown = [samples[name][11] for name in ("phi", "mosaic", "h", "k0", "F_latt", "F_cell", "lambda_m", "I_running")]
    assert shown == [float(step[i]) for i in (5, 6, 7, 11, 13, 14, 18, 19)]


def test_samples_that_were_left_out_are_counted() -> None:
    pixel = read_trace(GOLDEN / "everything_but_thickness" / "trace_s64_f64.txt").pixels[0]
    assert (pixel.sample_count, pixel.omitted_samples, pixel.values["steps"]) == (400, 500, 900)


@pytest.mark.parametrize("name", PIX_KEYS)
def test_a_missing_key(name: str) -> None:
    text = "".join(line for line in TEXT.splitlines(True) if not line.startswith(f"PIX {name} "))
    message = f"lacks its PIX {name} line" if name in ("fpixel", "spixel") else f"{name} is missing"
    with pytest.raises(FileError, match=message):
        parse_trace(text.encode(), "golden")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("STEP 0 0 0 0 0 0 ", "STEP 0 0 0 0 0 ", "has a STEP line of 18 numbers, not 19"),
        ("STEP 0 0 0 0 0 0 ", "STEP 0 0 0 0 0 0 0 ", "has a STEP line of 20 numbers, not 19"),
        ("STEP 0 0 0 0 0 0 ", "STEP 0 0 0 0 0 x ", "has 'x' for mosaic; give finite numbers"),
        ("STEP 0 0 0 0 0 0 ", "STEP 0 0 0 0 0 0.5 ", "mosaic holds 0.5; give whole numbers"),
        ("STEP 0 0 0 0 0 0 ", "STEP 0 0 0 0 0 nan ", "mosaic holds nan"),
        ("PIX steps 30", "PIX steps 30 1", "steps has 2 numbers; it takes one number"),
        ("PIX steps 30", "PIX steps", "steps has shape"),
        ("PIX steps 30", "PIX steps 30\nPIX steps 30", "has the key steps twice"),
        ("PIX steps 30", "PIX steps inf", "steps holds inf"),
        ("PIX steps 30", "PIX steps many", "has 'many' for steps"),
        ("PIX steps 30", "PIX steps 30\nPIX stops 30", "has the unknown key stops"),
        ("PIX steps 30", "PIX steps 30\nfurther text", "has the line 'further text'"),
        ("PIX fpixel 64", "PIX fpixel 64.5", "give a whole number"),
        ("PIX fpixel 64", "PIX fpixel 64 64", "give a whole number"),
        ("PIX fpixel 64", "PIX fpixel -64", "give a whole number"),
        ("PIX fpixel 64", "PIX fpixel nan", "give a whole number"),
    ],
)
def test_faulty_lines(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(FileError, match=f"^golden: .*{message}"):
        parse_trace(TEXT.replace(old, new, 1).encode(), "golden")


def test_a_trace_cut_off_anywhere_is_refused() -> None:
    for length in {1, 3, 20, *np.linspace(30, len(TEXT) - 1, 80).astype(int), len(TEXT) - 1, len(TEXT) - 4}:
        with pytest.raises(FileError, match=r"^golden: "):
            parse_trace(TEXT[:length].encode(), "golden")
