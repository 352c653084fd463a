"""What a template may say: text, the session's values, conditions, and loops over its lists.

A template can come from a repository that somebody else wrote, so it is data and never a program.
jinja2's sandbox alone would still allow a loop or a multiplication that eats the machine; this
walk over the parsed template allows a closed list of constructs whose cost is bounded by the
template's size. There are no calls, attributes of objects, assignments, macros or includes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from jinja2 import nodes

from idse_orchestrator.base.text import did_you_mean

FILTERS = frozenset(
    {"capitalize", "default", "first", "join", "last", "length", "lower", "title", "trim", "upper"}
)
TESTS = frozenset({"defined", "undefined"})
LOOP_FACTS = frozenset({"first", "index", "index0", "last", "length"})
MAX_SEPARATOR = 80

_HARMLESS = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The names known at one place of a template, and whether that place is inside a loop."""

    known: frozenset[str]
    looping: bool = False


Refusal = tuple[int, str, str]
"""Line, what is not allowed there, and what to write instead."""


def refusals(template: nodes.Template, known: Collection[str]) -> Iterator[Refusal]:
    """Yields everything in `template` that it may not say.

    Nothing if it may be rendered with `known` names.
    """
    yield from _judge(template, Scope(frozenset(known)))


def _judge(node: nodes.Node, scope: Scope) -> Iterator[Refusal]:
    if isinstance(node, nodes.For):
        yield from _loop(node, scope)
        return
    judge = _JUDGES.get(type(node))
    if judge is not None:
        yield from judge(node, scope)
    elif not isinstance(node, _HARMLESS):
        yield node.lineno, f"{_name_of(node)} is not allowed in a template", "use only values, if and for"
        return
    for child in _parts(node):
        yield from _judge(child, scope)


def _parts(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yields the children that still have to be judged: what a test asks about may be unknown."""
    if isinstance(node, nodes.Test) or (isinstance(node, nodes.Getattr) and _is_loop(node.node)):
        return iter(())
    if isinstance(node, nodes.Filter) and node.name == "default" and isinstance(node.node, nodes.Name):
        return iter(node.args)
    return node.iter_child_nodes()


def _loop(node: nodes.For, scope: Scope) -> Iterator[Refusal]:
    if scope.looping:
        yield (
            node.lineno,
            "a loop inside a loop is not allowed in a template",
            "write one loop after the other",
        )
    if node.recursive:
        yield node.lineno, "a recursive loop is not allowed in a template", "leave out the word recursive"
    if not isinstance(node.iter, nodes.Name) or not isinstance(node.target, nodes.Name):
        yield node.lineno, "a loop runs over a value by its name", "write: {% for parent in parents %}"
        return
    yield from _judge(node.iter, scope)
    inside = Scope(scope.known | {node.target.name}, looping=True)
    for child in (*([node.test] if node.test else ()), *node.body):
        yield from _judge(child, inside)
    for child in node.else_:
        yield from _judge(child, scope)


def _name(node: nodes.Name, scope: Scope) -> Iterator[Refusal]:
    if node.name not in scope.known:
        yield (
            node.lineno,
            f"{node.name!r} is not a value that templates have",
            _nearest(node.name, scope.known),
        )


def _attribute(node: nodes.Getattr, scope: Scope) -> Iterator[Refusal]:
    if not (scope.looping and _is_loop(node.node) and node.attr in LOOP_FACTS):
        yield (
            node.lineno,
            f"the attribute .{node.attr} is not allowed in a template",
            "inside a for: " + ", ".join(f"loop.{fact}" for fact in sorted(LOOP_FACTS)),
        )


def _filter(node: nodes.Filter, _scope: Scope) -> Iterator[Refusal]:
    if node.name not in FILTERS:
        yield (
            node.lineno,
            f"the filter {node.name!r} is not allowed in a template",
            _nearest(node.name, FILTERS),
        )
    elif node.kwargs or node.dyn_args or node.dyn_kwargs or node.node is None:
        yield (
            node.lineno,
            f"the filter {node.name!r} is used in a form that is not allowed",
            "give it plain arguments",
        )
    elif node.name == "join" and not _joins_one_list(node):
        yield (
            node.lineno,
            "join joins one list of values with a short text",
            'write: {{ parents | join(", ") }}',
        )


def _joins_one_list(node: nodes.Filter) -> bool:
    """Joins of joins would grow without bound."""
    fits = all(isinstance(arg, nodes.Const) and len(str(arg.value)) <= MAX_SEPARATOR for arg in node.args)
    return fits and len(node.args) <= 1 and isinstance(node.node, nodes.Name)


def _test(node: nodes.Test, _scope: Scope) -> Iterator[Refusal]:
    if node.name not in TESTS or not isinstance(node.node, nodes.Name):
        yield (
            node.lineno,
            f"the test {node.name!r} is not allowed in a template",
            "compare with == or ask: is defined",
        )


_JUDGES: Mapping[type[nodes.Node], Callable[..., Iterator[Refusal]]] = {
    nodes.Name: _name,
    nodes.Getattr: _attribute,
    nodes.Filter: _filter,
    nodes.Test: _test,
}


def _is_loop(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "loop"


def _name_of(node: nodes.Node) -> str:
    return {
        "Call": "a call",
        "Assign": "set",
        "Include": "include",
        "Import": "import",
        "Macro": "a macro",
    }.get(type(node).__name__, type(node).__name__.lower())


def _nearest(name: str, known: Collection[str]) -> str:
    question = did_you_mean(name, known, form="{!r}")
    return question[0] if question else "known here: " + ", ".join(sorted(known))
