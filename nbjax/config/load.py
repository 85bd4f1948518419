"""Configurations from TOML files, with every fault of a file reported at once."""

from __future__ import annotations

import codecs
import difflib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import cattrs
from cattrs.errors import IterableValidationError, IterableValidationNote

from nbjax.config.edit import section_types
from nbjax.config.inputs import INPUT_FILES
from nbjax.config.kinds import check_kind
from nbjax.config.tree import Config
from nbjax.errors import ConfigError, Fault, FileError

T = TypeVar("T")

_CURES = {
    "Cannot declare": "; give all keys of a section under one heading, and none of them before it as section.key",
    "Cannot overwrite": "; say each key once",
    "Expected '='": "; a key is one word without blanks, a line is key = value",
    "Invalid value": "; text needs quotes, lists need commas, numbers a digit before and after the point",
    "Unclosed array": "; lists need commas between their values and a bracket at the end",
}
"""What the TOML reader says -> what to do about it."""


def load_config(path: str | Path) -> Config:
    """Read a configuration.

    File names of inputs are relative to the TOML file's folder, those of outputs to the current one.

    Raises:
        FileError: the file cannot be read, is not TOML, or describes a fit or a dataset.
        ConfigError: every unknown key, wrong type and impossible choice, with its key path.
    """
    return load_with_sources(path)[0]


def load_with_sources(path: str | Path, overrides: Sequence[str] = ()) -> tuple[Config, dict[str, str]]:
    """A configuration with ``section.key=value`` overrides, and where each key that was said came from."""
    data, sources = read_data(path, overrides)
    check_kind(path, data, "configuration")
    return config_from_dict(data), sources


def read_data(path: str | Path, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], dict[str, str]]:
    """The tables of a TOML file with overrides, not yet checked, and where each key that was said came from.

    Raises:
        FileError: the file cannot be read, or is not TOML.
        ConfigError: an override that is not ``section.key=value``.
    """
    data = read_toml(path)
    sources = {key: f"file {Path(path).name}" for key in _keys(data)}
    _anchor(data, Path(path).resolve().parent)
    return data, sources | override(data, overrides)


def override(data: dict[str, Any], overrides: Sequence[str]) -> dict[str, str]:
    """Change nested dictionaries by ``section.key=value``, and tell where those keys came from.

    Raises:
        ConfigError: an override that is not ``section.key=value``.
    """
    sources = {}
    for text in overrides:
        key, value = _override(text)
        _set(data, key, value)
        sources[".".join(key)] = "--set"
    return sources


def config_from_dict(data: Mapping[str, Any]) -> Config:
    """A configuration from nested dictionaries.

    Raises:
        ConfigError: everything that is wrong with them.
    """
    data = dict(data)
    if isinstance(data.get("parity"), str):
        data["parity"] = [name.strip() for name in data["parity"].split(",")]
    share_crystal(data)
    try:
        return structured(data, Config)
    except ConfigError as error:
        raise ConfigError(_of_each_crystal(error.faults)) from None


def _of_each_crystal(faults: list[Fault]) -> list[Fault]:
    """The faults without those of ``crystal`` that are the first crystal's, which is named by its number."""
    own = {(fault.key, fault.problem) for fault in faults}

    def copied(fault: Fault) -> bool:
        section, _, name = fault.key.partition(".")
        return section == "crystal" and (f"crystals.0.{name}", fault.problem) in own

    return [fault for fault in faults if not copied(fault)]


def share_crystal(data: dict[str, Any]) -> None:
    """Give each of several crystals the keys of ``crystal`` that it does not have, and make the first ``crystal``.

    Args:
        data: tables of a configuration, which are changed; those that are no tables stay as they are.
    """
    shared, several = data.get("crystal", {}), data.get("crystals")
    if not isinstance(several, list) or not several or not all(isinstance(one, dict) for one in [shared, *several]):
        return
    data["crystals"] = [{**shared, **one} for one in several]
    data["crystal"] = data["crystals"][0]


