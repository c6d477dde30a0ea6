"""A hash of the package's own source files that a module imports, directly or through others."""

import ast
import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
NUMERIC_LIBRARIES = ("duckdb", "formulaic", "ibis-framework", "numba", "numpy", "pandas", "pyarrow", "scipy")


@cache
def code_hash(module: str, *parts: str) -> str:
    """SHA-256 over the source of `module` and of every module of this package it imports, by name order.

    `parts` names folders of the package that count as a whole, for modules that are loaded by name.
    """
    whole = {f"equipoise.{part}.{path.stem}" for part in parts for path in (PACKAGE / part).glob("*.py")}
    state = hashlib.sha256()
    for name in sorted(_closure(module) | whole):
        state.update(name.encode() + b"\0" + _file(name).read_bytes() + b"\0")
    return state.hexdigest()


@cache
def library_versions() -> dict[str, str]:
    """Versions of the libraries that numbers pass through."""
    return {name: _version(name) for name in NUMERIC_LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _closure(module: str) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(name)
    return found


@cache
def _imports(module: str) -> tuple[str, ...]:
    names = []
    for node in ast.walk(ast.parse(_file(module).read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(name for name in names if name.startswith("equipoise.") and _file(name).exists())


def _file(module: str) -> Path:
    return PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
