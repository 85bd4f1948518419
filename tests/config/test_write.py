from __future__ import annotations

import tempfile
import tomllib
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.config.edit import section_types, with_values
from nbjax.config.inputs import INPUT_FILES, absolute_inputs
from nbjax.config.load import load_config
from nbjax.config.tree import Beam, Config, Crystal, Detector, Output
from nbjax.config.write import config_toml

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))).filter(str.strip)
NAME = st.text(st.characters(exclude_characters="\0/", exclude_categories=("Cs",))).map(lambda name: f"/folder/x{name}")
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    float: st.floats(allow_nan=False, allow_infinity=False),
    int: st.integers(-(2**70), 2**70),
    bool: st.booleans(),
    str: TEXT,
    NoneType: st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Anything of a type that the configuration uses."""
    if is_dataclass(kind):
        names = {name for section in INPUT_FILES.values() for name in section}
        hints = get_type_hints(kind)
        keys = [field.name for field in fields(kind)]
        return st.builds(kind, **{key: st.none() | NAME if key in names else values(hints[key]) for key in keys})
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_origin(kind) in (Union, UnionType):
        return st.one_of([values(each) for each in get_args(kind)])
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        if kinds[-1] is Ellipsis:
            return st.lists(values(kinds[0]), max_size=3).map(tuple)
        return st.tuples(*map(values, kinds))
    return SCALARS[kind]


def with_first(config: Config) -> Config:
    """Of several crystals the first is the crystal."""
    return replace(config, crystal=config.crystals[0]) if config.crystals else config


@settings(max_examples=40)
@given(config=values(Config).map(with_first))
def test_what_is_written_reads_back(config: Config) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.toml"
        path.write_bytes(config_toml(config).encode())
        found = load_config(path)
    assert found == config
    assert repr(found) == repr(config)  # zeros with their sign, floats to the last bit


def test_only_what_differs_from_the_defaults_is_written() -> None:
    assert config_toml(Config()) == ""
    listed = with_values(Config(), {"crystal.cell_A": (40.0, 50.0, 60.0), "parity": ("a, b", "],")})
    assert 'parity = ["a, b", "],"]' in config_toml(listed).splitlines()
    assert "cell_A = [40.0, 50.0, 60.0]" in config_toml(listed).splitlines()
    assert tomllib.loads(config_toml(with_values(listed, {"parity": ("c" * 70, "d,\n]" * 20)})))["parity"] == [
        "c" * 70,
        "d,\n]" * 20,
    ]
    config = Config(Beam(wavelength_A=0.1 + 0.2), Crystal(interpolate=False), Detector(convention="mosflm"))
    assert config_toml(config) == "[beam]\nwavelength_A = 0.30000000000000004\n\n[crystal]\ninterpolate = false\n"


def test_absolute_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = Config(
        Beam(source_file="a"),
        Crystal(matrix_file="b", hkl_file="c", reflections_file="r", dump_file="d", coordinates_file="/e"),
        Detector(file="p.geom#1", header_file="f", mask_file="g", distance_mm=5.0),
        output=Output(float_file="h"),
    )
    assert absolute_inputs(config) == Config(
        Beam(source_file=f"{tmp_path}/a"),
        Crystal(
            matrix_file=f"{tmp_path}/b",
            hkl_file=f"{tmp_path}/c",
            reflections_file=f"{tmp_path}/r",
            dump_file=f"{tmp_path}/d",
            coordinates_file="/e",
        ),
        Detector(file=f"{tmp_path}/p.geom#1", header_file=f"{tmp_path}/f", mask_file=f"{tmp_path}/g", distance_mm=5.0),
        output=Output(float_file="h"),
    )


def test_every_key_that_names_an_input_is_known() -> None:
    named = {
        (section, field.name)
        for section, table in section_types().items()
        for field in fields(table)
        if section != "output" and (field.name.endswith("_file") or field.name == "file")
    }
    assert named == {(section, name) for section, names in INPUT_FILES.items() for name in names}
