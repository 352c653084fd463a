"""The files of a checkout, and what is in their lines."""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
from collections.abc import Iterator
from functools import cached_property

EDGES = ("cli", "wiring")
"""Rooms that every theme passes through; they are left aside where a theme's room is asked for."""

_PRAGMA = re.compile(r"#!|#\s*(noqa|type:|pragma:|fmt:|ruff:|mypy:|pylint:|nosec|import-linter|---)")
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


class Source:
    """One file: `path` from the folder of its package, and `module`, its dotted name."""

    def __init__(self, root: str, path: str) -> None:
        self.path = path
        package = os.path.basename(root)
        names = [package, *path.removesuffix(".py").split("/")]
        self.is_package = names[-1] == "__init__"
        self.module = ".".join(names[:-1] if self.is_package else names)
        with open(os.path.join(root, path), encoding="utf-8") as file:
            self.text = file.read()

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        """The first folder of `path`, "" for a file that lies beside the rooms."""
        return self.path.partition("/")[0] if "/" in self.path else ""

    @cached_property
    def lines(self) -> list[str]:
        """All lines."""
        return self.text.splitlines()

    @cached_property
    def code(self) -> list[str]:
        """Lines with something other than space, a comment, or a string that stands alone."""
        alone = {number for node in self._strings_alone for number in _span(node)}
        numbers = {
            number
            for token in self._tokens
            if token.type not in _NO_CODE
            for number in range(token.start[0], token.end[0] + 1)
        }
        kept = (self.lines[number - 1] for number in sorted(numbers - alone))
        return [line for line in kept if line.strip()]

    @cached_property
    def comments(self) -> list[str]:
        """Comments that speak to a reader, not to a tool; one for each line."""
        return [
            token.string
            for token in self._tokens
            if token.type == tokenize.COMMENT and not _PRAGMA.match(token.string)
        ]

    @cached_property
    def docstrings(self) -> list[str]:
        """What modules, classes and functions say of themselves."""
        nodes = (node for node in ast.walk(self.tree) if isinstance(node, (ast.Module, *_DEFINITIONS)))
        return [text for node in nodes if (text := ast.get_docstring(node))]

    @property
    def function_lengths(self) -> Iterator[int]:
        """Lines of each function, from `def` to its end."""
        for node in ast.walk(self.tree):
            if isinstance(node, _FUNCTIONS):
                yield len(_span(node))

    @property
    def header(self) -> int | None:
        """Lines that explain and import, in front of the first that defines; None in a file without one."""
        for node in self.tree.body:
            if not isinstance(node, (ast.Expr, ast.Import, ast.ImportFrom)) and not is_for_types(node):
                return min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))]) - 1
        return None

    @property
    def environment_reads(self) -> int:
        """Places that name `os.environ` or `os.getenv`, however they are imported."""
        names = ("environ", "environb", "getenv", "getenvb")
        return sum(
            (isinstance(node, ast.Attribute) and node.attr in names and _is_os(node.value))
            or (isinstance(node, ast.ImportFrom) and node.module == "os" and _imports(node, names))
            for node in ast.walk(self.tree)
        )

    @property
    def json_branches(self) -> int:
        """Conditions that ask `as_json`."""
        return sum(
            isinstance(node, (ast.If, ast.IfExp)) and "as_json" in _names(node.test)
            for node in ast.walk(self.tree)
        )

    @cached_property
    def _tokens(self) -> list[tokenize.TokenInfo]:
        return list(tokenize.generate_tokens(io.StringIO(self.text).readline))

    @cached_property
    def _strings_alone(self) -> list[ast.Expr]:
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ]


def read(tree: str) -> list[Source]:
    """All files of the one package under ``src`` of a checkout."""
    src = os.path.join(tree, "src")
    (package,) = (name for name in os.listdir(src) if os.path.isfile(os.path.join(src, name, "__init__.py")))
    root = os.path.join(src, package)
    paths = (
        os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
        for folder, _, names in os.walk(root)
        for name in names
        if name.endswith(".py")
    )
    return [Source(root, path) for path in sorted(paths)]


def is_for_types(node: ast.AST) -> bool:
    """Whether a statement is ``if TYPE_CHECKING``."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _span(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _is_os(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "os"


def _imports(node: ast.ImportFrom, names: tuple[str, ...]) -> bool:
    return any(alias.name in names for alias in node.names)


def _names(test: ast.expr) -> set[str]:
    nodes = list(ast.walk(test))
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }
