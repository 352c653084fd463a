"""Entries of ledgers for programs: as JSON, and by a template such as ``%h %ar %s %(stage)``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.cli.layout import iso, printable, relative, seconds_of
from idse_orchestrator.errors import UsageError

if TYPE_CHECKING:
    from idse_orchestrator.cli.render.log import Look
    from idse_orchestrator.ledger.entries import Entry

_PLACEHOLDER = re.compile(r"%(\([^)]*\)|a[a-zA-Z]|x[0-9a-fA-F]{2}|.)?", re.DOTALL)


def _unix(entry: Entry) -> str:
    seconds = seconds_of(entry)
    return "" if seconds is None else str(int(seconds))


_FIELDS: dict[str, tuple[str, Callable[[Entry], str]]] = {
    "h": ("the ledger commit, short", lambda entry: entry.short),
    "H": ("the ledger commit", lambda entry: entry.commit),
    "P": ("the commits it follows", lambda entry: " ".join(entry.parents)),
    "s": ("what happened", lambda entry: entry.subject),
    "b": ("the reason", lambda entry: entry.text("reason")),
    "an": ("the person's name", lambda entry: entry.event.actor.name if entry.event else ""),
    "ae": ("the person's email", lambda entry: entry.event.actor.email if entry.event else ""),
    "aI": ("the date in ISO", iso),
    "at": ("the date as Unix time", _unix),
    "(event)": ("the event's id", lambda entry: entry.event.id if entry.event else ""),
    "(kind)": ("its kind", lambda entry: entry.kind),
    "(stage)": ("the stage it is about", lambda entry: entry.text("stage")),
    "(from)": ("the stage's status before", lambda entry: entry.text("from")),
    "(to)": ("and after", lambda entry: entry.text("to")),
    "(agent)": ("the agent that acted", lambda entry: entry.agent),
    "(code)": ("the code commit", lambda entry: entry.text("code")),
    "(project)": ("the project", lambda entry: entry.project),
    "(session)": ("the session", lambda entry: entry.session),
    "(lamport)": ("the logical clock", lambda entry: str(entry.event.lamport) if entry.event else ""),
    "(replica)": ("the clone it happened in", lambda entry: entry.event.replica if entry.event else ""),
}
_DATES = {"ad": "the date as --date says", "ar": "how long ago"}
_LITERALS = {"n": "\n", "%": "%"}

HELP = "; ".join(
    f"%{name} {meaning}"
    for name, meaning in {**{key: field[0] for key, field in _FIELDS.items()}, **_DATES}.items()
)
"""Every placeholder with its meaning, for the help."""


def entry_data(entry: Entry) -> dict[str, object]:
    """Returns one entry; what only events have is null in a merge and in damage; `kind` is "" in damage."""
    event = entry.event
    return {
        "project": entry.project,
        "session": entry.session or None,
        "commit": entry.commit,
        "parents": list(entry.parents),
        "kind": entry.kind,
        "subject": entry.subject,
        "at": iso(entry),
        "event": event.id if event else None,
        "stage": entry.text("stage") or None,
        "from": entry.text("from") or None,
        "to": entry.text("to") or None,
        "reason": entry.text("reason") or None,
        "code": entry.text("code") or None,
        "actor": {"name": event.actor.name, "email": event.actor.email, "agent": event.actor.agent}
        if event
        else None,
        "replica": event.replica if event else None,
        "lamport": event.lamport if event else None,
        "body": event.body if event else None,
        "not_applied": entry.not_applied or None,
        "damage": entry.damage or None,
    }


def damage_diagnostics(entries: Iterable[Entry]) -> Iterator[dict[str, object]]:
    """Yields a diagnostic for each damaged entry."""
    for entry in entries:
        if entry.damage:
            yield {
                "severity": "warning",
                "code": "IDSE013",
                "message": f"damaged entry: {entry.damage}",
                "where": entry.commit,
                "fix": ["idse fsck"],
            }


def template(text: str, now: float) -> Callable[[Entry, Look], list[str]]:
    """Makes a renderer for the template `text`; UsageError for a placeholder that does not exist."""
    text = text.removeprefix("tformat:").removeprefix("format:")
    for found in _PLACEHOLDER.finditer(text):
        _check(found[1], text)

    def render(entry: Entry, look: Look) -> list[str]:
        return _PLACEHOLDER.sub(lambda found: _value(found[1], entry, look, now), text).split("\n")

    return render


def _value(name: str, entry: Entry, look: Look, now: float) -> str:
    if name in _LITERALS:
        return _LITERALS[name]
    if name.startswith("x") and len(name) == 3:
        return chr(int(name[1:], 16))
    if name in _DATES:
        return printable(relative(entry, now)) if name == "ar" else look.date(entry)
    return printable(_FIELDS[name][1](entry), lines=True)


def _check(name: str | None, text: str) -> None:
    if name in _FIELDS or name in _DATES or name in _LITERALS:
        return
    if name is not None and name.startswith("x") and len(name) == 3:
        return
    raise UsageError(
        f"there is no placeholder %{name or ''}",
        where=text,
        cause="known: " + " ".join(f"%{known}" for known in (*_FIELDS, *_DATES, "n", "%")),
        fix=did_you_mean(name or "", _FIELDS, form="%{}") or ("idse log --help",),
    )
