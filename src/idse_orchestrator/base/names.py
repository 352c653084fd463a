"""The names people give to projects and sessions, and which of them are allowed.

A name becomes a folder and a component of a ref, so it must be safe as both on every platform.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from idse_orchestrator.errors import InvalidNameError, NameTakenError

MAX_LENGTH = 64
BLUEPRINT = "__blueprint__"

_ALLOWED = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
_RULE = (
    f"a name has 1 to {MAX_LENGTH} letters, digits, '.', '_' or '-', and starts with a letter, a digit or '_'"
)


def is_name(name: str) -> bool:
    """Whether `name` may name a project, a session or an agent."""
    return problem_with(name) is None


def check_name(kind: str, name: str) -> str:
    """Return `name` if it may name a `kind` ("project", "session"); raise InvalidNameError if not."""
    problem = problem_with(name)
    if problem is None:
        return name
    raise InvalidNameError(
        f"{name!r} cannot name {'an' if kind[0] in 'aeiou' else 'a'} {kind}: {problem}",
        cause=_RULE,
        fix=(f"choose another {kind} name, for instance {_suggestion(kind, name)!r}",),
    )


def check_new_name(kind: str, name: str, existing: Iterable[str]) -> str:
    """Like check_name, and raise where `name` is taken or differs from a taken one only in case."""
    check_name(kind, name)
    for other in existing:
        if other == name:
            raise NameTakenError(
                f"{kind} {name!r} exists already",
                fix=(f"choose another name, or work on it: idse switch {name}",)
                if kind == "session"
                else ("choose another name",),
            )
        if other.casefold() == name.casefold():
            raise InvalidNameError(
                f"{kind} {name!r} differs from {other!r} only in case",
                cause="such names share one folder on macOS and Windows",
                fix=("choose a name that differs in more than case",),
            )
    return name


def problem_with(name: str) -> str | None:
    """Why `name` can name neither a project nor a session; None where it can."""
    if not name:
        return "it is empty"
    if len(name) > MAX_LENGTH:
        return f"it has {len(name)} characters"
    if not _ALLOWED.fullmatch(name):
        return "it has a character that is not allowed there"
    if ".." in name:
        return "it contains '..'"
    if name.endswith((".", ".lock")):
        return f"git refuses names that end in {'.lock' if name.endswith('.lock') else '.'!r}"
    return None


def _suggestion(kind: str, name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name, flags=re.ASCII).strip("-")[:MAX_LENGTH]
    return plain.removesuffix("-lock") or f"my-{kind}"
