"""Formulas changed one operator, sign or constant at a time: which change does no test notice?

``python tests/benchmarks/mutations.py nbjax/physics/absorption.py tests/physics [--wider tests/pipeline]`` works on a
copy of the project and prints the changes that the tests let through. Every run is forked off one process that has
imported what takes long. The tests that noticed most for their time run first, and the wider tests only for the changes
that the first ones let through. A change may be a survivor for a good reason: it is below 1e-6, or it changes what no
formula uses, such as a size in a message.
"""

from __future__ import annotations

import argparse
import ast
import copy
import gc
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
import types
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Add,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_RELATIVE = 1e-3
"""By which a constant is changed: far above what a test may let through."""
_HEAVY = ("beartype", "gemmi", "h5py", "hypothesis", "jax", "lineax", "optax", "optimistix", "pytest", "scipy.optimize")
"""Imported once; the project itself is not, for it is changed."""


def main() -> int:
    arguments = _arguments()
    source = (ROOT / arguments.module).read_text()
    lines = source.splitlines()
    wanted = [
        change
        for number, change in enumerate(changes(source))
        if number % arguments.every == 0 and any(low <= change.line <= high for low, high in arguments.lines)
    ]
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        project = Project(Path(folder), arguments.module)
        suites = [Suite(project, names, arguments.seconds) for names in (arguments.tests, arguments.wider) if names]
        # what changes as a module is imported needs a process that has not imported it
        for change in sorted(wanted, key=lambda change: change.in_function):
            if change.in_function:
                project.imported(suites[0].modules())
            outcomes = (suite.noticed(change) for suite in suites)
            if not any(outcome == "noticed" for outcome in outcomes):
                survivors += 1
                print(f"{arguments.module}:{change.line}:{change.what}: {lines[change.line - 1].strip()}", flush=True)
    print(f"{survivors} of {len(wanted)} changes survive", flush=True)
    return int(survivors > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", type=Path, help="file to change, relative to the project")
    parser.add_argument("tests", nargs="+", help="test files or folders that should notice")
    parser.add_argument("--wider", nargs="+", help="those for what the first ones do not notice")
    parser.add_argument("--every", type=int, default=1, help="try one change of so many")
    parser.add_argument("--lines", type=_lines, default=[(0, sys.maxsize)], help="only these, such as 12-40,71")
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="longest run of the tests; longer is listed as a survivor"
    )
    return parser.parse_args()


def _lines(text: str) -> list[tuple[int, int]]:
    return [(int(part.partition("-")[0]), int(part.rpartition("-")[2])) for part in text.split(",")]


class Project:
    """A copy of the project, which this process and all that are forked off it import in its stead."""

    def __init__(self, folder: Path, module: Path) -> None:
        for name in ("nbjax", "tests", "docs", "configs"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, folder / name)
        self.folder, self.place = folder, folder / module
        self.source = self.place.read_text()
        self._functions: list[types.FunctionType] = []
        os.environ["PYTHONPATH"] = str(folder)
        # a program that the change leaves as it was is not compiled again
        os.environ["NBJAX_TESTS_CACHE"] = str(folder / "compiled")
        here = {"", str(ROOT), str(Path.cwd())}
        sys.path[:] = [str(folder), *(place for place in sys.path if place not in here)]
        for name in _HEAVY:
            importlib.import_module(name)
        # a busy machine is no reason to notice anything
        hypothesis = importlib.import_module("hypothesis")
        # and the simplest example of a failure, of no use here, takes as long as many changes
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        hypothesis.settings.register_profile("mutations", database=None, derandomize=True, phases=phases)
        hypothesis.settings.load_profile("mutations")

    def imported(self, modules: list[str]) -> None:
        """Import the project's own modules, with types and shapes checked as the tests do it."""
        if "nbjax" in sys.modules:
            return
        self.write(self.source)
        sys.path.append(str(self.folder / "tests"))
        with importlib.import_module("typechecker").install():
            for name in modules:
                importlib.import_module(name)
        everything = [thing for thing in gc.get_objects() if isinstance(thing, types.FunctionType)]
        self._functions = [thing for thing in everything if thing.__code__.co_filename == str(self.place)]
        # nothing of this is looked through again for garbage by the processes that are forked off
        gc.freeze()

    def write(self, text: str) -> None:
        # of the same size and second, the bytecode of another text would be taken for this one's
        for compiled in self.place.parent.glob(f"__pycache__/{self.place.stem}.*"):
            compiled.unlink()
        self.place.write_text(text)

    def put_in_place(self, change: Change) -> None:
        """Give the functions that are there already the code of the change."""
        before = _codes(compile(ast.parse(self.source), str(self.place), "exec"))
        after = _codes(compile(change.tree, str(self.place), "exec"))
        changed = 0
        for function in self._functions:
            name = function.__code__.co_qualname
            if before.get(name) != after.get(name):
                function.__code__ = after[name][0]
                changed += 1
        if not changed:
            raise LookupError(f"no function has what changes in line {change.line}")


def _codes(code: types.CodeType) -> dict[str, list[types.CodeType]]:
    """Of all functions by their names."""
    found: dict[str, list[types.CodeType]] = {}
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            found.setdefault(inner.co_qualname, []).append(inner)
            for name, codes in _codes(inner).items():
                found.setdefault(name, []).extend(codes)
    return found


