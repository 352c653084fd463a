"""Compares Python code without layout, comments, docstrings, types, imports and words for people. Pure.

Each statement is put into words, with the place that it has among others; a compound one by its head alone.
Two versions of a few lines say the same where the statements that they touch do. What locals are called says
nothing, and a text is the same however it is filled.
"""

from __future__ import annotations

import ast
import copy
import re
import warnings
from collections.abc import Callable, Iterator
from typing import cast

from idse_orchestrator.base.records import NamedTuple

_MOST = 1024 * 1024
"""Characters of a file that is read as Python."""
_ABOUT = re.compile(r"__(?!slots__)\w+__")
"""Names of what is said about a module: its version, its author, what it exports."""
_TYPES = frozenset(("TypeVar", "ParamSpec", "NewType", "TypeVarTuple"))
_ALIAS = re.compile(
    "Union|Optional|Callable|Dict|List|Tuple|Type|Set|Mapping|Iterable|Iterator|Sequence|Literal"
)
_FIELDS = frozenset(("NamedTuple", "BaseModel", "Struct"))
"""Bases of classes whose annotations make fields."""
_TELLING = re.compile("warn|warning|debug|info|error|exception|critical|log|deprecated")
_OS_ERRORS = frozenset(("IOError", "EnvironmentError", "WindowsError"))
_INTO_TEXT = re.compile(r"%[sdr]|\{\}")
_PROSE = 4
"""Words from which on a text is one for people: it may be put better."""
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_SILENT = (ast.Pass, ast.Import, ast.ImportFrom, ast.Assert)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Around(NamedTuple):
    """Holds where a statement stands: its place, the local names there, and whether it is in a class body."""

    place: str = ""
    local: frozenset[str] = frozenset()
    makes_fields: bool = False


class _Statement(NamedTuple):
    first: int
    last: int
    head: ast.AST
    around: _Around


