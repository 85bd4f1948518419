"""Every golden case of the C program: bit for bit files under parity, and physics where the C program has it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from cases import CASES, GOLDEN, INPUTS, SAME_IMAGE, SHOWN_BY, TOLERANCE, images, option_line, residual, window

from nbjax.cli import main
from nbjax.cli.nanobragg import option_departures, read_options
from nbjax.pipeline.render import render
from nbjax.preparation import prepare_resolved
from nbjax.reference.departures import departures
from nbjax.reference.ledger import NAMES
from nbjax.resolve import resolve


@pytest.fixture(autouse=True)
def _in_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(INPUTS)


def _tail(path: Path, shape: tuple[int, int], dtype: str) -> np.ndarray:
    """Pixels at the end of a file, whatever its header says about its own length."""
    size = shape[0] * shape[1] * np.dtype(dtype).itemsize
    return np.frombuffer(path.read_bytes()[-size:], dtype).reshape(shape)


def _header(text: str) -> dict[str, str]:
    return dict(re.findall(r"(\w+)=([^;\n]*)", text))


def _render(case: str, *more: str) -> np.ndarray:
    config = read_options([*option_line(case), *more]).config
    # programs of one device take three quarters of the time to compile; those of all write the files
    return window(case, render(prepare_resolved(resolve(config)), devices=jax.devices()[:1]))


@pytest.mark.parametrize("case", CASES)
def test_files_under_parity(case: str, tmp_path: Path) -> None:
    wanted = images(case)
    names = {"-floatfile": "f.bin", "-intfile": "i.img", "-pgmfile": "p.pgm"}
    if "c_noise" in wanted:
        names["-noisefile"] = "n.img"
    outputs = [word for option, name in names.items() for word in (option, str(tmp_path / name))]
    assert main(["nanobragg", *option_line(case), "-parity", *outputs]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names.values())

    text = (tmp_path / "i.img").read_bytes().split(b"\f")[0].decode()
    golden = (GOLDEN / case / "smv_header.txt").read_text()
    assert text == golden.rstrip("\f")
    header = _header(text)
    shape = (int(header["SIZE2"]), int(header["SIZE1"]))
    photons = window(case, _tail(tmp_path / "f.bin", shape, "<f4"))
    assert residual(photons, wanted["c"]) <= TOLERANCE
    for name, dtype, key in (("i.img", "<u2", "c_int"), ("p.pgm", "u1", "c_pgm"), ("n.img", "<u2", "c_noise")):
        if key in wanted:
            pixels = window(case, _tail(tmp_path / name, shape, dtype)).astype(int)
            assert np.abs(pixels - wanted[key]).max() <= (0 if key == "c_noise" else 1)


@pytest.mark.parametrize("case", CASES)
def test_physics(case: str) -> None:
    image, wanted = _render(case), images(case)
    if "phi_reset" in wanted:
        assert residual(image, wanted["phi_reset"]) <= TOLERANCE
    elif case not in SHOWN_BY or case in SAME_IMAGE:
        assert residual(image, wanted["c"]) <= TOLERANCE
    else:
        assert residual(image, wanted["c"]) > 3 * TOLERANCE


@pytest.mark.parametrize("case", CASES)
def test_the_entries_that_come_into_play_are_named(case: str) -> None:
    line = [*option_line(case), *(["-noisefile", "n.img"] if "c_noise" in images(case) else [])]
    request = read_options(line)
    resolved = resolve(request.config)
    named = departures(resolved, prepare_resolved(resolved), option_departures(line))
    assert set(named) == SHOWN_BY.get(case, set())


@pytest.mark.parametrize("case", sorted(SHOWN_BY))
def test_the_named_entries_alone_reproduce_the_c_program(case: str) -> None:
    image = _render(case, "-parity", ",".join(sorted(SHOWN_BY[case] | {"interpolation_latch"})))
    assert residual(image, images(case)["c"]) <= TOLERANCE


@pytest.mark.parametrize("case", CASES)
def test_mixed_precision(case: str) -> None:
    image = _render(case, "-parity", "-precision", "mixed")
    assert residual(image, images(case)["c"]) <= 1e-6


def test_mixed_precision_of_large_crystals() -> None:
    line = [*option_line("lyso_default"), "-N", "1000", "-detpixels", "64"]
    double, mixed = (
        render(prepare_resolved(resolve(replace(read_options(line).config, precision=name))), devices=jax.devices()[:1])
        for name in ("double", "mixed")
    )
    assert double.max() > 0
    assert residual(mixed, double) <= 1e-6


def test_the_whole_ledger_is_shown_by_some_case() -> None:
    elsewhere = {"twotheta_axis_option", "twotheta_axis_length", "curved_det_last", "custom_normal"}
    elsewhere |= {"oversample_thick_alone", "oversample_polar_always"}
    elsewhere |= {"header_overflow", "header_twotheta", "header_close_distance", "sentinel_values"}
    elsewhere |= {
        "two_column_sources",
        "oversample_distance",
        "size_rounding",
        "detector_size",
        "round_peak",
        "hkl_stream",
    }
    elsewhere |= {"header_beam_center", "distance_before_swing", "ignored_options", "default_files", "two_sided_panel"}
    assert set().union(*SHOWN_BY.values()) | elsewhere == set(NAMES)