class Suite:
    """A set of tests, and how often each has noticed a change."""

    def __init__(self, project: Project, names: list[str], seconds: float) -> None:
        self._project, self._names, self._seconds = project, names, seconds
        self._counts: Counter[str] = Counter()
        self._before: _Report | None = None

    def modules(self) -> list[str]:
        """The project's modules that the tests import."""
        return self._unchanged().modules

    def noticed(self, change: Change) -> str:
        """ "noticed", "unnoticed", or "endless" where the tests took longer than they may."""
        self._unchanged()
        report = self._run(change)
        if report is None:
            print(f"line {change.line}:{change.what}: the tests did not end", flush=True)
            return "endless"
        self._counts.update(report.failed)
        return "unnoticed" if report.passed else "noticed"

    def _unchanged(self) -> _Report:
        if self._before is None:
            self._before = self._run(None)
            if self._before is None or not self._before.passed:
                said = (self._project.folder / "said.txt").read_text()
                raise SystemExit(f"{said}\nwithout any change these tests fail, or take longer")
        return self._before

    def _run(self, change: Change | None) -> _Report | None:
        kept = self._project.folder / "report.json"
        kept.unlink(missing_ok=True)
        self._project.write(ast.unparse(change.tree) if change else self._project.source)
        child = os.fork()
        if not child:
            self._test(kept, change)
        until = time.monotonic() + self._seconds
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > until:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return None
            time.sleep(0.02)
        return _Report(*json.loads(kept.read_text())) if kept.exists() else _Report(False, ["the process died"], {}, [])

    def _test(self, kept: Path, change: Change | None) -> None:
        """In the child: it ends here."""
        watch = _Watch(self._counts, self._before.took if self._before else {})
        passed = False
        try:
            os.setpgid(0, 0)
            os.chdir(self._project.folder)
            said = os.open(self._project.folder / "said.txt", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            for stream in (1, 2):
                os.dup2(said, stream)
            if change:
                sys.dont_write_bytecode = True
                os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
                if change.in_function:
                    self._project.put_in_place(change)
            options = [
                "-n",
                "0",
                "-x",
                "-q",
                "--assert=plain",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:unraisableexception",
                "--hypothesis-seed=0",
            ]
            passed = importlib.import_module("pytest").main([*options, *self._names], plugins=[watch]) == 0
        except BaseException:
            traceback.print_exc()
        finally:
            modules = [name for name in sys.modules if name.partition(".")[0] == "nbjax"]
            kept.write_text(json.dumps([passed, watch.failed, watch.took, modules]))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)


class _Report(NamedTuple):
    """Whether all tests passed, those that failed, the seconds of each, and the project's modules at their end."""

    passed: bool
    failed: list[str]
    took: dict[str, float]
    modules: list[str]


class _Watch:
    """Part of a run of pytest: the tests that noticed most for the time they take go first."""

    def __init__(self, noticed: Counter[str], took: dict[str, float]) -> None:
        self._noticed, self._took_before = noticed, took
        self.failed: list[str] = []
        self.took: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        def worth(item: Any) -> float:
            # one more than it has noticed, and some time for what surrounds it
            return (self._noticed[item.nodeid] + 1) / (self._took_before.get(item.nodeid, 0.0) + 0.2)

        items.sort(key=worth, reverse=True)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.took[report.nodeid] = self.took.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed.append(report.nodeid)


class Change(NamedTuple):
    """A changed module: where and what, its tree with the lines of the original, and whether a function changes."""

    line: int
    what: str
    tree: ast.Module
    in_function: bool


def changes(source: str) -> Iterator[Change]:
    """Every change of one operator, sign or constant."""
    tree = ast.parse(source)
    skipped = {id(node) for part in _no_formulas(tree) for node in ast.walk(part)}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    early = _called_on_import(tree)
    later = [function for function in functions if function.name not in early]
    within = {id(node) for function in later for part in function.body for node in ast.walk(part)}
    places = [node for node in ast.walk(tree) if id(node) not in skipped]
    for i, node in enumerate(places):
        for what, changed in _changes_of(node):
            # the same walk over a copy finds the same node
            other = copy.deepcopy(tree)
            left_out = {id(node) for part in _no_formulas(other) for node in ast.walk(part)}
            twin = [node for node in ast.walk(other) if id(node) not in left_out][i]
            vars(twin).update(changed)
            line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
            yield Change(line, f"{column}: {what}", other, id(node) in within)


def _called_on_import(tree: ast.Module) -> set[str]:
    """Functions of the module whose results it keeps, such as tables."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found: set[str] = set()
    left: list[ast.AST] = [node for node in tree.body if not isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    while left:
        calls = [node.func for node in ast.walk(left.pop()) if isinstance(node, ast.Call)]
        new = {call.id for call in calls if isinstance(call, ast.Name) and call.id in functions} - found
        found |= new
        left += [functions[name] for name in new]
    return found


def _no_formulas(tree: ast.AST) -> Iterator[ast.AST]:
    """Annotations, decorators, texts and imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from (*node.decorator_list, *([node.returns] if node.returns else []))
            yield from (arg.annotation for arg in ast.walk(node.args) if isinstance(arg, ast.arg) and arg.annotation)
        elif isinstance(node, ast.AnnAssign):
            yield node.annotation
        elif isinstance(node, (ast.JoinedStr, ast.ImportFrom, ast.Import)):
            yield node


def _changes_of(node: ast.AST) -> Iterator[tuple[str, dict[str, object]]]:
    if isinstance(node, ast.BinOp) and type(node.op) in _OTHER:
        other = _OTHER[type(node.op)]
        yield f"{type(node.op).__name__} -> {other.__name__}", {"op": other()}
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _OTHER:
        other = _OTHER[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} -> {other.__name__}", {"ops": [other(), *node.ops[1:]]}
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "- -> +", {"op": ast.UAdd()}
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = node.value + 1 if isinstance(node.value, int) else (node.value * (1 + _RELATIVE) or 1.0)
        yield f"{node.value!r} -> {value!r}", {"value": value}


if __name__ == "__main__":
    sys.exit(main())
