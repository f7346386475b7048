"""The house numbers: function and file lengths and cycles between modules, held by `make check`."""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).parent.parent / "src" / "dhishoom"
FUNCTION_LINES_MEDIAN_MAX = 10
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400

Function = ast.FunctionDef | ast.AsyncFunctionDef


def lines_of(function: Function) -> int:
    """Lines of a function without its docstring."""
    body = function.body
    documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    docstring = (body[0].end_lineno or 0) - body[0].lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def functions(tree: ast.Module) -> Iterator[Function]:
    """Every function of a module, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def imports_at_load(tree: ast.Module) -> Iterator[str]:
    """Modules of the house that are imported when the module is; not those for types alone, not late ones."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dhishoom"):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("dhishoom"))


def cycle_in(graph: dict[str, set[str]]) -> list[str]:
    """One cycle of the import graph, or nothing."""
    done: set[str] = set()

    def follow(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        for target in sorted(graph[module]):
            if found := follow(target, [*trail, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := follow(module, []))), [])


def module_name(path: Path) -> str:
    """`dhishoom.core.onset` of `src/dhishoom/core/onset.py`."""
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def complaints() -> Iterator[str]:
    """What breaks a house number, one line each."""
    lengths: list[int] = []
    graph: dict[str, set[str]] = {}
    for path in sorted(HOUSE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        graph[module_name(path)] = set(imports_at_load(tree))
        if (count := text.count("\n")) > FILE_LINES_MAX:
            yield f"{path}: {count} lines, the most is {FILE_LINES_MAX}; split it by what it speaks of."
        for function in functions(tree):
            lengths.append(lines_of(function))
            if lengths[-1] > FUNCTION_LINES_MAX:
                place = f"{path}:{function.lineno}: {function.name}"
                yield f"{place} has {lengths[-1]} lines, the most is {FUNCTION_LINES_MAX}."
    if (median := statistics.median(lengths)) > FUNCTION_LINES_MEDIAN_MAX:
        yield f"The median function has {median:g} lines, the most is {FUNCTION_LINES_MEDIAN_MAX}."
    graph = {module: targets & graph.keys() - {module} for module, targets in graph.items()}
    if cycle := cycle_in(graph):
        yield f"Modules import each other: {' -> '.join(cycle)}."
    print(f"{len(graph)} modules, {len(lengths)} functions, median {median:g} lines, longest {max(lengths)}.")


if __name__ == "__main__":
    found = list(complaints())
    print("\n".join(found) or "House numbers hold.")
    sys.exit(bool(found))
