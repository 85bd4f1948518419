"""Reading the C program's option line into a configuration, in its order where the order matters."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, get_args

from nbjax.cli.options import BY_KEY, BY_NAME, REFUSED, VECTOR_KEYS, Option, in_options
from nbjax.cli.passed_over import OPTION_ENTRIES, name_default_files, passed_over
from nbjax.cli.sentinels import forget_sentinels, take_two_steps
from nbjax.cli.words import is_number, leading_number
from nbjax.config.edit import with_values
from nbjax.config.tree import Config, Precision
from nbjax.errors import ConfigError, Fault
from nbjax.reference.ledger import check_names

_NAMED_PIVOT = {"xds": "sample"}


@dataclass(frozen=True)
class Request:
    """What an option line asks for.

    Attributes:
        config: the configuration.
        sources: configuration key -> option that set it.
        notes: sentences for the user about the reading itself.
        config_out: file for the equivalent TOML.
        printout: print pixel values; ``printout_pixel`` (fast, slow) restricts it to one.
        progress: whether a progress bar may be shown; annotate: axes, scale and rings on the PNG.
        trace_pixels: (slow, fast) of each pixel to trace; trace_file: the trace; trace_samples: with every sample.
    """

    config: Config
    sources: dict[str, str]
    notes: tuple[str, ...]
    config_out: str | None
    printout: bool
    printout_pixel: tuple[int, int] | None
    progress: bool
    trace_pixels: tuple[tuple[int, int], ...]
    trace_file: str | None
    trace_samples: bool
    annotate: bool


def read_options(argv: list[str]) -> Request:
    """Read an option line.

    Raises:
        ConfigError: every fault of the line, each naming its option.
    """
    return _Reader(argv, _parity_names(argv)).request()


def read_with_parity(argv: list[str], parity: tuple[str, ...]) -> Request:
    """Read an option line as if ``-parity`` named these entries, whatever it says."""
    return _Reader(argv, parity).request()


def option_departures(argv: list[str]) -> tuple[str, ...]:
    """Ledger entries, not switched on, under which the same line would be read differently."""
    parity = _parity_names(argv)
    plain = _Reader(argv, parity).request().config
    found = []
    for entry in OPTION_ENTRIES:
        if entry not in parity:
            other = _Reader(argv, (*parity, entry)).request().config
            if replace(other, parity=()) != replace(plain, parity=()):
                found.append(entry)
    return tuple(found)


def name_options(faults: Iterable[Fault], sources: dict[str, str]) -> list[Fault]:
    """Faults of configuration keys as faults of the options that set, or would set, them."""
    found = [
        Fault(sources.get(fault.key) or BY_KEY.get(fault.key, fault.key), in_options(fault.problem)) for fault in faults
    ]
    # one option may set several keys
    return list(dict.fromkeys(found))


def _parity_names(argv: list[str]) -> tuple[str, ...]:
    names: set[str] = set()
    for i, word in enumerate(argv):
        if word == "-parity":
            following = argv[i + 1] if i + 1 < len(argv) else "-"
            names.update(["all"] if following.startswith("-") else following.split(","))
    return check_names(names, "-parity")


class _Reader:
    """One pass over the words of a line."""

    def __init__(self, argv: list[str], parity: tuple[str, ...]):
        self.argv, self.parity = argv, parity
        self.at = 0
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self.pivot, self.pivot_option = "beam", ""
        self.cells = [1, 1, 1]
        self.config_out: str | None = None
        self.printout, self.progress = False, True
        self.printout_pixel: tuple[int, int] | None = None
        self.trace_pixels: list[tuple[int, int]] = []
        self.trace_file: str | None = None
        self.trace_samples, self.annotate = False, False
        self.absorbs_nothing, self.pgm_cancelled, self.noise_cancelled = False, False, False

    def request(self) -> Request:
        """Read all words and assemble the request."""
        while self.at < len(self.argv):
            word = self.argv[self.at]
            self.at += 1
            self._word(word)
        convention = self.values.get("detector.convention", "mosflm")
        if convention == "custom":
            self._put("detector.pivot", self.pivot, self.pivot_option or self.sources["detector.convention"])
        else:
            self._drop_vectors(convention)
        for key, said in forget_sentinels(self.values, "sentinel_values" in self.parity).items():
            self.notes.append(f"{self.sources.get(key, key)}: {said}")
        take_two_steps(self.values, self.sources)
        if "default_files" in self.parity:
            asks_else = bool(self.printout or self.config_out or self.trace_file)
            self.notes += name_default_files(self.values, asks_else, not self.noise_cancelled)
        if self.pgm_cancelled:
            self.values.pop("output.pgm_file", None)
        if self.absorbs_nothing and self.values.get("detector.thickness_um"):
            self._fault("-detector_abs", "inf before -detector_thick is a sensor that captures nothing; give a depth")
        if self.trace_pixels and self.trace_file is None:
            self._fault("-trace_pixel", "needs -trace_file, the name of the file to write")
        if self.annotate and "output.png_file" not in self.values:
            self._fault("-annotate", "needs -pngfile, the picture to write")
        if not self.trace_pixels and (self.trace_file is not None or self.trace_samples):
            self._fault("-trace_file", "needs -trace_pixel SLOW FAST, a pixel to trace")
        if self.faults:
            raise ConfigError(self.faults)
        self.values["parity"] = self.parity
        return Request(
            with_values(Config(), self.values),
            self.sources,
            tuple(self.notes),
            self.config_out,
            self.printout,
            self.printout_pixel,
            self.progress,
            tuple(self.trace_pixels),
            self.trace_file,
            self.trace_samples,
            self.annotate,
        )

    def _word(self, word: str) -> None:
        option = BY_NAME.get(word)
        ignored = passed_over(word) if "ignored_options" in self.parity else None
        if ignored is not None:
            self.notes.append(ignored)
            if word.startswith("-") and not is_number(word):
                self._skip_values()
        elif option is not None:
            rule: Callable[[Option, str], None] = getattr(self, f"_read_{option.kind}")
            rule(option, word)
            if option.pivot is not None:
                self._choose_pivot(option.pivot, word)
        elif word in REFUSED:
            self._fault(word, REFUSED[word])
            self._skip_values()
        elif word.startswith("-") and not is_number(word):
            near = difflib.get_close_matches(word, BY_NAME, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else "nbjax nanobragg --help lists the options"
            self._fault(word, f"unknown option; {hint}")
            self._skip_values()
        else:
            self._fault(word, "is not an option and belongs to none; remove it")

    def _skip_values(self) -> None:
        while self.at < len(self.argv) and not self._is_option(self.argv[self.at]):
            self.at += 1

    def _is_option(self, word: str) -> bool:
        return word in BY_NAME or word in REFUSED or (word.startswith("-") and not is_number(word))

    def _fault(self, option: str, problem: str) -> None:
        self.faults.append(Fault(option, problem))

    def _put(self, key: str, value: object, option: str) -> None:
        self.values[key] = value
        self.sources[key] = option

    def _choose_pivot(self, pivot: str, option: str) -> None:
        self.pivot, self.pivot_option = pivot, option

    def _take(self, name: str, wanted: str) -> str | None:
        """The next word, unless the line ends or an option begins."""
        if self.at >= len(self.argv) or self._is_option(self.argv[self.at]):
            self._fault(name, f"its value is missing; give {wanted}")
            return None
        self.at += 1
        return self.argv[self.at - 1]

    def _numbers(self, name: str, count: int) -> tuple[float, ...] | None:
        words = []
        for _ in range(count):
            word = self._take(name, "a number" if count == 1 else f"{count} numbers")
            if word is None:
                return None
            words.append(word)
        wrong = [word for word in words if not is_number(word)]
        if wrong:
            self._fault(name, f"got {wrong[0]!r}, a number is wanted")
            return None
        return tuple(float(word) for word in words)

    def _integers(self, name: str, count: int = 1) -> tuple[int, ...] | None:
        found = self._numbers(name, count)
        if found is None:
            return None
        for number in found:
            if number != math.floor(number) and "ignored_options" not in self.parity:
                self._fault(name, f"got {number:g}, a whole number is wanted")
                return None
        return tuple(int(number) for number in found)

    def _read_number(self, option: Option, name: str) -> None:
        found = self._numbers(name, 1)
        for key in option.keys if found else ():
            self._put(key, found[0], name)  # type: ignore[index]

    def _read_integer(self, option: Option, name: str) -> None:
        found = self._integers(name)
        for key in option.keys if found else ():
            self._put(key, found[0], name)  # type: ignore[index]

    def _read_text(self, option: Option, name: str) -> None:
        word = self._take(name, "a file name")
        if word is not None:
            self._put(option.keys[0], word, name)

    def _read_flag(self, option: Option, name: str) -> None:
        self._put(option.keys[0], option.value, name)
        if option.keys[0] == "detector.convention":
            self._choose_pivot(_NAMED_PIVOT.get(str(option.value), "beam"), name)

    def _read_vector(self, option: Option, name: str) -> None:
        found = self._numbers(name, 3)
        if found is None:
            return
        self._put("detector.convention", "custom", name)
        self._put(option.keys[0], found, name)
        if name == "-twotheta_axis" and "twotheta_axis_option" in self.parity:
            self._put("detector.two_theta_deg", found[0], name)
            self._choose_pivot("sample", name)

    def _read_pix0(self, option: Option, name: str) -> None:
        if self._numbers(name, 3) is not None:
            self._put("detector.convention", "custom", name)
            self.notes.append(
                f"{name}: the origin follows from pivot, beam centre and distance; the vector is not used"
            )

    def _read_cell(self, option: Option, name: str) -> None:
        words = self.argv[self.at : self.at + 6]
        count = next((i for i, word in enumerate(words) if self._is_option(word)), len(words))
        if not count:
            self._fault(name, "its values are missing; give a b c alpha beta gamma")
            return
        found = self._numbers(name, count)
        if found is not None:
            lengths, angles = (found[:3] + found[:1] * 2)[:3], (found[3:] + (90.0,) * 3)[:3]
            if "sentinel_values" in self.parity:
                lengths = tuple(x if x > 0 else found[0] for x in lengths)
                angles = tuple(x if x > 0 else 90.0 for x in angles)
            self._put("crystal.cell_A", lengths, name)
            self._put("crystal.cell_deg", angles, name)

    def _read_misset(self, option: Option, name: str) -> None:
        if self.at < len(self.argv) and self.argv[self.at].startswith("rand"):
            self.at += 1
            self._put("crystal.misset_random", True, name)
            self.values.pop("crystal.misset_deg", None)
            return
        found = self._numbers(name, 3)
        if found is not None:
            self._put("crystal.misset_deg", found, name)
            self.values.pop("crystal.misset_random", None)

    def _read_misset_seed(self, option: Option, name: str) -> None:
        following = self.argv[self.at : self.at + 3]
        self._read_integer(option, name)
        if "misset_seed_option" in self.parity and len(following) == 3:
            self._put("crystal.misset_deg", tuple(leading_number(word) for word in following), name)
            self.values.pop("crystal.misset_random", None)

    def _read_cells(self, option: Option, name: str) -> None:
        found = self._integers(name)
        if found is not None:
            for i in range(3) if name == "-N" else ("abc".index(name[2]),):
                self.cells[i] = found[0]
            self._put("crystal.cells", tuple(self.cells), name)

    def _read_wavelength(self, option: Option, name: str) -> None:
        self.values.pop("beam.energy_eV", None)
        self._read_number(option, name)

    def _read_energy(self, option: Option, name: str) -> None:
        self.values.pop("beam.wavelength_A", None)
        self._read_number(option, name)

    def _read_polar(self, option: Option, name: str) -> None:
        self._read_number(option, name)
        self._put("beam.polarization_correction", True, name)

    def _read_pivot(self, option: Option, name: str) -> None:
        word = self._take(name, "beam or sample")
        if word in ("beam", "sample"):
            self._choose_pivot(word, name)
        elif word is not None:
            self._fault(name, f"got {word!r}, beam or sample is wanted")

    def _read_curved(self, option: Option, name: str) -> None:
        if not ("curved_det_last" in self.parity and self.at == len(self.argv)):
            self._put(option.keys[0], True, name)

    def _read_attenuation(self, option: Option, name: str) -> None:
        word = self.argv[self.at] if self.at < len(self.argv) else ""
        if word.startswith("inf") or (is_number(word) and float(word) == 0.0):
            self.at += 1
            self.absorbs_nothing = True
            self.values.pop("detector.thickness_um", None)
            self.values.pop(option.keys[0], None)
            return
        self.absorbs_nothing = False
        self._read_number(option, name)

    def _read_roi(self, option: Option, name: str) -> None:
        found = self._integers(name, 4)
        if found is not None:
            self._put(option.keys[0], found, name)

    def _read_precision(self, option: Option, name: str) -> None:
        word = self._take(name, "double, mixed or single")
        if word in get_args(Precision):
            self._put("precision", word, name)
        elif word is not None:
            self._fault(name, f"got {word!r}, double, mixed or single is wanted")

    def _read_parity(self, option: Option, name: str) -> None:
        if self.at < len(self.argv) and not self.argv[self.at].startswith("-"):
            self.at += 1
        self.sources["parity"] = name

    def _read_config_out(self, option: Option, name: str) -> None:
        self.config_out = self._take(name, "a file name")

    def _read_nonoise(self, option: Option, name: str) -> None:
        self.values.pop("output.noise_file", None)
        self.noise_cancelled = True

    def _read_pgm_file(self, option: Option, name: str) -> None:
        self._read_text(option, name)
        self.pgm_cancelled = False

    def _read_pgm_scale(self, option: Option, name: str) -> None:
        self._read_number(option, name)
        self.pgm_cancelled = False

    def _read_nopgm(self, option: Option, name: str) -> None:
        self.pgm_cancelled = True

    def _read_switch(self, option: Option, name: str) -> None:
        setattr(self, name.lstrip("-"), True)

    def _read_printout_pixel(self, option: Option, name: str) -> None:
        found = self._integers(name, 2)
        if found is not None:
            self.printout, self.printout_pixel = True, (found[0], found[1])

    def _read_trace_pixel(self, option: Option, name: str) -> None:
        found = self._integers(name, 2)
        if found is not None:
            self.trace_pixels.append((found[0], found[1]))

    def _read_trace_file(self, option: Option, name: str) -> None:
        self.trace_file = self._take(name, "a file name that ends in .json, .h5 or .txt")

    def _read_progress(self, option: Option, name: str) -> None:
        self.progress = name == "-progress"

    def _drop_vectors(self, convention: str) -> None:
        for key in VECTOR_KEYS:
            if self.values.pop(key, None) is not None:
                self.notes.append(f"{self.sources.pop(key)}: has no effect, the later -{convention} fixes all axes")