def read_python(text: str) -> Callable[[tuple[int, int]], list[str]] | None:
    """Returns what tells of a span of `text` what it says; None where it is no Python that can be read."""
    if len(text) > _MOST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            statements = list(_statements(ast.parse(text), _Around()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    known: dict[int, str] = {}

    def words(span: tuple[int, int]) -> list[str]:
        first, last = span
        found = []
        for number, each in enumerate(statements):
            if each.first <= last and each.last >= first:
                if number not in known:
                    known[number] = _words(each)
                found.append(known[number])
        return [each for each in found if each]

    return words


def _statements(node: ast.AST, around: _Around) -> Iterator[_Statement]:
    """Yields the statements in the blocks of `node`, each before those in it, but not those for types."""
    for block in _BLOCKS:
        for each in _block(node, block):
            if isinstance(each, _SILENT) or _is_of_types(each):
                continue
            here = around._replace(place=f"{around.place}{block}/")
            if not (isinstance(each, ast.If) and _name(each.test) == "TYPE_CHECKING"):
                head, lines = _without_blocks(each), _lines(each)
                yield _Statement(*lines, head, here)
                yield from _statements(each, _within(each, here))
            else:
                yield from _statements(ast.Module(each.orelse, []), around)


def _within(node: ast.AST, around: _Around) -> _Around:
    place = f"{around.place}{type(node).__name__} {getattr(node, 'name', None) or ''}/"
    if isinstance(node, _FUNCTIONS):
        return _Around(place, around.local | _bound(node))
    if isinstance(node, ast.ClassDef):
        bases = {_name(each) for each in node.bases}
        return _Around(place, around.local, bool(node.decorator_list) or not _FIELDS.isdisjoint(bases))
    return around._replace(place=place)


def _block(node: ast.AST, name: str) -> list[ast.AST]:
    found = getattr(node, name, None)
    return found if isinstance(found, list) else []


def _without_blocks(node: ast.AST) -> ast.AST:
    head = copy.copy(node)
    for block in _BLOCKS:
        if _block(node, block):
            setattr(head, block, [])
    return head


def _lines(node: ast.AST) -> tuple[int, int]:
    """Returns the first and the last line of a statement, or of the head of a compound one."""
    inner = [child for block in _BLOCKS for child in _block(node, block)]
    marked = node if hasattr(node, "lineno") else getattr(node, "pattern", node)
    decorators = [each.lineno for each in getattr(node, "decorator_list", ())]
    first = min([getattr(marked, "lineno", 0), *decorators])
    if not inner:
        return first, getattr(marked, "end_lineno", None) or first
    begins = min(_lines(child)[0] for child in inner)
    ends = (
        getattr(part, "end_lineno", None) or 0 for part in ast.walk(_without_blocks(node)) if part is not node
    )
    head = getattr(marked, "lineno", first)
    return first, max([head, *(end for end in ends if end < begins)]) if begins > head else head


def _is_of_types(node: ast.AST) -> bool:
    if isinstance(node, _FUNCTIONS):
        return any(_name(each) == "overload" for each in node.decorator_list)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if not isinstance(node, ast.Assign):
        return False
    value = node.value
    return (isinstance(value, ast.Call) and _name(value.func) in _TYPES) or (
        isinstance(value, ast.Subscript) and _ALIAS.fullmatch(_name(value)) is not None
    )


def _words(statement: _Statement) -> str:
    """Returns what a statement says, "" for nothing."""
    head, around = statement.head, statement.around
    if isinstance(head, ast.Assign) and all(_ABOUT.fullmatch(_name(each)) for each in head.targets):
        return ""
    if isinstance(head, ast.AnnAssign) and head.value is None and not around.makes_fields:
        return ""
    local = around.local | (_bound(head) if isinstance(head, _FUNCTIONS) else frozenset())
    try:
        plain = _Plain(local).visit(copy.deepcopy(head))
        return around.place + ast.dump(plain)
    except RecursionError:
        return around.place


class _Plain(ast.NodeTransformer):
    """Removes from a syntax tree what makes no difference when the code runs."""

    def __init__(self, local: frozenset[str]) -> None:
        self._local = local

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        bases = [each for each in node.bases if _name(each) not in ("object", "Generic")]
        node.bases = [each.value if isinstance(each, ast.Subscript) else each for each in bases]
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            return cast("ast.AST", self.visit(ast.Assign([node.target], node.value)))
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        self.generic_visit(node)
        return cast("ast.AST", _Wordless().visit(node))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = _name(node.func)
        if name == "super":
            node.args = []
        if name == "cast" and len(node.args) == 2 and not node.keywords:
            return node.args[1]
        if name == "format" and isinstance(node.func, ast.Attribute) and not node.keywords:
            return _filled(node.func.value, node.args) or node
        return cast("ast.AST", _Wordless().visit(node)) if _TELLING.fullmatch(name) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Mod):
            return node
        values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        return _filled(node.left, values) or node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        self.generic_visit(node)
        values = [each for each in node.values if isinstance(each, ast.FormattedValue)]
        if any(each.format_spec or each.conversion not in (-1, ord("s")) for each in values):
            return node
        text = "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
        return _filled(ast.Constant(text), [each.value for each in values]) or node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        is_prose = isinstance(node.value, str) and len(node.value.split()) >= _PROSE
        return ast.Constant("..." if is_prose else node.value)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.type, ast.Tuple):
            unique = {ast.dump(each): each for each in node.type.elts}
            several = [unique[each] for each in sorted(unique)]
            node.type = several[0] if len(several) == 1 else ast.Tuple(several)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        plain = "OSError" if node.id in _OS_ERRORS else node.id
        node.id = "_" if node.id in self._local else plain
        return node


class _Wordless(ast.NodeTransformer):
    """Takes the words for people out of what is raised or logged."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        has_words = isinstance(node.value, str) and " " in node.value.strip()
        return ast.Constant("...") if has_words else node


def _filled(text: ast.AST, values: list[ast.expr]) -> ast.AST | None:
    """Returns one form for a text that is filled by `%`, by `format` or in place; None where it is none."""
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
        return None
    if text.value != "..." and len(_INTO_TEXT.findall(text.value)) != len(values):
        return None
    return ast.Call(ast.Name("text"), [ast.Constant(_INTO_TEXT.sub("{}", text.value)), *values], [])


def _bound(node: ast.AST) -> frozenset[str]:
    """Returns the names that are a function's own: what they are called says nothing."""
    return frozenset(
        found.arg if isinstance(found, ast.arg) else found.id
        for found in ast.walk(node)
        if isinstance(found, ast.arg) or (isinstance(found, ast.Name) and isinstance(found.ctx, ast.Store))
    )


def _name(node: ast.AST) -> str:
    """Returns the last name of what is named: ``overload`` of ``typing.overload``."""
    if isinstance(node, ast.Subscript):
        node = node.value
    return cast("str", getattr(node, "id", "") or getattr(node, "attr", ""))
