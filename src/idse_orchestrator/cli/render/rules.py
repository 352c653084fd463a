"""Rules for people and as data: one line each in a list, everything there is to know of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import picked
from idse_orchestrator.base.text import printable
from idse_orchestrator.cli.layout import Style, aligned, labelled_prose, wrapped
from idse_orchestrator.constitution.rules import SIDE_FILE, WORKSPACE_PATHS
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.sessions.verdicts import is_waivable

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Constitution, Rule

_HEAD = ("rule", "name", "pending", "in progress", "complete", "gate", "from")
_STATUSES = ("pending", "in_progress", "complete")
_SHORT = 32
"""Characters of an item that shares a line with others; a pattern has one of its own."""
_PLACES = {SIDE_FILE: "other files of a session", WORKSPACE_PATHS: "where files stand"}


def rule_table(rules: Sequence[Rule], style: Style) -> str:
    """Returns one aligned line for each rule: its severity by status and at the gate, and its origin."""
    rows = [(rule.id, rule.name, *_levels(rule), _origin(rule)) for rule in rules]
    head, *lines = aligned([_HEAD, *(tuple(map(printable, row)) for row in rows)])
    return "\n".join([style.bold(head), *lines])


def rule_page(rule: Rule, constitution: Constitution, style: Style) -> str:
    """Returns everything about one rule, ending without a newline."""
    article = constitution.article(rule.article)
    title = f"{rule.article} · {article.title}" if article else rule.article
    levels = zip(_HEAD[2:6], _levels(rule), strict=True)
    severity = " · ".join(f"{status} {level}" for status, level in levels)
    decides = f"\nthe status of the stage {rule.severity_of} decides" if rule.severity_of else ""
    kind = f"{_origin(rule)}, {rule.family}" if rule.family != rule.origin else _origin(rule)
    blocks = [
        [f"{style.bold(printable(rule.id))}  {printable(rule.name)}  ({printable(kind)})"],
        [
            *labelled_prose("says", printable(rule.message)),
            *labelled_prose("hint", printable(rule.hint)),
            *_commands(rule),
        ],
        [
            *labelled_prose("looks at", _subject(rule)),
            *labelled_prose("severity", severity + decides),
        ],
        [
            *labelled_prose("article", printable(title)),
            *wrapped(printable(article.text if article else ""), " " * 11),
        ],
        labelled_prose("waive", _how_to_waive(rule)),
        [
            *labelled_prose("check", printable(rule.check)),
            *(printable(line) for line in _options(rule.options, " " * 11)),
        ],
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def _commands(rule: Rule) -> Iterator[str]:
    for command in dict.fromkeys(command for commands in rule.fix.values() for command in commands):
        yield from labelled_prose("fix", printable(command))


def rule_data(rule: Rule) -> dict[str, object]:
    """Returns a rule in JSON's own types."""
    return {
        **picked(rule, "id name article family applies_to check"),
        "with": dict(rule.options),
        "severity": {status: rule.severity_at(status) for status in _STATUSES},
        **picked(rule, "severity_of gate message hint fix origin raised"),
        "waivable": is_waivable(rule),
    }


def _origin(rule: Rule) -> str:
    """Returns the layer that a rule comes from, and says if another made it stricter."""
    return f"{rule.origin}, raised" if rule.raised else rule.origin


def _subject(rule: Rule) -> str:
    """Names the files that a rule looks at."""
    stages = [stage for stage in STAGES if stage in rule.applies_to]
    named = [_PLACES.get(name, name) for name in rule.applies_to if name not in STAGES]
    return ", ".join([*(["every artifact"] if len(stages) == len(STAGES) else stages), *named])


def _levels(rule: Rule) -> tuple[str, ...]:
    return (*(rule.severity_at(status) for status in _STATUSES), rule.gate)


def _how_to_waive(rule: Rule) -> str:
    if not is_waivable(rule):
        return (
            "not possible: it judges where files stand in the repository, and a waiver is kept by one session"
        )
    return (
        f'idse rule waive {rule.id} -m "why" [--until YYYY-MM-DD]\n'
        "for one session; it is recorded in its ledger, and every report shows it"
    )


def _options(value: object, indent: str) -> Iterable[str]:
    """Yields the parameters of a check, in the manner of the file they come from."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if _is_short(inner):
                yield from wrapped(_flat(inner), indent + "  ", f"{indent}{key}: ")
            else:
                yield f"{indent}{key}:"
                yield from _options(inner, indent + "  ")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            if isinstance(inner, str):
                yield f"{indent}- {inner}"
                continue
            yield from wrapped(_flat(inner), indent + "  ", f"{indent}- ")
    else:
        yield f"{indent}{_flat(value)}"


def _is_short(value: object) -> bool:
    if isinstance(value, Mapping):
        return False
    items = value if isinstance(value, list | tuple) else ()
    return all(isinstance(inner, str | int) and len(str(inner)) <= _SHORT for inner in items)


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_flat(inner)}" for key, inner in value.items() if inner not in ([], ()))
    if isinstance(value, list | tuple):
        return ", ".join(map(_flat, value))
    return str(value)
