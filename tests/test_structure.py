"""What every source file keeps to, and what the pages of the documentation must list."""

from __future__ import annotations

import ast
import builtins
import dis
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from types import CodeType

import pytest

from nbjax.config.edit import section_types
from nbjax.reference.ledger import ENTRIES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nbjax"
SOURCES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 400

FILE_METHODS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "touch", "unlink"}
ARRAY_FILE_CALLS = {"load", "loadtxt", "genfromtxt", "fromfile", "memmap", "save", "savez", "savetxt", "tofile"}
ARRAY_MODULES = {"np", "numpy", "jnp"}
EXITS = {("sys", "exit"), ("os", "_exit"), ("os", "abort")}


def file_accesses(tree: ast.AST) -> Iterator[int]:
    """Lines that open, read or write a file."""
    for call in _calls(tree):
        owner, name = _called(call)
        if (
            (owner is None and name == "open")
            or (owner is not None and name in FILE_METHODS)
            or (owner in ARRAY_MODULES and name in ARRAY_FILE_CALLS)
        ):
            yield call.lineno


def prints_and_exits(tree: ast.AST) -> Iterator[int]:
    """Lines that write to the terminal or leave the process."""
    for call in _calls(tree):
        owner, name = _called(call)
        if (owner is None and name in ("print", "exit", "quit", "SystemExit")) or (owner, name) in EXITS:
            yield call.lineno


def plain_jits(tree: ast.AST) -> Iterator[int]:
    """Lines that name ``jax.jit``, which keeps every program."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "jax.jit":
            yield node.lineno


def unknown_names(tree: ast.Module) -> Iterator[int]:
    """Lines with a name that nothing gives a value, which linters cannot tell from the shapes in annotations."""
    module = compile(tree, "source", "exec")
    known = {*vars(builtins), "__file__", "__name__", "__path__", "__annotations__", "__qualname__", *_stored(module)}
    for scope in _scopes(module):
        own = known | _stored(scope)
        for step in dis.get_instructions(scope):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and step.argval not in own:
                yield (step.positions and step.positions.lineno) or 0


def _stored(scope: CodeType) -> set[str]:
    """Names that a module or a class gives a value."""
    return {step.argval for step in dis.get_instructions(scope) if step.opname in ("STORE_NAME", "STORE_GLOBAL")}


def _scopes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _scopes(constant)


def single_arctangents(tree: ast.AST) -> Iterator[int]:
    """Lines that call ``jnp.arctan``: in 64 bits it is wrong by more than 1 where XLA prefers vectors of 512 bits."""
    for call in _calls(tree):
        if _called(call) == ("jnp", "arctan"):
            yield call.lineno


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> tuple[str | None, str]:
    """What a call names: the expression before the dot, and the last name."""
    match call.func:
        case ast.Attribute(value=owner, attr=name):
            return ast.unparse(owner), name
        case ast.Name(id=name):
            return None, name
    return "", ""


def offences(paths: list[Path], find: Callable[[ast.AST], Iterator[int]]) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{line}" for path in paths for line in find(ast.parse(path.read_text()))]


def test_pipeline_opens_no_file() -> None:
    assert offences([path for path in SOURCES if PACKAGE / "pipeline" in path.parents], file_accesses) == []


def test_the_pipeline_and_what_it_is_made_of_know_no_ledger() -> None:
    rooms = ("pipeline", "physics", "geometry", "sampling", "experiment.py", "stages.py")
    words = {"parity", "ledger"}
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in SOURCES
        if any(path.is_relative_to(PACKAGE / room) for room in rooms)
        for word in words & set(re.findall(r"\w+", path.read_text()))
    ]
    assert found == []


def test_programs_that_may_be_dropped_are_compiled_in_one_place() -> None:
    others = [path for path in SOURCES if path != PACKAGE / "pipeline" / "compilation.py"]
    assert offences(others, plain_jits) == []


def test_angles_are_of_two_arguments() -> None:
    assert offences(SOURCES, single_arctangents) == []


def test_only_the_command_line_prints_and_exits() -> None:
    allowed = (PACKAGE / "cli", PACKAGE / "__main__.py")
    others = [path for path in SOURCES if not any(path.is_relative_to(place) for place in allowed)]
    assert offences(others, prints_and_exits) == []


def test_every_name_has_a_value() -> None:
    assert offences(SOURCES, unknown_names) == []


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


@pytest.mark.parametrize(
    ("find", "source"),
    [
        (file_accesses, "open('x')"),
        (file_accesses, "Path('x').read_text()"),
        (file_accesses, "with path.open() as handle: pass"),
        (file_accesses, "np.load('x')"),
        (single_arctangents, "jnp.arctan(y / x)"),
        (plain_jits, "partial(jax.jit, static_argnames='x')"),
        (prints_and_exits, "print('x')"),
        (prints_and_exits, "sys.exit(1)"),
        (prints_and_exits, "raise SystemExit(1)"),
        (unknown_names, "def f(x: 'fast'): return slow(x)"),
    ],
)
def test_the_checks_find_an_offence(find: Callable[[ast.AST], Iterator[int]], source: str) -> None:
    assert list(find(ast.parse(source))) == [1]


def test_the_documentation_lists_every_configuration_key() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    sections = dict(re.findall(r"^## `\[+(\w+)\]+`$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    listed = {name: set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) for name, text in sections.items()}
    known = {section: {key.name for key in fields(kind)} for section, kind in section_types().items()}
    assert known.pop("crystals") == known["crystal"]
    assert listed == known


def test_the_documentation_lists_the_whole_ledger() -> None:
    page = (ROOT / "docs" / "parity.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == {entry.name for entry in ENTRIES}
