from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from traces import document, foreign, pixel_trace

from nbjax.errors import FileError
from nbjax.tracing.chart import chart_png
from nbjax.tracing.compare import Comparison, compare
from nbjax.tracing.document import TraceDocument
from nbjax.tracing.overview import lacking, overview
from nbjax.tracing.report import Input, check_folder, write_report
from nbjax.tracing.summary import summary_text
from nbjax.tracing.wording import shown, verdict

INPUTS = (Input("left.json", b"left"), Input("right.txt", b"right"))


def with_values(trace: TraceDocument, **changes: Any) -> TraceDocument:
    first, *rest = trace.pixels
    return replace(trace, pixels=(replace(first, values={**first.values, **changes}), *rest))


def divergent() -> Comparison:
    trace = document(pixel_trace(), pixel_trace(5, 6))
    samples = {name: column.copy() for name, column in (trace.pixels[0].samples or {}).items()}
    samples["h"][3] *= 1.01
    samples["I_running"][1:] *= 1.02
    pixel = replace(trace.pixels[0], samples=samples)
    changed = with_values(replace(trace, pixels=(pixel, trace.pixels[1])), steps=5, I_pixel_photons=100.0)
    return compare(trace, changed)


def test_the_folder_of_a_report(tmp_path: Path) -> None:
    comparison = divergent()
    write_report(tmp_path / "a" / "b", comparison, INPUTS, "nbjax compare-traces left.json right.txt --out a/b")
    assert sorted(os.listdir(tmp_path / "a" / "b")) == [
        "factors.png",
        "metrics.json",
        "run_metadata.json",
        "summary.md",
    ]

    metrics = json.loads((tmp_path / "a" / "b" / "metrics.json").read_text())
    assert (metrics["schema"], metrics["schema_version"], metrics["equal"]) == ("nbjax-compare", 1, False)
    assert metrics["counts"] == comparison.counts
    assert len(metrics["factors"]) == sum(comparison.counts.values())
    found = metrics["first_divergence"]
    assert (found["key"], found["slow"], found["fast"], found["sample"]) == ("I_running", 3, 7, 1)
    assert found["percent"] == pytest.approx(2)
    assert found["indices"] == {"thick": 0, "subS": 0, "subF": 0, "source": 0, "phi": 0, "mosaic": 1}
    assert next(item for item in metrics["factors"] if item["verdict"] == "divergent") == found
    ratios = {item["key"]: item["ratio"] for item in metrics["pixels"][0]["contributions"]}
    assert ratios["steps"] == 0.8

    metadata = json.loads((tmp_path / "a" / "b" / "run_metadata.json").read_text())
    assert metadata["inputs"]["reference"] == {
        "path": str(Path("left.json").absolute()),
        "bytes": 4,
        "sha256": hashlib.sha256(b"left").hexdigest(),
    }
    assert metadata["command"].startswith("nbjax compare-traces left.json")
    assert {"nbjax", "numpy", "python", "platform", "utc", "tolerances"} <= metadata.keys()


def test_a_report_replaces_an_older_one(tmp_path: Path) -> None:
    for trace in (foreign(steps=1), foreign(steps=2)):
        write_report(tmp_path, compare(foreign(steps=1), trace), INPUTS, "")
    assert (tmp_path / "summary.md").read_text().startswith("# Divergent")
    assert len(os.listdir(tmp_path)) == 4


def test_metrics_hold_no_infinity(tmp_path: Path) -> None:
    comparison = compare(foreign(own=-1.7e308, zero=0.0, tiny=5e-324), foreign(own=1.7e308, zero=1.0, tiny=1.0))
    write_report(tmp_path, comparison, INPUTS, "")
    found = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=pytest.fail)["factors"]
    assert [(item["absolute"], item["relative"], item["verdict"]) for item in found] == [
        (pytest.approx(1.797e308, rel=1e-3), pytest.approx(1.057, rel=1e-3), "divergent"),
        (1.0, None, "divergent"),
        (1.0, None, "divergent"),
    ]


@pytest.mark.parametrize("name", ["file", "file/under", "link"])
def test_a_file_in_the_place_of_the_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(FileError, match=r"--out .*: .*(file|link) is a file; give the name of a folder"):
        check_folder(tmp_path / name)
    check_folder(tmp_path / "new" / "folder")
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_folder_can_have(name: str, tmp_path: Path) -> None:
    comparison = compare(foreign(steps=1), foreign(steps=1))
    with pytest.raises(FileError, match="cannot be made a folder"):
        write_report(tmp_path / name, comparison, INPUTS, "")


