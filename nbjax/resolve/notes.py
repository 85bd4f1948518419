"""The record a resolution leaves: values with their origins, warnings, and every fault found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from nbjax.errors import ConfigError, Fault

T = TypeVar("T")

DEFAULT_SEED = 1


@dataclass
class Notes:
    """Collects origins, warnings and faults while a configuration is resolved.

    Attributes:
        said: key path -> where a given value came from ("file x.toml", "option", "header y.img").
        rows: key path -> (value, origin), in the order of resolution.
        warnings: sentences for the user.
        remarks: choices that the user should know of.
        faults: everything that is wrong.
    """

    said: Mapping[str, str]
    rows: dict[str, tuple[object, str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def record(self, key: str, value: object, origin: str) -> None:
        """Note a resolved value that was not simply given."""
        self.rows[key] = (value, origin)

    def given(self, key: str, value: object) -> None:
        """Note a value as the user gave it."""
        self.rows[key] = (value, self.said.get(key, "given"))

    def switch(self, key: str, value: object) -> None:
        """Note a choice that always has a value: as given, or the default."""
        self.rows[key] = (value, self.said.get(key, "default"))

    def choose(self, key: str, value: T | None, default: T, origin: str = "default") -> T:
        """The given value, or the default; noted either way."""
        if value is None:
            self.record(key, default, origin)
            return default
        self.given(key, value)
        return value

    def fault(self, key: str, problem: str) -> None:
        """Note something wrong; of several faults of one key the first counts."""
        if key not in {fault.key for fault in self.faults}:
            self.faults.append(Fault(key, problem))

    def warn(self, sentence: str) -> None:
        """Note something the user should know."""
        self.warnings.append(sentence)

    def say(self, sentence: str) -> None:
        """Note a choice that the user should know of."""
        self.remarks.append(sentence)

    def raise_faults(self) -> None:
        """Raise a ``ConfigError`` with all faults, if there are any."""
        if self.faults:
            raise ConfigError(self.faults)
