"""Commands from their words to exit code, output and files."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbjax
import nbjax.cli.progress
import nbjax.cli.render
from nbjax.cli import main
from nbjax.config.tree import Config

Fails = Callable[[list[str]], str]

TOML = """
[beam]
wavelength_A = 1.0
[crystal]
cell_A = [50.0, 60.0, 70.0]
default_F = 100.0
cells = [3, 3, 3]
[detector]
distance_mm = 100.0
pixel_mm = 1.0
pixels_fast = 6
pixels_slow = 5
[sampling]
oversample = 1
"""


def files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--help"], "simulate"),
        (["--version"], f"nbjax {nbjax.__version__}"),
        (["simulate", "--help"], "--set"),
        (["config", "--help"], "resolve"),
        (["config", "resolve", "--help"], "CONFIG.toml"),
        (["sample", "--help"], "--out"),
        (["nanobragg", "-h"], "-distance"),
        (["nanobragg", "-help"], "-distance"),
        (["nanobragg", "--help"], "-distance"),
        (["nanobragg", "-N", "5", "-h"], "-distance"),
    ],
)
def test_help_and_version(words: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert shown in capsys.readouterr().out


def test_help_and_unreadable_configurations_load_no_jax() -> None:
    program = (
        "import sys; from nbjax.cli import main\n"
        "lines = ['--help', '--version', 'nanobragg -h', 'simulate --help', 'simulate absent.toml', 'simulate']\n"
        "codes = [main(line.split()) for line in lines]\n"
        "print(codes, [name for name in ('jax', 'jaxlib', 'gemmi') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[0, 0, 0, 0, 2, 2] []"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "COMMAND"),
        (["config"], "COMMAND"),
        (["nanobrag"], "invalid choice: 'nanobrag'"),
        (["simulate"], "CONFIG.toml"),
        (["simulate", "absent.toml"], "absent.toml: cannot be read"),
        (["simulate", "a", "b"], "unrecognized arguments: b"),
        (["simulate", "a", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["simulate", "a", "--precision", "half"], "invalid choice: 'half'"),
        (["simulate", "a", "--set"], "expected one argument"),
        (["nanobragg"], "no output was asked for"),
        (["nanobragg", "-distanc", "1"], "-distanc: unknown option; did you mean -distance?"),
    ],
)
def test_faulty_command_lines(words: list[str], message: str, fails: Fails) -> None:
    text = fails(words)
    assert message in text
    assert len(text.splitlines()) == 1


def test_memory_that_runs_out_in_a_computation_is_told(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(arguments: Any) -> int:
        raise RuntimeError(said)

    monkeypatch.setattr("nbjax.cli.predict.run", run)
    said = "RESOURCE_EXHAUSTED: Out of memory allocating 63350767944 bytes."
    assert "memory has run out, 63.4 GB were wanted at once; use fewer" in fails(["predict", "a.toml"])
    said = "another fault"
    with pytest.raises(RuntimeError, match="another fault"):
        main(["predict", "a.toml"])


def test_a_file_of_another_program_is_pointed_to_import(tmp_path: Path, fails: Fails) -> None:
    (tmp_path / "x.expt").write_text('{"__id__": "ExperimentList"}')
    said = fails(["simulate", str(tmp_path / "x.expt")])
    assert "is an experiment list of DIALS, no configuration; nbjax import makes one of it" in said


def test_a_closed_pipe_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    assert main(["nanobragg", "-h"]) == 0
    sys.stdout.close()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("make", "patience", "wanted", "shown"),
    [
        (Terminal, 0.0, True, True),
        (Terminal, 2.0, True, False),
        (Terminal, 0.0, False, False),
        (io.StringIO, 0.0, True, False),
    ],
)
def test_the_progress_bar(
    make: Callable[[], io.StringIO], patience: float, wanted: bool, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream: Any = make()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(nbjax.cli.progress, "_PATIENCE_S", patience)
    with nbjax.cli.progress.progress_bar("simulate", wanted) as advance:
        advance(50, 100)
        advance(100, 100)
    assert ("simulate" in stream.getvalue()) == shown


def simulate(*words: str, text: str = TOML) -> int:
    Path("run.toml").write_text(text)
    return main(["simulate", "run.toml", *words])


def test_a_configuration_without_output_writes_image_and_picture() -> None:
    assert simulate() == 0
    assert files() == {"run.toml", "run.bin", "run.png"}
    assert Path("run.bin").stat().st_size == 4 * 5 * 6


def test_outputs_go_into_the_folder(tmp_path: Path) -> None:
    absolute = tmp_path / "absolute.img"
    assert simulate("--out", "new/images") == 0
    assert simulate("--out", "new", text=f'{TOML}[output]\nfloat_file = "x"\ninteger_file = "{absolute}"') == 0
    assert files() == {"run.toml", "new/images/run.bin", "new/images/run.png", "new/x", "absolute.img"}


def test_an_empty_word_is_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["simulate", ""], ["simulate", "run.toml", "--out", ""], ["nanobragg", "-floatfile", ""]):
        assert main(words) == 2
        assert f"word {words.index('') + 1} of the command is empty" in capsys.readouterr().err
    assert files() == set()


def test_a_folder_that_cannot_be_made(capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    assert simulate("--out", "file") == 2
    assert "--out file: cannot be made a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["--set", "beam.wavelength_A=1.5"], ("beam", "wavelength_A"), 1.5),
        (["--precision", "mixed"], ("precision",), "mixed"),
        (["--parity", "phi_carryover,water_scale"], ("parity",), ("phi_carryover", "water_scale")),
        (["--parity"], ("parity",), ("all",)),
        (["--parity", "all"], ("parity",), ("all",)),
    ],
)
def test_flags_of_simulate(
    words: list[str], key: tuple[str, ...], value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, dict[str, str], bool]] = []

    def caught(config: Config, sources: dict[str, str], progress: bool, annotate: bool) -> None:
        seen.append((config, sources, progress))

    monkeypatch.setattr(nbjax.cli.render, "render_to_files", caught)
    assert simulate(*words) == 0
    assert simulate(*words, "--no-progress") == 0
    found = seen[0][0]
    for name in key:
        found = getattr(found, name)
    assert found == value
    assert seen[0][1][".".join(key)] == words[0]
    assert [progress for _, _, progress in seen] == [True, False]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--parity", "phi_carryovr"], "parity: 'phi_carryovr' is not an entry"),
        (["--set", "beam.wavelngth_A=1"], "beam.wavelngth_A: unknown key; did you mean wavelength_A?"),
        (["--set", "beam.wavelength_A=-1"], "beam.wavelength_A: got -1, must be above zero"),
        (["--set", "beam"], "--set: got 'beam'"),
    ],
)
def test_faults_of_simulate(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(*words) == 2
    assert message in capsys.readouterr().err
    assert files() == {"run.toml"}


def test_config_resolve_shows_values_and_origins(capsys: pytest.CaptureFixture[str]) -> None:
    Path("run.toml").write_text(TOML)
    assert main(["config", "resolve", "run.toml", "--set", "detector.convention=xds"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {words[0]: " ".join(words[1:]) for words in (line.split() for line in lines)}
    assert rows["beam.wavelength_A"] == "1 file run.toml"
    assert rows["detector.convention"] == "xds --set"
    assert rows["detector.pivot"] == "sample xds convention"
    assert rows["crystal.cells"].startswith("(3, 3, 3) ")
    sections = [line.split(".")[0] for line in lines if "." in line.split()[0]]
    assert sections == sorted(sections)
    column = lines[0].index(lines[0].split()[1])
    assert all(line[column - 1] == " " != line[column] for line in lines)


def test_config_resolve_reports_faults(fails: Fails) -> None:
    Path("run.toml").write_text("[beam]\nwavelength_A = -1")
    text = fails(["config", "resolve", "run.toml"])
    assert "beam.wavelength_A: got -1" in text
    assert "crystal.cell_A: missing" in text


def test_sample_renders_the_packaged_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Config] = []

    def caught(config: Config, sources: dict[str, str], progress: bool, annotate: bool) -> None:
        seen.append(config)

    monkeypatch.setattr(nbjax.cli.render, "render_to_files", caught)
    assert main(["sample", "--out", "here"]) == 0
    assert seen[0].crystal.coordinates_file == str(Path(nbjax.__file__).resolve().parent / "data" / "2erl.pdb")
    assert seen[0].output.float_file == "here/2erl.bin"


def test_the_sample_is_a_configuration_to_go_on_from(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[Config] = []

    def render(config: Config, *rest: object, **choices: object) -> None:
        rendered.append(config)

    monkeypatch.setattr(nbjax.cli.render, "render_to_files", render)
    assert main(["sample", "--set", "crystal.water_um=0.2", "--save-config", "mine.toml"]) == 0
    assert main(["simulate", "mine.toml"]) == 0
    assert rendered[0] == rendered[1]
    assert rendered[1].crystal.water_um == 0.2
