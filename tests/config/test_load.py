from __future__ import annotations

from pathlib import Path

import pytest

from nbjax.config.load import config_from_dict, load_config, load_with_sources
from nbjax.config.tree import Beam, Config, Crystal, Detector
from nbjax.errors import ConfigError, FileError


def write(folder: Path, content: str | bytes, name: str = "run.toml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def faults_of(folder: Path, content: str, *overrides: str) -> dict[str, str]:
    """Key -> problem of everything that a file has wrong."""
    with pytest.raises(ConfigError) as caught:
        load_with_sources(write(folder, content), overrides)
    return {fault.key: fault.problem for fault in caught.value.faults}


def test_values_arrive_with_their_types(tmp_path: Path) -> None:
    config = load_config(
        write(
            tmp_path,
            """
            precision = "mixed"
            parity = ["phi_carryover", "star_shape"]
            [beam]
            wavelength_A = 1
            [crystal]
            cell_A = [50, 60.5, 70]
            cells = [1, 2, 3]
            interpolate = false
            [detector]
            convention = "xds"
            roi = [0, 1, 2, 3]
            """,
        )
    )
    assert config == Config(
        Beam(wavelength_A=1.0),
        Crystal(cell_A=(50.0, 60.5, 70.0), cells=(1, 2, 3), interpolate=False),
        Detector(convention="xds", roi=(0, 1, 2, 3)),
        precision="mixed",
        parity=("phi_carryover", "star_shape"),
    )
    assert type(config.beam.wavelength_A) is float


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, "")) == Config()


@pytest.mark.parametrize(
    ("text", "wanted"), [('"all"', ("all",)), ('"a, b"', ("a", "b")), ('["a"]', ("a",)), ("[]", ())]
)
def test_parity_is_a_list_or_a_word(tmp_path: Path, text: str, wanted: tuple[str, ...]) -> None:
    assert load_config(write(tmp_path, f"parity = {text}")).parity == wanted


