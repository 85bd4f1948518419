"""Formulas changed one operator, sign or constant at a time: which change does no test notice?

``python tests/benchmarks/mutations.py nbjax/physics/absorption.py tests/physics [--every 3]`` works on a copy of the
project and prints the changes that the tests let through. A change may be a survivor for a good reason: it is below
1e-6, or it changes what no formula uses, such as a size in a message.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", type=Path, help="file to change, relative to the project")
    parser.add_argument("tests", nargs="+", help="test files or folders that should notice")
    parser.add_argument("--every", type=int, default=1, help="try one change of so many")
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="longest run of the tests; longer counts as noticed"
    )
    arguments = parser.parse_args()
    source = (ROOT / arguments.module).read_text()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copied = Path(folder)
        for name in ("nbjax", "tests", "docs", "configs"):
            shutil.copytree(ROOT / name, copied / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, copied / name)
        run = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", *arguments.tests]
        if not _pass(run, copied, arguments.seconds):
            raise SystemExit("the tests fail, or take longer, without any change")
        survivors = tried = 0
        for number, (line, what, text) in enumerate(changes(source)):
            if number % arguments.every:
                continue
            (copied / arguments.module).write_text(text)
            tried += 1
            if _pass(run, copied, arguments.seconds):
                survivors += 1
                print(f"{arguments.module}:{line}: {what}: {source.splitlines()[line - 1].strip()}", flush=True)
    print(f"{survivors} of {tried} changes survive", flush=True)
    return int(survivors > 0)


def changes(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, description and text of the module after each change."""
    tree = ast.parse(source)
    skipped = {id(node) for part in _no_formulas(tree) for node in ast.walk(part)}
    places = [node for node in ast.walk(tree) if id(node) not in skipped]
    for i, node in enumerate(places):
        for what, changed in _changes_of(node):
            # the same walk over a copy finds the same node
            other = copy.deepcopy(tree)
            left_out = {id(node) for part in _no_formulas(other) for node in ast.walk(part)}
            twin = [node for node in ast.walk(other) if id(node) not in left_out][i]
            vars(twin).update(changed)
            yield getattr(node, "lineno", 0), what, ast.unparse(ast.fix_missing_locations(other))


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


def _pass(run: list[str], folder: Path, seconds: float) -> bool:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(run, cwd=folder, env=environment, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
