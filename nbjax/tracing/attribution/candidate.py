"""What is compared with a reference: experiments of one configuration, or an experiment made in Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nbjax.config.tree import Config
from nbjax.experiment import Experiment, in_double
from nbjax.preparation import prepare_resolved
from nbjax.reference.departures import departures
from nbjax.reference.ledger import NAMES
from nbjax.resolve import Resolved, resolve

Configure = Callable[[tuple[str, ...]], Config]
"""The candidate's configuration with a set of ledger entries on."""

_OF_FILES = {"header_overflow", "poisson_sampler"}
"""Entries of the ledger that no photon depends on."""


class Candidate:
    """Experiments of one configuration with any set of ledger entries."""

    def __init__(self, configure: Configure, parity: tuple[str, ...], options: tuple[str, ...]):
        self.base = frozenset(parity)
        self._configure = configure
        self._known: dict[frozenset[str], Experiment] = {}
        resolved = self.resolved(self.base)
        plain = self.resolved(frozenset())
        found = {*departures(resolved, self.experiment(self.base), options)}
        found |= set(departures(plain, self.experiment(frozenset()), options))
        self.relevant = tuple(name for name in NAMES if name in found and name not in _OF_FILES)

    def resolved(self, entries: frozenset[str]) -> Resolved:
        """The completed configuration with entries on."""
        config = self._configure(tuple(sorted(entries)))
        return resolve(replace(config, precision="double", parity=tuple(sorted(entries))))

    def experiment(self, entries: frozenset[str]) -> Experiment:
        """The experiment with entries on."""
        if entries not in self._known:
            self._known[entries] = prepare_resolved(self.resolved(entries))
        return self._known[entries]


class Prepared:
    """An experiment as it is, such as one of several crystals, which no configuration holds.

    The C program has nothing like it, so that no entry of the ledger comes into play.
    """

    base: frozenset[str] = frozenset()
    relevant: tuple[str, ...] = ()

    def __init__(self, experiment: Experiment):
        self._experiment = replace(in_double(experiment), precision="double")

    def experiment(self, entries: frozenset[str]) -> Experiment:
        """The experiment; there are no entries."""
        assert not entries
        return self._experiment