def test_a_fault_of_the_first_of_several_crystals_is_told_once() -> None:
    with pytest.raises(ConfigError) as caught:
        config_from_dict({"crystals": [{"cel_A": 1}, {}]})
    assert [fault.key for fault in caught.value.faults] == ["crystals.0.cel_A"]


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    faults = faults_of(
        tmp_path,
        """
        bem = 1
        precision = "duoble"
        [beam]
        wavelengthA = 1
        [crystal]
        cell_A = [1, 2]
        shape = 3
        [detector]
        roi = 5
        """,
    )
    assert set(faults) == {
        "bem", "precision", "beam.wavelengthA", "crystal.cell_A", "crystal.shape", "detector.roi",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("bem = 1", "bem", "unknown key; did you mean beam?"),
        ("[beam]\nwavelenght_A = 1", "beam.wavelenght_A", "unknown key; did you mean wavelength_A?"),
        ("[beam]\nflux = 1", "beam.flux", "unknown key; did you mean flux_photons_per_s?"),
        ("[crystal]\npixel_mm = 1", "crystal.pixel_mm", "unknown key; it belongs to [detector]"),
        ('"beam.wavelength_A" = 1', "beam.wavelength_A", "leave the quotes out, or write wavelength_A under [beam]"),
        ("distance_mm = 1", "distance_mm", "unknown key; it belongs to [detector]"),
        ("[output]\nzzz = 1", "output.zzz", "unknown key; known keys are float_file, "),
        ("[beam]\nwavelength_A = true", "beam.wavelength_A", "got True, a number is wanted"),
        ("[beam]\nwavelength_A = '1'", "beam.wavelength_A", "got '1', a number is wanted"),
        ("[beam]\nwavelength_A = nan", "beam.wavelength_A", "got nan, a finite number is wanted"),
        ("[beam]\nwavelength_A = -inf", "beam.wavelength_A", "got -inf, a finite number is wanted"),
        (f"[beam]\nwavelength_A = 1{'0' * 400}", "beam.wavelength_A", "got inf, a finite number is wanted"),
        ("[beam]\nwavelength_A = [1]", "beam.wavelength_A", "got [1], a number is wanted"),
        ("[beam.wavelength_A]\nx = 1", "beam.wavelength_A", "got {'x': 1}, a number is wanted"),
        ("[beam]\nwavelength_A = 2020-01-01", "beam.wavelength_A", "a number is wanted"),
        ("[crystal]\nmosaic_seed = 2.5", "crystal.mosaic_seed", "got 2.5, a whole number is wanted"),
        ("[crystal]\ncells = [1, true, 3]", "crystal.cells", "got True, a number is wanted"),
        ("[crystal]\ncell_A = [1, 2]", "crystal.cell_A", "got 2 values, 3 are wanted"),
        ("[crystal]\ncell_A = [1, 2, 'c']", "crystal.cell_A", "got 'c', a number is wanted"),
        ("[crystal]\ncell_A = 5", "crystal.cell_A", "got 5, a list in brackets is wanted"),
        ("[detector]\nroi = [1, 2, 3]", "detector.roi", "got 3 values, 4 are wanted"),
        ("[crystal]\nmisset_random = 1", "crystal.misset_random", "got 1, true or false is wanted"),
        ("[crystal]\ninterpolate = 'no'", "crystal.interpolate", "got 'no', true or false is wanted"),
        ("[crystal]\nshape = 'rond'", "crystal.shape", "got 'rond'; did you mean 'round'?"),
        ("[crystal]\nshape = 'cat'", "crystal.shape", "got 'cat'; choose from square, round, gauss, tophat"),
        ("precision = 1", "precision", "got 1; choose from double, mixed"),
        ("[output]\nfloat_file = 5", "output.float_file", "got 5, text in quotes is wanted"),
        ('[output]\nfloat_file = "a\\u0000"', "output.float_file", "text without the character zero is wanted"),
        ("parity = 5", "parity", "got 5, a list in brackets is wanted"),
        ("parity = [5]", "parity", "got 5, text in quotes is wanted"),
        ("beam = 5", "beam", "a section with its keys is wanted"),
        ("[[beam]]\nwavelength_A = 1", "beam", "a section with its keys is wanted"),
    ],
)
def test_a_fault_names_its_key_and_the_remedy(tmp_path: Path, text: str, key: str, problem: str) -> None:
    faults = faults_of(tmp_path, text)
    assert list(faults) == [key]
    assert problem in faults[key]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[beam]\nwavelength_A = = 1", "is not valid TOML: .*line 2"),
        (b"[beam]\n[beam]", "is not valid TOML: .*line 2"),
        (b"\xff\xff\x00", "is not text"),
        (b"[beam]\n# 5 \xb5m", "is not UTF-8: the byte 0xb5 in line 2; save it as UTF-8"),
        (b"\xff\xfe[\x00", "byte-order mark of UTF-16; save it as UTF-8"),
        (b"beam.wavelength_A = 1\n[beam]", "under one heading, and none of them before it as section.key"),
        (b"[beam]\nwave length = 1", "a key is one word without blanks"),
        (b"[crystal]\nshape = gauss", "text needs quotes"),
        (b"[crystal]\ncells = [1 2 3]", "lists need commas"),
        (b"a = 1" + b"0" * 5000, "number too long"),
        (b"a = " + b"[" * 5000, "brackets too deep"),
    ],
)
def test_what_is_not_toml_is_a_file_error(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=message):
        load_config(write(tmp_path, content))


@pytest.mark.parametrize("name", ["absent.toml", "", "a\0b"])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        load_config(f"{tmp_path}/{name}")