def structured(data: Mapping[str, Any], kind: type[T], section: str = "") -> T:
    """A dataclass from nested dictionaries, every value checked.

    Args:
        data: key -> value; sections are dictionaries.
        kind: the dataclass.
        section: key path of ``data`` in its file, for the faults.

    Raises:
        ConfigError: everything that is wrong with them.
    """
    faults: list[Fault] = []
    try:
        return _converter().structure(data, kind)
    except cattrs.BaseValidationError as group:
        _collect(group, section, faults)
        raise ConfigError(faults) from None


def read_toml(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        FileError: it cannot be read, or is not TOML.
    """
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path}: cannot be read ({reason}); check the name and the permissions") from None
    try:
        # editors of other systems put a byte-order mark before the text
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise FileError(f"{path}: begins with the byte-order mark of UTF-16; save it as UTF-8") from None
        raise FileError(f"{path}: {_not_utf8(content, error.start)}") from None
    except tomllib.TOMLDecodeError as error:
        cure = next((cure for words, cure in _CURES.items() if words in str(error)), "")
        raise FileError(f"{path}: is not valid TOML: {error}{cure}") from None
    except (ValueError, RecursionError):
        # digits and nesting without end, which the TOML reader leaves to Python's own limits
        raise FileError(f"{path}: holds a number too long or brackets too deep to read; shorten it") from None


def _not_utf8(content: bytes, place: int) -> str:
    if b"\0" in content:
        return "is not text; a configuration is a TOML file"
    line = content.count(b"\n", 0, place) + 1
    return f"is not UTF-8: the byte {content[place]:#x} in line {line}; save it as UTF-8"


def _keys(data: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in data.items():
        if isinstance(value, dict):
            found += _keys(value, f"{prefix}{key}.")
        elif _is_tables(value):
            found += [inner for number, table in enumerate(value) for inner in _keys(table, f"{prefix}{key}.{number}.")]
        else:
            found.append(f"{prefix}{key}")
    return found


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(table, dict) for table in value)


def _anchor(data: dict[str, Any], folder: Path) -> None:
    for section, names in INPUT_FILES.items():
        found = data.get(section)
        for table in found if isinstance(found, list) else [found]:
            if isinstance(table, dict):
                table.update({name: str(folder / table[name]) for name in names if _is_name(table.get(name))})


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _override(text: str) -> tuple[list[str], Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError([Fault("--set", f"got {text!r}, wants section.key=value, as in beam.wavelength_A=1.1")])
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        parsed = value.strip()
    return key.strip().split("."), parsed


def _set(data: dict[str, Any], key: list[str], value: Any) -> None:
    for part in key[:-1]:
        inner: Any = data.setdefault(part, {}) if isinstance(data, dict) else _numbered(data, part, key)
        if not isinstance(inner, dict) and not _is_tables(inner):
            raise ConfigError([Fault(".".join(key), f"{part} is a value, not a section")])
        data = inner
    if not isinstance(data, dict):
        raise ConfigError([Fault(".".join(key), "names a table; give one of its keys after its number")])
    data[key[-1]] = value


def _numbered(tables: list[Any], part: str, key: list[str]) -> Any:
    """One of a list of tables by its number."""
    if part.isdecimal() and int(part) < len(tables):
        return tables[int(part)]
    counted = f"the tables are counted 0 to {len(tables) - 1}, as in {key[0]}.0.{key[-1]}"
    raise ConfigError([Fault(".".join(key), f"got {part!r}, {counted}")])


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_structure_hook(float, lambda value, _: _number(value))
    converter.register_structure_hook(int, lambda value, _: _whole(value))
    converter.register_structure_hook(str, lambda value, _: _text(value))
    converter.register_structure_hook(bool, lambda value, _: _switch(value))
    converter.register_structure_hook_func(lambda kind: _is(kind, Literal), _choice)
    converter.register_structure_hook_func(
        _is_tables_or_name, lambda value, kind: _tables_or_name(value, kind, converter)
    )
    converter.register_structure_hook_func(
        lambda kind: _is(kind, tuple), lambda value, kind: _tuple(value, kind, converter)
    )
    return converter


def _is(kind: Any, origin: Any) -> bool:
    return bool(get_origin(kind) == origin)


def _is_tables_or_name(kind: Any) -> bool:
    tables, *others = get_args(kind) or (None,)
    return others == [str] and _is(tables, tuple) and is_dataclass(get_args(tables)[0])


def _tables_or_name(value: Any, kind: Any, converter: cattrs.Converter) -> Any:
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, list | tuple) or not all(isinstance(table, dict) for table in value):
        raise ValueError(f"got {value!r}, a name, or tables that are each under double brackets, are wanted")
    return _tuple(value, get_args(kind)[0], converter)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"got {value!r}, a number is wanted")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"got {number}, a finite number is wanted")
    return number


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"got {value!r}, a whole number is wanted")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"got {value!r}, text in quotes is wanted")
    if not value.strip():
        raise ValueError(f"got {value!r}, a name is wanted; leave the key out where there is none")
    if "\0" in value:
        raise ValueError(f"got {value!r}, text without the character zero is wanted")
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"got {value!r}, true or false is wanted")
    return value


def _choice(value: Any, kind: Any) -> Any:
    choices = get_args(kind)
    if value not in choices:
        near = difflib.get_close_matches(str(value), choices, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(choices)}"
        raise ValueError(f"got {value!r}; {hint}")
    return value


def _tuple(value: Any, kind: Any, converter: cattrs.Converter) -> tuple[Any, ...]:
    kinds = get_args(kind)
    if is_dataclass(kinds[0]):
        return _tables(value, kinds[0], converter)
    if not isinstance(value, list | tuple):
        raise ValueError(f"got {value!r}, a list in brackets is wanted")
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(value) != len(kinds):
        raise ValueError(f"got {len(value)} values, {len(kinds)} are wanted")
    return tuple(converter.structure(item, each) for item, each in zip(value, kinds, strict=True))


def _tables(value: Any, kind: Any, converter: cattrs.Converter) -> tuple[Any, ...]:
    """A list of tables; a fault of one has its number in its key."""
    if not isinstance(value, list | tuple) or not all(isinstance(table, dict) for table in value):
        raise ValueError(
            f"got {'one table' if isinstance(value, dict) else repr(value)}, a list of tables is wanted; write each "
            "under double brackets, as in [[background]]"
        )
    found, errors = [], []
    for number, table in enumerate(value):
        try:
            found.append(converter.structure(table, kind))
        except cattrs.BaseValidationError as error:
            error.add_note(IterableValidationNote("table", number, kind))
            errors.append(error)
    if errors:
        raise IterableValidationError("tables", errors, tuple)
    return tuple(found)


def _collect(group: cattrs.BaseValidationError, path: str, faults: list[Fault]) -> None:
    placed, other = group.group_exceptions() if hasattr(group, "group_exceptions") else ([], list(group.exceptions))
    for error, note in placed:
        place = note.index if isinstance(note, IterableValidationNote) else note.name
        key = f"{path}.{place}".lstrip(".")
        if isinstance(error, cattrs.BaseValidationError):
            _collect(error, key, faults)
        else:
            faults.append(Fault(key, _clause(error)))
    for error in other:
        if isinstance(error, cattrs.ForbiddenExtraKeysError):
            known = [field.name for field in fields(error.cl)]
            for name in sorted(error.extra_fields):
                faults.append(Fault(f"{path}.{name}".lstrip("."), _unknown(name, known)))
        elif isinstance(error, cattrs.BaseValidationError):
            _collect(error, path, faults)
        else:
            faults.append(Fault(path or "configuration", _clause(error)))


def _clause(error: BaseException) -> str:
    # everything but a table has its own rule above
    return str(error) if isinstance(error, ValueError) else "got a value, a section with its keys is wanted"


def _unknown(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5) or [key for key in known if key.startswith(f"{name}_")]
    hint = f"did you mean {near[0]}?" if near else f"known keys are {', '.join(known)}"
    home = _home(name)
    section, dot, inner = name.partition(".")
    if dot and home is None and _home(inner) == section:
        return f"unknown key; leave the quotes out, or write {inner} under [{section}]"
    return f"unknown key; {f'it belongs to [{home}]' if home else hint}"


def _home(name: str) -> str | None:
    """Section in which a key of this name exists."""
    known = section_types().items()
    return next((section for section, kind in known if name in {field.name for field in fields(kind)}), None)
