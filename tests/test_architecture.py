"""The hourglass as data: who may import whom, where libraries may be named, and how large a room may be."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "equipoise"

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "spec": {"errors"},
    "knowledge": {"errors", "spec"},
    "lint": {"errors", "spec", "knowledge"},
    "data": {"errors", "spec"},
    "simulate": {"errors", "spec", "data", "knowledge", "kernels"},
    "cohort": {"errors", "spec", "data", "knowledge", "kernels", "analysis_set"},
    "design": {"errors", "spec", "data", "cohort", "analysis_set", "kernels"},
    "analysis_set": {"errors"},
    "kernels": {"errors"},
    "estimators": {"errors", "kernels", "analysis_set"},
    "diagnostics": {"errors", "kernels", "estimators", "analysis_set"},
    "bias": {"errors", "kernels", "estimators"},
    "results": {"errors"},
    "runner": {
        "errors", "spec", "knowledge", "lint", "data", "simulate", "cohort", "design", "analysis_set", "kernels",
        "estimators", "diagnostics", "bias", "results",
    },
    "network": {"errors", "results", "estimators", "bias"},
    "report": {"errors", "results", "spec"},
}  # fmt: skip
MAY_IMPORT["cli"] = set(MAY_IMPORT) | {"report", "network", "runner"}
MAY_IMPORT["__init__"] = set()  # the façade names modules as strings only
MAY_IMPORT["__main__"] = {"cli"}

ONLY_IN = {"ibis": {"data", "simulate"}, "duckdb": {"data", "simulate"}, "jinja2": {"report"}}
MODULE_LINES = 500
FUNCTION_LINES = 60

MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(tree: ast.AST) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            module = node.module or ""
            found.append((module, node.lineno))
            if module == "equipoise":
                found += [(f"equipoise.{alias.name}", node.lineno) for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_floor_may(path: Path) -> None:
    part = part_of(path)
    assert part in MAY_IMPORT, f"{part} is not in the table of parts"
    for name, line in imports_of(ast.parse(path.read_text())):
        head, *rest = name.split(".")
        if head == "equipoise" and rest and rest[0] != "__version__":
            assert rest[0] == part or rest[0] in MAY_IMPORT[part], f"line {line}: {part} imports {rest[0]}"
        if head in ONLY_IN:
            assert part in ONLY_IN[head], f"line {line}: {head} outside {sorted(ONLY_IN[head])}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_are_small_and_imports_stand_at_the_top(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MODULE_LINES
    tree = ast.parse(text)
    if path.name == "__init__.py" and path.parent != PACKAGE:
        assert text.strip() == "", "only the façade's __init__ holds code"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            first = body[0].lineno if body else node.lineno
            assert node.end_lineno is not None
            assert node.end_lineno - first + 1 <= FUNCTION_LINES, f"{node.name} in line {node.lineno} is too long"
            for inner in ast.walk(node):
                assert not isinstance(inner, ast.Import | ast.ImportFrom), f"{node.name} imports inside itself"


def test_parts_and_modules_import_one_way_only() -> None:
    graph: dict[str, set[str]] = {}
    names = {".".join(("equipoise", *path.relative_to(PACKAGE).with_suffix("").parts)) for path in MODULES}
    for path in MODULES:
        own = ".".join(("equipoise", *path.relative_to(PACKAGE).with_suffix("").parts))
        graph[own] = {name for name, _ in imports_of(ast.parse(path.read_text())) if name in names}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "import cycle: " + " → ".join((*trail, name))
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
