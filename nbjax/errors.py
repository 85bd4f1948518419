"""Named errors. Each carries one sentence: the key or option, the value it got, and the remedy."""

from __future__ import annotations

from dataclasses import dataclass


class NbjaxError(Exception):
    """Base of every error that a user's input can cause; the command line prints it and exits with 2."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a configuration.

    Attributes:
        key: dotted key path (``detector.distance_mm``), or a file or option where no key applies.
        problem: what it got and the remedy, a clause that reads on after ``key:``.
    """

    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}"


class ConfigError(NbjaxError):
    """One or more faults of a configuration, reported together.

    Attributes:
        faults: every fault found.
    """

    def __init__(self, faults: list[Fault]):
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))


class UsageError(NbjaxError):
    """A command line that cannot be read."""


class FileError(NbjaxError):
    """A file that cannot be read or written, or whose content is not what its format asks for."""


class ArgumentError(NbjaxError, ValueError):
    """A value that a function cannot take."""


class NonFiniteError(NbjaxError):
    """A result that holds NaN or infinity."""


class StructureError(NbjaxError):
    """Experiments that differ in more than numbers where they must not."""


class ConfigWarning(UserWarning):
    """Says what is unusual in a configuration, or has no effect."""


class PrecisionWarning(UserWarning):
    """Says what a run loses, for instance because 64-bit floats are switched off in JAX."""
