"""Gathers what the writer of a document needs: its sections, its rules, and the documents before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.hits import with_params
from idse_orchestrator.constitution.rules import ERROR
from idse_orchestrator.documents.markdown import normalized
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.pipeline.stage_state_model import before

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Constitution, Rule
    from idse_orchestrator.sessions.status import SessionStatus

_HEADING = re.compile(r"(#{1,6})[ \t]+(?P<title>.*\S)")
_SHORTEST = 280
"""Characters that a section of a document upstream is cut to."""
_MOST_SECTIONS = 12
_DOCUMENT = (
    "required_sections",
    "sections_filled",
    "artifact_exists",
    "in_order",
    "unchanged",
    "upstream_unchanged",
)
"""Check verbs that are told otherwise: by the sections, or by the status of the stages."""
_STRUCTURE = "structure"


class SectionHelp(NamedTuple):
    """A section that the document must have, and what its template asks there."""

    name: str
    help: str


class RuleInWords(NamedTuple):
    """A rule that the gate holds the document to."""

    id: str
    name: str
    words: str


class Upstream(NamedTuple):
    """A document that the stage builds on; `digest` are titles of its sections with how each begins."""

    stage: str
    path: str
    status: str
    condition: str
    digest: tuple[tuple[str, str], ...]


class Instructions(NamedTuple):
    """All of it, for one stage."""

    stage: str
    path: str
    status: str
    sections: tuple[SectionHelp, ...]
    rules: tuple[RuleInWords, ...]
    upstream: tuple[Upstream, ...]


def instructions(
    status: SessionStatus, stage: str, constitution: Constitution, template: str, texts: Mapping[str, str]
) -> Instructions:
    """Returns what writing `stage` needs: `template` is its template, `texts` the documents by stage."""
    standing = {each.stage: each for each in status.stages}
    helps = {normalized(title): text for title, text in _sections(template, quoted=True)}
    wanted = wanted_sections(constitution, stage)
    return Instructions(
        stage,
        ARTIFACTS[stage],
        standing[stage].status,
        tuple(SectionHelp(name, helps.get(normalized(name), "")) for name in wanted),
        tuple(_rules(constitution, stage)),
        tuple(
            Upstream(
                each,
                ARTIFACTS[each],
                standing[each].status,
                standing[each].condition,
                tuple(_digest(texts.get(each, ""))),
            )
            for each in before(status.state, stage)
        ),
    )


def wanted_sections(constitution: Constitution, stage: str) -> Sequence[str]:
    """Returns the names of the sections that the document of `stage` must have."""
    found: dict[str, None] = {}
    for rule in constitution.rules:
        if rule.check == "required_sections" and stage in rule.applies_to:
            sections = rule.options.get("sections")
            for each in sections.get(stage, ()) if isinstance(sections, Mapping) else ():
                found[str(each["name"])] = None
    return list(found)


def _rules(constitution: Constitution, stage: str) -> Iterator[RuleInWords]:
    """Yields the rules of the gate that say something about the text."""
    for rule in constitution.rules:
        about = rule.severity_of or stage
        is_asked = (stage in rule.applies_to and about == stage) or rule.severity_of == stage
        if is_asked and rule.gate == ERROR and rule.check not in _DOCUMENT and rule.family != _STRUCTURE:
            yield RuleInWords(rule.id, rule.name, _in_words(rule))


def _in_words(rule: Rule) -> str:
    names = re.findall(r"\{(\w+)\}", rule.hint)
    return with_params(rule.hint, dict.fromkeys(names, "…"))


def _sections(text: str, *, quoted: bool) -> Iterator[tuple[str, str]]:
    """Yields title and text of each section: only its quoted lines, which are help, or only the others."""
    title, in_code = "", False
    lines: list[str] = []
    for line in [*text.split("\n"), "# "]:
        in_code ^= line.startswith(("```", "~~~"))
        heading = None if in_code else _HEADING.match(line)
        if heading or line == "# ":
            if title:
                yield title, " ".join(" ".join(lines).split())
            title, lines = heading["title"] if heading else "", []
        elif line.startswith(">") == quoted and not line.startswith(("```", "~~~")):
            lines.append(line.removeprefix(">"))


def _digest(text: str) -> Iterator[tuple[str, str]]:
    found = [(title, body) for title, body in _sections(text, quoted=False) if body]
    for title, body in found[:_MOST_SECTIONS]:
        yield title, body if len(body) <= _SHORTEST else body[: _SHORTEST - 1].rstrip() + "…"
