"""Logs of ``nanoBragg -printout``, as the C program wrote one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbjax.cli.nanobragg import read_options
from nbjax.errors import FileError
from nbjax.pipeline.recording import trace
from nbjax.preparation import prepare
from nbjax.tracing.compare import compare
from nbjax.tracing.factors import trace_document
from nbjax.tracing.files import parse_trace

OPTIONS = (
    "-hkl t.hkl -cell 50 60 70 90 90 90 -lambda 1 -distance 100 -pixel 0.1 -detpixels 64 -N 5 -default_F 10 "
    "-oversample 2 -phi 0 -osc 1 -phisteps 2"
)
LIST = "0 0 1 50\n1 0 0 100\n0 1 0 120\n1 1 0 80\n1 1 1 60\n2 1 0 70\n"
LOG = """  64x64 pixels
{printed}
solid angle subtended by detector = 0.0040918 steradian ( 0.0325615% sphere)
"""
PRINTED = """  20   30 : stol = 6.2271e+07 or 0.0062271
at 0.1 0.000225 -0.001225
hkl= -0.002896 0.135025 -0.857433  hkl0= 0 0 -1
 F_cell=10  F_latt=18.7571   I = 330517
I/steps     41314.61795
polar       0.999914952
omega   9.997448668e-07
capfrac               1
pixel       0.041300565
"""


def test_the_log_agrees_with_a_trace_to_its_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.hkl").write_text(LIST)
    experiment = prepare(read_options([*OPTIONS.split(), "-parity", "-floatfile", "a.bin"]).config)
    ours = trace_document(experiment, trace(experiment, [[30, 20]]))
    log = parse_trace(LOG.format(printed=PRINTED).encode(), "p.log")
    (pixel,) = log.pixels
    assert (pixel.slow, pixel.fast) == (30, 20)
    assert pixel.values["steps"] == 8.0
    assert pixel.values["I_before_scaling"] == pytest.approx(330516.9436, rel=1e-9)
    found = compare(log, ours)
    assert found.first_divergence is None
    assert found.compared >= 10
    wrong = parse_trace(LOG.format(printed=PRINTED.replace("0.135025", "0.135028")).encode(), "p.log")
    divergence = compare(wrong, ours).first_divergence
    assert divergence is not None
    assert divergence.key == "last_hkl"


def test_several_pixels_are_read() -> None:
    other = PRINTED.replace("  20   30 :", "  21   30 :")
    document = parse_trace(LOG.format(printed=PRINTED + other).encode(), "p.log")
    assert [(pixel.slow, pixel.fast) for pixel in document.pixels] == [(30, 20), (30, 21)]


def test_a_log_that_ends_early_is_refused() -> None:
    with pytest.raises(FileError, match=r"p\.log: pixel \(30, 20\): its printout is cut off before omega_pixel_sr"):
        parse_trace(PRINTED[: PRINTED.index("omega")].encode(), "p.log")