def test_input_files_are_relative_to_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "configs"
    folder.mkdir()
    write(
        folder,
        """
        [beam]
        source_file = "a"
        [crystal]
        matrix_file = "b"
        hkl_file = "sub/c"
        dump_file = "/absolute/d"
        coordinates_file = "../e"
        [detector]
        header_file = "f"
        mask_file = "g"
        [output]
        float_file = "h"
        """,
    )
    monkeypatch.chdir(tmp_path)
    config = load_config("configs/run.toml")
    assert config.beam.source_file == str(folder / "a")
    assert config.crystal.matrix_file == str(folder / "b")
    assert config.crystal.hkl_file == str(folder / "sub" / "c")
    assert config.crystal.dump_file == "/absolute/d"
    assert config.crystal.coordinates_file == str(folder / ".." / "e")
    assert config.detector.header_file == str(folder / "f")
    assert config.detector.mask_file == str(folder / "g")
    assert config.output.float_file == "h"


def test_overrides_and_where_each_key_came_from(tmp_path: Path) -> None:
    path = write(tmp_path, 'precision = "mixed"\n[beam]\nwavelength_A = 1.0\nexposure_s = 2')
    config, sources = load_with_sources(
        path,
        [
            "beam.wavelength_A=1.5",
            "detector.convention=xds",
            "crystal.cells=[1, 2, 3]",
            "crystal.hkl_file=here.hkl",
            "parity=all",
        ],
    )
    assert config.beam == Beam(wavelength_A=1.5, exposure_s=2.0)
    assert config.detector.convention == "xds"
    assert config.crystal == Crystal(cells=(1, 2, 3), hkl_file="here.hkl")
    assert config.parity == ("all",)
    assert sources == {
        "precision": "file run.toml",
        "beam.exposure_s": "file run.toml",
        "beam.wavelength_A": "--set",
        "detector.convention": "--set",
        "crystal.cells": "--set",
        "crystal.hkl_file": "--set",
        "parity": "--set",
    }


def test_the_last_override_wins(tmp_path: Path) -> None:
    config, _ = load_with_sources(write(tmp_path, ""), ["beam.wavelength_A=1", "beam.wavelength_A=2"])
    assert config.beam.wavelength_A == 2.0


@pytest.mark.parametrize(
    ("override", "key", "problem"),
    [
        ("beam.wavelength_A", "--set", "wants section.key=value"),
        ("=1", "--set", "wants section.key=value"),
        ("beam.wavelength_A=abc", "beam.wavelength_A", "got 'abc', a number is wanted"),
        ("beam.wavelength_A=", "beam.wavelength_A", "got '', a number is wanted"),
        ("beam.wavelengthA=1", "beam.wavelengthA", "did you mean wavelength_A?"),
        ("beam.exposure_s.x=1", "beam.exposure_s.x", "exposure_s is a value, not a section"),
        ('crystal.hkl_file=""', "crystal.hkl_file", "got '', a name is wanted; leave the key out"),
        ('output.png_file=" "', "output.png_file", "got ' ', a name is wanted"),
        ("beam=5", "beam", "a section with its keys is wanted"),
        ("distance_mm=5", "distance_mm", "it belongs to [detector]"),
    ],
)
def test_faulty_overrides(tmp_path: Path, override: str, key: str, problem: str) -> None:
    faults = faults_of(tmp_path, "[beam]\nexposure_s = 1", override)
    assert problem in faults[key]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf[beam]\nwavelength_A = 1.5\n")
    assert load_config(path).beam.wavelength_A == 1.5


def test_the_empty_name_of_an_input_is_not_its_folder(tmp_path: Path) -> None:
    assert "got ''" in faults_of(tmp_path, '[beam]\nsource_file = ""')["beam.source_file"]


def test_dictionaries_are_left_as_they_are() -> None:
    data = {"parity": "all", "beam": {"wavelength_A": 1}}
    assert config_from_dict(data).parity == ("all",)
    assert data == {"parity": "all", "beam": {"wavelength_A": 1}}
