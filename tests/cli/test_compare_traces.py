from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import GOLDEN
from traces import document, foreign, pixel_trace

from nbjax.cli import main
from nbjax.tracing.files import read_trace, write_trace

TRACE = GOLDEN / "mosaic_phi" / "trace_s64_f64.txt"
REPORT = ["factors.png", "metrics.json", "run_metadata.json", "summary.md"]


def changed(old: str, new: str, name: str = "changed.txt") -> str:
    text = TRACE.read_text()
    assert old in text
    Path(name).write_text(text.replace(old, new, 1))
    return name


def test_equal_traces(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare-traces", str(TRACE), str(TRACE), "--out", "report"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0] == "all 598 factors equal within tolerance"
    assert "report" in captured.out.splitlines()[1]
    assert captured.err == ""
    assert sorted(os.listdir("report")) == REPORT


def test_a_divergence(capsys: pytest.CaptureFixture[str]) -> None:
    name = changed("PIX polarization 0.99999900000200004", "PIX polarization 0.98")
    assert main(["compare-traces", str(TRACE), name, "--out", "report"]) == 1
    sentence = "first divergence: polarization at pixel (64, 64): reference 0.999999, candidate 0.98 (-2 %)"
    assert capsys.readouterr().out.splitlines()[0] == sentence
    assert "0.98 (-2 %)" in Path("report/summary.md").read_text()
    assert json.loads(Path("report/metrics.json").read_text())["first_divergence"]["key"] == "polarization"


def test_a_divergence_of_a_sample(capsys: pytest.CaptureFixture[str]) -> None:
    step = TRACE.read_text().splitlines()[11]
    words = step.split()
    words[14] = str(float(words[14]) * 1.5)
    assert main(["compare-traces", str(TRACE), changed(step, " ".join(words)), "--out", "report"]) == 1
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("first divergence: F_cell at pixel (64, 64), sample 11 (phi 2, mosaic 1): reference ")
    assert line.endswith("(+50 %)")


def test_traces_of_different_forms(capsys: pytest.CaptureFixture[str]) -> None:
    for suffix in ("json", "h5", "txt"):
        write_trace(f"trace.{suffix}", document())
    for left, right in (("json", "h5"), ("h5", "txt"), ("txt", "json")):
        words = ["compare-traces", f"trace.{left}", f"trace.{right}", "--out", "report", "--tolerance", "all=0"]
        assert main(words) == 0
    assert "equal" in capsys.readouterr().out


def test_a_log_and_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    value = document().pixels[0].values["airpath_m"]
    Path("c.log").write_text(f"TRACE_C: R_distance_meters {value:.6g}\nTRACE_C: steps 4\nother\n")
    write_trace("nbjax.json", document())
    words = ["compare-traces", "c.log", "nbjax.json", "--out", "report"]
    assert main(words) == 1
    assert "first divergence: airpath_m at pixel (3, 7): reference " in capsys.readouterr().out
    assert main([*words, "--tolerance", "all=1e-5"]) == 0
    assert main([*words, "--tolerance", "all=1e-5", "--tolerance", "airpath_m=1e-9"]) == 1


def test_the_report_tells_how_it_came_about() -> None:
    write_trace("a b.json", document())
    assert main(["compare-traces", "a b.json", "a b.json", "--out", "report", "--tolerance", "F_cell=1e-6"]) == 0
    metadata = json.loads(Path("report/run_metadata.json").read_text())
    assert metadata["command"] == "nbjax compare-traces 'a b.json' 'a b.json' --out report --tolerance F_cell=1e-6"
    assert metadata["tolerances"] == {"F_cell": 1e-6}
    assert metadata["inputs"]["candidate"]["path"] == str(Path("a b.json").absolute())
    assert metadata["inputs"]["candidate"]["bytes"] == Path("a b.json").stat().st_size


def prepare() -> None:
    """The files that faulty commands name."""
    shutil.copy(TRACE, "good.txt")
    Path("empty.txt").touch()
    Path("cut.txt").write_text(TRACE.read_text()[:4000])
    Path("binary.h5").write_bytes(bytes(range(256)))
    write_trace("whole.h5", document())
    Path("cut.h5").write_bytes(Path("whole.h5").read_bytes()[:3000])
    Path("cut.json").write_text('{"schema": "nbjax-trace", ')
    write_trace("other_pixel.json", document(pixel_trace(1, 1)))
    write_trace("other_keys.json", foreign(own=1.0))
    Path("log.txt").write_text("TRACE_C: own 1\nTRACE_C: own 2\n")
    Path("other.log").write_text("TRACE_C: mine 1\n")
    Path("a_file").touch()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.txt", "good.txt"], "none.txt: cannot be read"),
        (["good.txt", "none.txt"], "none.txt: cannot be read"),
        (["good.txt", "empty.txt"], "empty.txt: is empty"),
        (["good.txt", "cut.txt"], "cut.txt: "),
        (["good.txt", "binary.h5"], "binary.h5: is a binary file"),
        (["good.txt", "cut.h5"], "cut.h5: is damaged or cut off HDF5"),
        (["good.txt", "cut.json"], "cut.json: is not whole JSON"),
        (["good.txt", "log.txt"], "log.txt: has the duplicated key own"),
        (["good.txt", "other_pixel.json"], "the traces are of different pixels ((64, 64) against (1, 1))"),
        (["other_keys.json", "other.log"], "the traces have no key in common (own against mine)"),
        (
            ["good.txt", "good.txt", "--tolerance", "F_cel=1"],
            "--tolerance F_cel: there is no such key; did you mean F_cell?",
        ),
        (["good.txt", "good.txt", "--tolerance", "F_cell"], "--tolerance F_cell: give key=number"),
        (["good.txt", "good.txt", "--tolerance", "F_cell=-1"], "--tolerance F_cell=-1: give key=number"),
        (["good.txt"], "the following arguments are required: CANDIDATE"),
    ],
)
def test_what_cannot_be_compared(fails: Callable[[list[str]], str], words: list[str], message: str) -> None:
    prepare()
    before = sorted(os.listdir())
    assert fails(["compare-traces", *words, "--out", "report"]).startswith(f"nbjax: {message}")
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("name", ["a_file", "a_file/under"])
def test_the_name_of_a_file_as_folder(fails: Callable[[list[str]], str], name: str) -> None:
    prepare()
    message = fails(["compare-traces", "good.txt", "good.txt", "--out", name])
    assert message == f"nbjax: --out {name}: a_file is a file; give the name of a folder\n"


