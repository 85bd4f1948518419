"""Backgrounds of a configuration, and what is wrong with them in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases import GOLDEN

from nbjax import load_config, prepare
from nbjax.cli import main
from nbjax.config.load import load_with_sources
from nbjax.errors import ConfigError, FileError
from nbjax.io.stol import read_stol
from nbjax.resolve import resolve

GLASS = GOLDEN / "nonbragg" / "glass.stol"
HEAD = """
[crystal]
cell_A = [50.0, 50.0, 50.0]
default_F = 1.0
[detector]
distance_mm = 100.0
pixel_mm = 1.0
pixels_fast = 40
pixels_slow = 36
"""


def written(folder: Path, tables: str) -> Path:
    path = folder / "run.toml"
    path.write_text(HEAD + tables)
    return path


def test_tables_are_read_in_their_order_and_files_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "g.stol").write_text(GLASS.read_text())
    tables = """
[[background]]
material = "water"
thickness_mm = 0.1
[[background]]
file = "g.stol"
thickness_mm = 0.2
density_g_per_cm3 = 1.0
molecular_weight_g_per_mol = 20.0
"""
    config, sources = load_with_sources(written(tmp_path, tables), ["background.1.thickness_mm=0.3"])
    assert sources["background.0.material"] == "file run.toml"
    resolved = resolve(config, sources)
    assert [one.thickness_mm for one in resolved.backgrounds] == [0.1, 0.3]
    assert resolved.notes["background.1.thickness_mm"] == (0.3, "--set")
    assert len(prepare(config).backgrounds) == 2


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        (
            "thickness_mm = -1.0\nmaterial = 'air'",
            "background.0.thickness_mm",
            "got -1, must not be negative; give the",
        ),
        ("thickness_mm = 1.0\nmaterial = 'watr'", "background.0.material", "got 'watr'; did you mean 'water'?"),
        ("thickness_mm = 1.0", "background.0.material", "is missing; give it, or file, profile_file or image_file"),
        (
            f"material = 'air'\nfile = '{GLASS}'",
            "background.0.material",
            "material and file are given together; leave all but one out",
        ),
        (
            f"profile_file = '{GLASS}'",
            "background.0.profile_file",
            "which ends at 0.7 and the panel sees up to 15.81 degrees of 2 theta; add lines to the table",
        ),
        ("material = 'air'", "background.0.thickness_mm", "is missing; give the thickness along the beam in mm"),
        ("thickness_mm = 1.0\nfile = 'no.stol'", "background.0.file", "there is no such file; correct the name"),
        ("thickness = 1.0", "background.0.thickness", "unknown key; did you mean thickness_mm?"),
        ("thickness_mm = '1'", "background.0.thickness_mm", "got '1', a number is wanted"),
        (
            f"thickness_mm = 1.0\nfile = '{GLASS}'\ncompton = true\ndensity_g_per_cm3 = 1.0\n"
            "molecular_weight_g_per_mol = 18.0",
            "background.0.compton",
            "got true for a file without a formula; give formula, as in SiO2",
        ),
        (
            f"thickness_mm = 1.0\nfile = '{GLASS}'\nformula = 'SiO2x'\ndensity_g_per_cm3 = 1.0\n"
            "molecular_weight_g_per_mol = 18.0",
            "background.0.formula",
            "got 'SiO2x', which is no formula; give elements and counts, as in SiO2",
        ),
        ("thickness_mm = 1.0\nmaterial = 'ice'\ngrain_nm = 0", "background.0.grain_nm", "got 0, must be above zero"),
        (
            f"thickness_mm = 1.0\nfile = '{GLASS}'",
            "background.0.density_g_per_cm3",
            "is missing; a table of a file needs it, as density_g_per_cm3 = 1.0",
        ),
        (
            f"thickness_mm = 1.0\nfile = '{GLASS}'\nfile_axis = 'Q'\ndensity_g_per_cm3 = 1.0\n"
            "molecular_weight_g_per_mol = 18.0",
            "background.0.file",
            "which ends at 0.0557 and the panel sees up to 0.1375 in sin(theta)/wavelength per Angstrom; add lines",
        ),
    ],
)
def test_a_fault_names_its_table_key_value_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str, key: str, words: str
) -> None:
    path = written(tmp_path, f"[[background]]\n{table}\n")
    with pytest.raises(ConfigError) as caught:
        prepare(load_config(path))
    (fault,) = (fault for fault in caught.value.faults if fault.key == key)
    assert words in fault.problem
    assert main(["simulate", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_background_under_parity_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "[[background]]\nmaterial = 'air'\nthickness_mm = 1.0\n")
    path.write_text("parity = ['water_scale']\n" + path.read_text())
    with pytest.raises(ConfigError, match="background: the C program has no such backgrounds; leave parity out"):
        resolve(load_config(path))


def test_one_table_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"background: got one table, a list of tables is wanted; write each .*\[\["):
        load_config(written(tmp_path, "[background]\nmaterial = 'air'\n"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 1\n1 2\n2 3\n", "has 3 lines, a table needs 4 or more; add lines"),
        ("0 1\n1 2\n0.5 3\n2 1\n", "line 3: 0.5 comes after 1; sort the lines by the first column"),
        ("0 1\n1 x\n2 3\n3 3\n", "line 2: '1 x' is not numbers; give sin"),
        ("-1 1\n1 2\n2 3\n3 3\n", "line 1: '-1 1' is not finite, or negative; give"),
    ],
)
def test_a_faulty_table_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.stol"
    path.write_text(text)
    with pytest.raises(FileError, match=words.replace("(", r"\(")):
        read_stol(path)


def test_the_axis_of_a_table(tmp_path: Path) -> None:
    plain, quarter, q = (read_stol(GLASS, axis) for axis in ("stol", "4stol", "Q"))
    np.testing.assert_allclose(quarter.stol_per_A * 4, plain.stol_per_A)
    np.testing.assert_allclose(q.stol_per_A * 4 * np.pi, plain.stol_per_A)
    assert plain.electrons[-1] == 0


def test_an_image_without_values_is_no_background(tmp_path: Path) -> None:
    np.save(tmp_path / "bad.npy", np.full((20, 24), np.nan))
    rest = "[detector]\npixels_fast = 24\npixels_slow = 20\n[[background]]\nimage_file = 'bad.npy'\n"
    path = tmp_path / "bad.toml"
    path.write_text(f"[crystal]\ncell_A = [9, 9, 9]\ndefault_F = 1.0\n{rest}")
    with pytest.raises(ConfigError, match=r"background\.0\.image_file: .*bad\.npy has no pixel with a value"):
        resolve(load_config(path))