def test_a_name_that_is_too_long_is_found_early(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be made a folder"):
        check_folder(tmp_path / ("x" * 300))


def test_equal_entries_of_very_many_samples_are_not_listed(tmp_path: Path) -> None:
    values = np.arange(100_001.0)
    write_report(tmp_path, compare(foreign({"h": values}), foreign({"h": values + (values == 7)})), INPUTS, "")
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["equal_samples_listed"] is False
    assert metrics["counts"]["equal"] == 100_001
    assert [(item["key"], item["sample"]) for item in metrics["factors"]] == [("samples", None), ("h", 7)]


def test_the_summary_of_a_divergence() -> None:
    text = summary_text(divergent(), ["left.json", "right.txt"])
    lines = text.splitlines()
    assert lines[0] == "# Divergent"
    assert lines[2].startswith(r"I\_running at pixel (3, 7), sample 1 (phi 0, mosaic 1): reference ")
    assert lines[2].endswith("(+2 %).")
    assert "| `steps` | 4 | 5 | -20 % |" in lines
    assert "Pixel (3, 7), 3 of 4 samples diverge:" in lines
    assert any(line.startswith("| 3 (phi 1, mosaic 1) | `h` |") and "`I_running`" in line for line in lines)
    assert any(line.startswith("| `h` | samples |") and line.endswith("| **1 of 8** |") for line in lines)
    tables = [line for line in lines if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)


def test_the_summary_of_equal_traces() -> None:
    text = summary_text(compare(document(), document()), ["a", "b"])
    assert text.startswith("# Equal\n\nall ")
    assert "## Where the ratio" not in text
    assert "## Samples that diverge" not in text
    assert "## Not compared" not in text
    assert "| reference | `a` | nbjax 0.1.0 | double | running_product |" in text


def test_the_summary_names_what_was_not_compared() -> None:
    comparison = compare(foreign(steps=1, own=1.0), foreign({"h": [1.0]}, steps=1, mine=2.0))
    assert lacking(comparison) == {"only in reference": ["own"], "only in candidate": ["samples", "mine"]}
    text = summary_text(comparison, ["a", "b"])
    assert "* only in reference, not mapped: `own`\n* only in candidate: `samples`\n" in text
    assert text.endswith("* only in candidate, not mapped: `mine`\n")


def test_long_tables_are_cut() -> None:
    rows = np.arange(40.0)
    comparison = compare(foreign({"h": rows}), foreign({"h": rows + 1}))
    assert "... and 28 more samples; metrics.json has them all." in summary_text(comparison, ["a", "b"])


def test_the_worst_entry_of_each_key() -> None:
    reference = foreign({"h": [1.0, 2.0, 3.0], "k": [1.0, 1.0, 1.0]})
    lines = overview(compare(reference, foreign({"h": [1.0, 2.5, 3.1], "k": [1.0, 1.0, 1 + 1e-12]})))
    assert [(line.key, line.block, line.entries, line.divergent) for line in lines] == [
        ("samples", "geometry", 1, 0),
        ("h", "samples", 3, 2),
        ("k", "samples", 3, 0),
    ]
    assert (lines[1].worst.sample, lines[2].worst.sample) == (1, 2)


@pytest.mark.parametrize(
    ("reference", "candidate", "sentence"),
    [
        ({"F_cell": 1.0}, {"F_cell": 1.0}, "all 1 factors equal within tolerance"),
        ({"steps": 2}, {"steps": 3}, "first divergence: steps at the pixel: reference 2, candidate 3 (+50 %)"),
        ({"a": 0.0}, {"a": 3}, "first divergence: a at the pixel: reference 0, candidate 3"),
        (
            {"a": 1.0},
            {"a": 1 + 1e-10},
            "first divergence: a at the pixel: reference 1, candidate 1.0000000001 (+1e-08 %)",
        ),
        (
            {"a": [3.0, 4]},
            {"a": [3.0, 4.5]},
            "first divergence: a at the pixel: reference (3, 4), candidate (3, 4.5) (10 %)",
        ),
        ({"a": [1.0, 2]}, {"a": [1.0]}, "first divergence: a at the pixel: reference (1, 2), candidate 1"),
    ],
)
def test_the_verdict(reference: dict[str, Any], candidate: dict[str, Any], sentence: str) -> None:
    assert verdict(compare(foreign(**reference), foreign(**candidate))) == sentence


def test_long_lists_are_shortened() -> None:
    assert shown(np.arange(9.0)) == "(0, 1, 2, ... 9 numbers)"
    assert shown(None) == "-"


@pytest.mark.parametrize(
    "comparison",
    [
        compare(foreign(steps=1), foreign(steps=1)),
        compare(foreign(zero=0.0, huge=-1.7e308), foreign(zero=1.0, huge=1.7e308)),
        compare(foreign({"h": [1e-320], "I_running": [0.0]}), foreign({"h": [1e-9], "I_running": [0.0]})),
        compare(foreign({"I_running": [1e-320, 5e-324]}), foreign({"I_running": [0.0, 0.0]})),
        compare(
            foreign(**{f"key$_{i}\N{GREEK SMALL LETTER ALPHA}漢": float(i) for i in range(200)}),
            foreign(**{"key$_7α漢": 9.0}),
        ),
        divergent(),
    ],
    ids=["one", "extremes", "tiny", "dark", "odd names", "divergent"],
)
def test_the_picture(comparison: Comparison) -> None:
    with Image.open(io.BytesIO(chart_png(comparison))) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 1000
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.std() > 5


def test_the_picture_keeps_what_diverges_of_very_many_keys() -> None:
    reference = foreign(**{f"key{i}": 1.0 for i in range(500)})
    picture = chart_png(compare(reference, foreign(**{f"key{i}": 1.0 + (i == 499) for i in range(500)})))
    with Image.open(io.BytesIO(picture)) as image:
        assert image.height < 4000
