"""YAML from files that a branch carries: plain values only, and nothing that grows while it is read.

Importing this module imports a YAML parser (some 25 ms), so it is imported where YAML is read.

Placed values know where they stand and what was written, beside what YAML 1.1 takes it for: so a reader
can say that `yes` is no text, and can keep `1.10` as it is. Lines and columns count from 1.
`placed_reading` makes them.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import yaml

from idse_orchestrator.base.records import NamedTuple

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # a build of PyYAML without libyaml
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment] # the same interface

MOST_BYTES = 256 * 1024
MOST_DEPTH = 40
_TOO_DEEP = "it is nested too deeply"
_TOO_DEEP_FOR_YAML = "exceeded maximum nesting depth"  # what PyYAML 6.0.4 and later say of more than 1,000
MOST_VALUES = 50_000
"""How many values a text may stand for once its aliases are followed."""


class YamlProblem(ValueError):  # noqa: N818 - it is a value for the reader's own error, not an error to show
    """Why a text is no usable YAML: `what`, at `line` and `column` (from 1; 0 means the whole text)."""

    def __init__(self, what: str, line: int = 0, column: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.line = line
        self.column = column


def load_yaml(data: bytes) -> object:
    """Returns the one document in `data` as dicts, lists, texts, numbers, booleans, dates and None.

    Raises YamlProblem for anything malformed, for keys that occur twice, and for texts that are too
    large, too deep, or would be once their aliases are followed.
    """
    text = bounded_text(data)
    with yaml_told(text):
        if composed(text) is None:
            return None
        return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader by descent


def bounded_text(data: bytes) -> str:
    """Returns `data` as text; YamlProblem where it is too large, or not UTF-8."""
    if len(data) > MOST_BYTES:
        raise YamlProblem(f"it has {len(data)} bytes, at most {MOST_BYTES} are read")
    return _decoded(data)


def composed(text: str) -> yaml.Node | None:
    """Returns the nodes of the one document in `text`, whose size and depth are bounded, aliases followed."""
    _refuse_depth(text)
    node: yaml.Node | None = yaml.compose(text, Loader=_SafeLoader)
    if node is not None:
        _refuse_growth(node)
    return node


@contextmanager
def yaml_told(text: str) -> Iterator[None]:
    """Turns whatever a parser raises into a YamlProblem."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "it is not YAML"
        if what == _TOO_DEEP_FOR_YAML:
            what = _TOO_DEEP
        raise YamlProblem(what, *place_of(mark)) from error
    except yaml.YAMLError as error:
        raise YamlProblem(_unreadable(error), *_position(text, error)) from error
    except (ValueError, OverflowError) as error:  # a date such as 2024-13-45, a number such as 1:99
        if isinstance(error, YamlProblem):
            raise
        raise YamlProblem(f"a value cannot be read: {error}") from error


class _Mark(Protocol):
    """A place in a text, as both of PyYAML's parsers tell it: counted from 0."""

    line: int
    column: int


class _UniqueKeys(_SafeLoader):
    """A safe loader that refuses a mapping in which a key occurs twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002 - as the base has it
        seen: set[object] = set()
        for key, _ in node.value:
            name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None
            if name in seen and key.value != "<<":
                what = f"key {key.value[:60]!r} occurs twice"
                raise yaml.constructor.ConstructorError(None, None, what, key.start_mark)
            seen.add(name)
        mapping: dict[Hashable, object] = super().construct_mapping(node, deep)
        return mapping


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = data.count(b"\n", 0, error.start) + 1, error.start - data.rfind(b"\n", 0, error.start)
        raise YamlProblem("it is not UTF-8 text", line, column) from error


def _refuse_depth(text: str) -> None:
    """Before anything recursive runs: events come one by one, so any depth can be counted."""
    try:
        _count_depth(text)
    except yaml.MarkedYAMLError as error:
        if error.problem == _TOO_DEEP_FOR_YAML and error.problem_mark is not None:
            with suppress(yaml.YAMLError):  # PyYAML looks ahead: what is before its limit says where ours is
                _count_depth(text[: error.problem_mark.index])
        raise


def _count_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH:
            raise YamlProblem(_TOO_DEEP, *place_of(event.start_mark))


def _refuse_growth(root: yaml.Node) -> None:
    size, depth = _measured(root, {}, set())
    if size > MOST_VALUES:
        raise YamlProblem(f"it stands for more than {MOST_VALUES} values, its aliases followed")
    if depth > MOST_DEPTH:
        raise YamlProblem(f"{_TOO_DEEP}, its aliases followed")


def _measured(node: yaml.Node, known: dict[int, tuple[int, int]], open_: set[int]) -> tuple[int, int]:
    """Returns how many values `node` stands for and how deep they are nested, aliases followed."""
    key = id(node)
    if key in open_:
        raise YamlProblem("an alias leads back to itself", *place_of(node.start_mark))
    if key not in known:
        open_.add(key)
        below = [_measured(child, known, open_) for child in children_of(node)]
        known[key] = 1 + sum(size for size, _ in below), 1 + max((depth for _, depth in below), default=0)
        open_.discard(key)
    return known[key]


def children_of(node: yaml.Node) -> list[yaml.Node]:
    """Returns the nodes right below `node`, keys among them; an alias is the node it names."""
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _unreadable(error: yaml.YAMLError) -> str:
    reason = error.reason if isinstance(error, yaml.reader.ReaderError) else error
    return f"a character is not allowed: {reason}"


def place_of(mark: _Mark | None) -> tuple[int, int]:
    """Returns line and column, counted from 1; (0, 0) where they are unknown."""
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _position(text: str, error: yaml.YAMLError) -> tuple[int, ...]:
    if not isinstance(error, yaml.reader.ReaderError):
        return ()
    offset = min(error.position, len(text))
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


TEXT = "text"
NOTHING = "nothing"
BOOLEAN = "boolean"
WHOLE = "whole number"
FRACTION = "number"
DATE = "date"
NEWER = "number of YAML 1.2"
"""Kinds of a scalar by its plain text in YAML 1.1. NEWER is a text there, and a number in YAML 1.2."""

NEWER_NUMBER = re.compile(r"0o[0-7]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
"""A number of YAML 1.2, which YAML 1.1 need not take for one."""


class Scalar(NamedTuple):
    """One value: `text` as written (quotes and folding resolved), `kind` what YAML takes it for."""

    text: str
    kind: str
    line: int
    column: int


class Items(NamedTuple):
    """A list."""

    values: tuple[Placed, ...]
    line: int
    column: int


class Table(NamedTuple):
    """A mapping: pairs of key and value in the order written. No key occurs twice."""

    pairs: tuple[tuple[Scalar, Placed], ...]
    line: int
    column: int


Placed = Scalar | Items | Table
