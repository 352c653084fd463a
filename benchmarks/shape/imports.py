"""Who imports whom, read from the text: at any depth of the code, resolved to files."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from shape.source import Source, is_for_types

Graph = Mapping[str, set[str]]
"""The modules that each module imports."""


def graph(sources: Sequence[Source], *, type_checking: bool) -> Graph:
    """Imports between `sources`; those under ``if TYPE_CHECKING`` only if they are asked for."""
    modules = {source.module for source in sources}
    return {
        source.module: {
            target
            for node in _imports(source.tree, type_checking=type_checking)
            for target in _targets(source, node, modules)
        }
        - {source.module}
        for source in sources
    }


def imported_once(imports: Graph) -> list[str]:
    """Modules that exactly one other imports."""
    times = Counter(target for targets in imports.values() for target in targets)
    return sorted(module for module, number in times.items() if number == 1)


def circles(imports: Graph) -> list[list[str]]:
    """Groups of modules in which each reaches every other (Tarjan's strongly connected components)."""
    found: list[list[str]] = []
    number, low, stack, numbers = {}, {}, [], count()

    def visit(module: str) -> None:
        number[module] = low[module] = next(numbers)
        stack.append(module)
        for target in imports.get(module, ()):
            if target not in number:
                visit(target)
            if target in stack:
                low[module] = min(low[module], low[target])
        if low[module] == number[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in imports:
        if module not in number:
            visit(module)
    return sorted(found)


def _imports(node: ast.AST, *, type_checking: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield node
    for child in _children(node, type_checking=type_checking):
        yield from _imports(child, type_checking=type_checking)


def _children(node: ast.AST, *, type_checking: bool) -> list[ast.AST]:
    if not type_checking and isinstance(node, ast.If) and is_for_types(node):
        return list(node.orelse)
    return list(ast.iter_child_nodes(node))


def _targets(source: Source, node: ast.Import | ast.ImportFrom, modules: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in modules)
        return
    base = origin(source, node)
    for alias in node.names:
        inner = f"{base}.{alias.name}"
        if inner in modules:
            yield inner
        elif base in modules:
            yield base


def origin(source: Source, node: ast.ImportFrom) -> str:
    """The dotted name that a ``from`` import names, relative ones resolved."""
    if not node.level:
        return node.module or ""
    parts = source.module.split(".")
    kept = parts[: len(parts) - node.level + source.is_package]
    return ".".join([*kept, *([node.module] if node.module else [])])