def test_a_folder_is_asked_for(fails: Callable[[list[str]], str]) -> None:
    assert "required: --out" in fails(["compare-traces", "a", "b"])


def test_nothing_half_written_is_left(fails: Callable[[list[str]], str]) -> None:
    prepare()
    Path("report/summary.md").mkdir(parents=True)
    assert "summary.md: is a folder" in fails(["compare-traces", "good.txt", "good.txt", "--out", "report"])
    assert not [name for name in os.listdir("report") if name.startswith(".")]


def test_traces_may_come_from_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe")
    with subprocess.Popen([sys.executable, "-c", f"open('pipe', 'w').write(open({str(TRACE)!r}).read())"]):
        assert main(["compare-traces", str(TRACE), "pipe", "--out", "report"]) == 0
    assert (
        json.loads(Path("report/run_metadata.json").read_text())["inputs"]["candidate"]["bytes"] == TRACE.stat().st_size
    )


def test_neither_jax_nor_matplotlib_is_loaded_too_early() -> None:
    code = """
import sys
from nbjax.cli import main
main(["compare-traces", "none", "none", "--out", "report"])
assert not {"jax", "matplotlib", "h5py"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_reading_a_written_trace_loads_no_jax() -> None:
    write_trace("a.json", document())
    code = """
import sys
from nbjax.cli import main
assert main(["compare-traces", "a.json", "a.json", "--out", "report"]) == 0
assert "jax" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert read_trace("a.json").program == "nbjax"
