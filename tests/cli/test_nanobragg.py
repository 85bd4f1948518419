"""``nbjax nanobragg`` from its words to exit code, output and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

import nbjax.cli.render
from nbjax.cli import main

Fails = Callable[[list[str]], str]

LINE = "-cell 50 60 70 -default_F 100 -lambda 1 -distance 100 -pixel 1 -detpixels_x 6 -detpixels_y 5 -N 3"


def line(more: str) -> list[str]:
    """The option line of a small image, with more options."""
    return ["nanobragg", *LINE.split(), *more.split()]


def files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


def must_not_run(*arguments: object) -> None:
    raise AssertionError("the work began")


def test_an_option_line_writes_what_it_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line("-floatfile a.bin -intfile b.img -pgmfile c.pgm -noisefile d.img -pngfile e.png")) == 0
    assert files() == {"a.bin", "b.img", "c.pgm", "d.img", "e.png"}
    out = capsys.readouterr().out
    assert "5 x 6 pixels (slow x fast)" in out
    for name in files():
        assert f"wrote {name}: " in out
    image = np.fromfile("a.bin", "<f4").reshape(5, 6).astype(float)
    slow, fast = np.unravel_index(image.argmax(), image.shape)
    assert f"maximum {image.max():.6g} photons at slow {slow}, fast {fast}" in out
    assert float(out.split("mean ")[1].split(",")[0]) == pytest.approx(image.mean(), rel=1e-5)


@pytest.mark.parametrize("name", ["-floatfile", "-intfile", "-pgmfile", "-noisefile", "-pngfile"])
def test_an_option_line_writes_nothing_else(name: str) -> None:
    assert main(line(f"{name} x")) == 0
    assert files() == {"x"}


def test_an_option_line_without_output_says_which_options_ask_for_one(fails: Fails) -> None:
    for cancelled in ("", "-noisefile a -nonoise", "-pgmfile a -nopgm"):
        text = fails(line(cancelled))
        for name in ("-floatfile", "-intfile", "-pgmfile", "-noisefile", "-pngfile", "-printout", "-config_out"):
            assert name in text
    assert files() == set()


def test_printout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line("-floatfile a.bin -printout -roi 1 2 3 4")) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [text.split() for text in lines[lines.index("fast slow photons") + 1 :]]
    assert [row[:2] for row in rows] == [["1", "3"], ["2", "3"], ["1", "4"], ["2", "4"]]
    image = np.fromfile("a.bin", "<f4").reshape(5, 6)
    np.testing.assert_allclose([float(row[2]) for row in rows], image[3:5, 1:3].ravel(), rtol=1e-7)


def test_a_picture_is_annotated() -> None:
    assert main(line("-pngfile plain.png")) == 0
    assert main(line("-pngfile full.png --annotate")) == 0
    with Image.open("plain.png") as plain, Image.open("full.png") as full:
        assert plain.size == (6, 5)
        assert min(full.size) > 300


def test_printout_of_one_pixel(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line("-printout_pixel 5 4")) == 0
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last[:2] == ["5", "4"]
    assert len(last[2].replace(".", "").lstrip("0")) == 10
    assert files() == set()


@pytest.mark.parametrize("pixel", ["6 0", "0 5", "-1 0"])
def test_a_pixel_outside_is_refused_before_the_work(pixel: str, fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbjax.cli.render, "render", must_not_run)
    text = fails(line(f"-floatfile a -printout_pixel {pixel}"))
    assert f"-printout_pixel: {pixel} (fast slow) lies outside the image; give fast 0 to 5 and slow 0 to 4" in text
    assert files() == set()


def test_the_equivalent_configuration_gives_the_same_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path("some.hkl").write_text("0 0 0 5\n1 0 0 6\n0 1 0 7\n1 1 1 8")
    physics = "-hkl some.hkl -misset random -misset_seed 3 -phi 1 -osc 2 -parity -beam_vector 1 0 0"
    assert main(line(f"{physics} -floatfile a.bin -noisefile n.img -config_out run.toml")) == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["simulate", "../run.toml"]) == 0
    for name in ("a.bin", "n.img"):
        assert Path(name).read_bytes() == (tmp_path / name).read_bytes()


def test_the_equivalent_configuration_alone_needs_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbjax.cli.render, "render", must_not_run)
    assert main(line("-config_out run.toml")) == 0
    assert files() == {"run.toml"}


def test_a_dump_is_written_with_a_list_and_read_without() -> None:
    Path("some.hkl").write_text("0 0 0 5\n1 0 0 6\n0 1 0 7\n1 1 1 8")
    assert main(line("-dump F.dump -hkl some.hkl -floatfile a.bin")) == 0
    assert files() == {"some.hkl", "F.dump", "a.bin"}
    assert main(line("-dump F.dump -floatfile b.bin")) == 0
    assert Path("a.bin").read_bytes() == Path("b.bin").read_bytes()


def test_the_c_program_differs_is_said_once_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    rotation = "-floatfile a.bin -osc 1 -phisteps 2 -water 1"
    assert main(line(rotation)) == 0
    notices = [text for text in capsys.readouterr().err.splitlines() if "C program differs" in text]
    assert len(notices) == 1
    assert "phi_carryover" in notices[0]
    assert "water_scale" in notices[0]
    assert main(line(f"{rotation} -parity")) == 0
    assert "C program differs" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("-lambda -1", "-lambda: got -1, must be above zero"),
        ("-wave 0", "-wave: got 0, must be above zero"),
        ("-close_distance 0", "-close_distance: got 0, must be above zero"),
        ("-Na 0", "-Na: got 0 3 3"),
        ("-seed -5", "-seed: got -5"),
        ("-mosaic_seed -5", "-mosaic_seed: got -5"),
        ("-misset_seed -5", "-misset_seed: got -5"),
        ("-detpixels_x 0", "-detpixels_x: got 0"),
        ("-roi 0 9 0 9", "-roi: got 0 9 0 9"),
        ("-cell 10 20 30 90 90 300", "-cell: got 90 90 300, must be above 0, below 180 degrees"),
        ("-cell 10 20 30 90 20 120", "-cell: got 90 20 120, no cell has these angles"),
        ("-polar 2", "-polar: got 2"),
        ("-hkl absent.hkl", "-hkl: got 'absent.hkl', and there is no such file; correct the name"),
    ],
)
def test_faults_of_values_name_the_option(more: str, message: str, fails: Fails) -> None:
    assert message in fails(line(f"-floatfile a.bin {more}"))
    assert files() == set()


@pytest.mark.parametrize("name", ["absent/a.bin", ".", "a\0b"])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    name: str, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nbjax.cli.render, "render", must_not_run)
    fails(line(f"-intfile {name}"))
    assert files() == set()


@pytest.mark.parametrize("other", ["a.bin", "./a.bin", "sub/../a.bin"])
def test_two_outputs_of_one_name_are_refused(other: str, fails: Fails) -> None:
    Path("sub").mkdir()
    text = fails(line(f"-floatfile a.bin -intfile {other}"))
    assert "is the name of two outputs" in text
    assert "is the name of two outputs" in fails(line(f"-floatfile a.bin -config_out {other}"))


@pytest.mark.parametrize(("amplitude", "message"), [("1e22", "more than a 32-bit float"), ("1e170", "are not finite")])
def test_a_result_beyond_the_floats_is_refused(amplitude: str, message: str, fails: Fails) -> None:
    Path("a.hkl").write_text("".join(f"{h} {k} {l} {amplitude}\n" for h in (0, 1) for k in (0, 1) for l in (0, 1)))  # noqa: E741
    assert message in fails(line("-hkl a.hkl -floatfile a"))
    assert files() == {"a.hkl"}


def test_commands_leave_no_state_behind() -> None:
    with jax.enable_x64(False):
        for name in ("a", "b"):
            assert main(line(f"-floatfile {name} -noisefile {name}.img")) == 0
            assert not jax.config.jax_enable_x64
            assert main(["nanobragg", "-distance"]) == 2
    assert Path("a").read_bytes() == Path("b").read_bytes()
    assert Path("a.img").read_bytes() == Path("b.img").read_bytes()


def test_an_interruption_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(nbjax.cli.render, "render", interrupted)
    assert main(line("-floatfile a")) == 130
    assert capsys.readouterr().err.splitlines()[-1].startswith("nbjax: interrupted")
    assert files() == set()
