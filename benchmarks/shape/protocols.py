"""Protocols, and the classes that have all their members.

A class implements a Protocol if it has every method and attribute of it, its own or inherited from classes
of `src`; members are compared by name, and a Protocol of `__call__` alone is left to functions, so that
only classes that derive from it by name count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from shape.imports import origin
from shape.source import Source

_NOT_MEMBERS = {"__doc__", "__slots__", "__init__", "__class_getitem__"}


class Classes:
    """All classes of a checkout by dotted name, their bases resolved through imports."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._nodes: dict[str, ast.ClassDef] = {}
        self._sources: dict[str, Source] = {}
        self._imported = {source.module: dict(_imported(source)) for source in sources}
        for source in sources:
            for node in source.tree.body:
                if isinstance(node, ast.ClassDef):
                    self._nodes[f"{source.module}.{node.name}"] = node
                    self._sources[f"{source.module}.{node.name}"] = source

    def implementations(self) -> Mapping[str, list[str]]:
        """For each Protocol, the classes that have all its members."""
        protocols = [name for name in self._nodes if self._is_protocol(name)]
        classes = [name for name in self._nodes if name not in protocols]
        members = {name: self._members(name) for name in self._nodes}
        return {
            protocol: [name for name in classes if self._fits(name, protocol, members)]
            for protocol in protocols
        }

    def _fits(self, name: str, protocol: str, members: Mapping[str, set[str]]) -> bool:
        wanted = members[protocol]
        if wanted <= {"__call__"}:
            return protocol in self._line(name)
        return wanted <= members[name]

    def _is_protocol(self, name: str) -> bool:
        return any(_plain(base) in ("Protocol", "typing.Protocol") for base in self._nodes[name].bases)

    def _line(self, name: str) -> list[str]:
        """A class and all it inherits from, as far as `src` goes."""
        if name not in self._nodes:
            return []
        module = self._sources[name].module
        bases = (_plain(base) for base in self._nodes[name].bases)
        resolved = (self._imported[module].get(base, f"{module}.{base}") for base in bases)
        return [name, *(one for base in resolved for one in self._line(base))]

    def _members(self, name: str) -> set[str]:
        return {member for one in self._line(name) for member in _own(self._nodes[one])} - _NOT_MEMBERS


def _imported(source: Source) -> Iterator[tuple[str, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{origin(source, node)}.{alias.name}"


def _plain(base: ast.expr) -> str:
    """A base without what it is generic over."""
    return ast.unparse(base.value if isinstance(base, ast.Subscript) else base)


def _own(node: ast.ClassDef) -> Iterator[str]:
    """Names that a class defines in its body, or sets on `self`."""
    for part in node.body:
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield part.name
        elif isinstance(part, ast.Assign):
            yield from (target.id for target in part.targets if isinstance(target, ast.Name))
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            yield part.target.id
    for part in ast.walk(node):
        stored = isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)
        if stored and isinstance(part.value, ast.Name) and part.value.id == "self":
            yield part.attr
