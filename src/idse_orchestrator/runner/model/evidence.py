"""Evidence that a task is done: facts about what an attempt left, each `ok`, `missing` or `not asked`.

What an agent says counts for one of them. A result is done when nothing is missing; whatever else it needs
is a person's look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.account import place_of

OK, MISSING, NOT_ASKED = "ok", "missing", "not asked"

FINAL, CHANGED, TOUCHED, WITHIN = "final", "changed", "touched", "within"
CHECK, MARKERS, SECRETS, MODES, VALID, OUTPUT = "check", "markers", "secrets", "modes", "valid", "output"
FACTS = (FINAL, CHANGED, TOUCHED, WITHIN, MODES, MARKERS, SECRETS, VALID, OUTPUT, CHECK)
"""The agent said that it is done, without an error or a denied tool · the tree changed · every declared path
was touched · nothing beside them was, but tests and documentation · nothing in it is never taken (a nested
repository, a link out of the tree, the documents of sessions) · no conflict markers · nothing that looks like
a secret · documents hold their rules · the declared output is there · the user's check passes."""

_ASIDE = frozenset({"test", "tests", "__tests__", "spec", "specs", "doc", "docs"})
_ASIDE_FILE = re.compile(
    r"(?i)(?:test_[^/]*|conftest\.py|[^/]*[._-](?:test|spec)s?\.[^/]+|changelog[^/]*|readme[^/]*|[^/]+\.(?:md|rst))"
)

AGENT_PLACES = (
    ".claude/", ".codex/", ".gemini/", ".cursor/", ".mcp.json", "CLAUDE.md", "AGENTS.md", "GEMINI.md",
)  # fmt: skip
HOOK_PLACES = (
    ".husky/", ".githooks/", ".pre-commit-config.yaml", "lefthook.yml", ".github/workflows/",
    ".github/actions/", ".gitlab-ci.yml", ".ci/",
)  # fmt: skip
"""What runs by itself on the machine of whoever takes a result: a person looks at it first."""


class Asked(NamedTuple):
    """What a task asks of a result. `check` is true where the user has one; with `check_alone` it decides."""

    paths: tuple[str, ...] = ()
    output: str = ""
    check: bool = False
    check_alone: bool = False


class Left(NamedTuple):
    """What an attempt left. `said` is true where its agent says that it is done, `said_why` what it says.

    `changed` are paths that differ from the base, `refused` what of them is never taken, each with why;
    `marked` and `secret` are paths with conflict markers and with what looks like a secret. `check` is the
    exit code of the user's check, None where it did not run. `outputs` are the files it put out.
    """

    said: bool
    said_why: str = ""
    changed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    check: int | None = None


class Judgement(NamedTuple):
    """The standing of each fact, and the first reason for each that is missing, in words for people."""

    facts: Mapping[str, str]
    why: Mapping[str, str]

    @property
    def is_whole(self) -> bool:
        """True where nothing is missing."""
        return not self.why


def judge(asked: Asked, left: Left) -> Judgement:
    """Returns how each fact stands. Without a check that ran, one that is asked for is missing."""
    troubles = {
        FINAL: "" if left.said else left.said_why or "it does not say that it is done",
        CHANGED: "" if left.changed else "no file changed",
        TOUCHED: _listed("no change in", _untouched(asked.paths, left.changed)),
        WITHIN: _listed("not declared:", _beside(asked.paths, left.changed)),
        MODES: left.refused[0] if left.refused else "",
        MARKERS: _listed("conflict markers in", left.marked),
        SECRETS: _listed("it looks like a secret in", left.secret),
        OUTPUT: "" if _is_put_out(asked.output, left.outputs) else f"no output {asked.output}",
        CHECK: _check_trouble(left.check),
    }
    is_asked = {
        CHANGED: not asked.check_alone and not asked.output,
        TOUCHED: bool(asked.paths) and not asked.output,
        WITHIN: bool(asked.paths),
        VALID: False,  # the documents of sessions are never taken: see MODES
        OUTPUT: bool(asked.output),
        CHECK: asked.check,
    }
    facts, why = {}, {}
    for name in FACTS:
        if not is_asked.get(name, True):
            facts[name] = NOT_ASKED
        elif troubles.get(name):
            facts[name], why[name] = MISSING, troubles[name]
        else:
            facts[name] = OK
    return Judgement(facts, why)


def wants_a_look(changed: Iterable[str]) -> tuple[str, ...]:
    """Returns the changed paths that run by themselves where they are taken: hooks, CI, agents' settings."""
    places = (*AGENT_PLACES, *HOOK_PLACES)
    return tuple(path for path in changed if any(_is_in(path, place) for place in places))


def is_refused_place(path: str) -> bool:
    """Tests for what no task may change: the documents of sessions, and git's own folder."""
    parts = path.casefold().split("/")
    return parts[0] == ".idse" or ".git" in parts


def _check_trouble(code: int | None) -> str:
    if code is None:
        return "the check did not run"
    return f"the check ended with {code}" if code else ""


def _untouched(declared: Iterable[str], changed: Sequence[str]) -> list[str]:
    return [each for each in declared if not any(_is_in(path, each) for path in changed)]


def _beside(declared: Sequence[str], changed: Iterable[str]) -> list[str]:
    return [path for path in changed if not _is_aside(path) and not any(_is_in(path, at) for at in declared)]


def _is_aside(path: str) -> bool:
    *folders, name = path.split("/")
    return not _ASIDE.isdisjoint(part.casefold() for part in folders) or bool(_ASIDE_FILE.fullmatch(name))


def _is_in(path: str, declared: str) -> bool:
    place = place_of(declared)
    return not place or path == place or path.startswith(f"{place}/")


def _is_put_out(wanted: str, outputs: Iterable[str]) -> bool:
    return any(_is_in(path, wanted) for path in outputs) if wanted else True


def _listed(what: str, paths: Sequence[str]) -> str:
    if not paths:
        return ""
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"{what} {', '.join(paths[:3])}{more}"
