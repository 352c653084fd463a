"""Entries of ledgers for people: one line each, with or without the reason beneath, or in full.

::

    3f2a1c9  spec: in_progress → complete         2 hours ago     Ada (claude)
             Reviewed with the team.
"""

from __future__ import annotations

import json
import re
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import picked, picked_or_none
from idse_orchestrator.base.text import counted, did_you_mean, printable
from idse_orchestrator.cli.layout import (
    PLAIN,
    WIDEST,
    Style,
    ago,
    columns,
    filled,
    fitted,
    iso,
    relative,
    seconds_of,
)
from idse_orchestrator.cli.terminal import remark
from idse_orchestrator.errors import UsageError
from idse_orchestrator.ledger.entries import MERGE, Drawn, Entry
from idse_orchestrator.pipeline.stage_state_model import COMPLETE

if TYPE_CHECKING:
    from idse_orchestrator.worktree.misplaced_code import NotedCommit, NotedCommits
ONELINE, SHORT, MEDIUM, FULL = "oneline", "short", "medium", "full"
"""How entries can look."""

_GAP = "  "
_NARROW = 60
_WHO = 16
_LEAST_WHO = 6
_ID = re.compile(r"[0-9a-f]{40}", re.ASCII)
_LABEL = 10
_MOST = 4_000
"""Characters of a value: an import of ten thousand agents is one event."""

_SAID_ABOVE = frozenset({"action", "code", "from", "reason", "stage", "to"})


@dataclass(frozen=True, slots=True)
class Look:
    """The layout of entries.

    `width` is None where nobody looks (nothing is cut or wrapped there); `now` is the Unix time for
    relative dates, None for ISO; with `sessions` every entry says of which session it is.
    """

    style: Style = PLAIN
    width: int | None = None
    now: float | None = None
    sessions: bool = False

    def beside(self, drawing: str) -> Look:
        """Returns the look for what stands to the right of `drawing`."""
        return replace(self, width=self.width - columns(drawing)) if self.width and drawing else self

    def date(self, entry: Entry) -> str:
        """Writes the entry's date as this look has it."""
        return printable(iso(entry) if self.now is None else relative(entry, self.now))


def heads(form: str, look: Look, first: Entry) -> list[str]:
    """Returns the line above entries in the form ONELINE, SHORT or MEDIUM; none off a terminal.

    `first` is the first of the entries: all ids are as long.
    """
    inset = len(first.short + _GAP)
    if look.width is None or form not in (ONELINE, SHORT, MEDIUM):
        return []
    if form == ONELINE:
        return [look.style.dim(f"{filled('entry', len(first.short))} what")]
    start = filled("entry", inset) + "what"
    room = look.width - inset - columns(_session(first, replace(look, style=PLAIN)))
    if room < _NARROW - inset:
        return []  # date and person stand beneath
    when = filled(start, look.width - _date_width(look) - _WHO - len(_GAP))
    return [look.style.dim(f"{when}{filled('when', _date_width(look))}{_GAP}by")]


def oneline(entry: Entry, look: Look) -> list[str]:
    """Shows id and subject."""
    mark = look.style.yellow(" (not applied)") if entry.not_applied else ""
    return [f"{look.style.yellow(entry.short)} {_session(entry, look)}{_subject(entry, look.style)}{mark}"]


def short(entry: Entry, look: Look) -> list[str]:
    """Shows id, subject, date and person, on one line where there is room."""
    head, tail = entry.short + _GAP, _tail(entry, look)
    inset = " " * columns(head)
    name = _session(entry, look)
    room = (look.width or WIDEST) - columns(head) - columns(name)
    if room < _NARROW - columns(head):
        text = fitted(printable(entry.subject), room)
        return [f"{_id(entry, look)}{name}{_subject(entry, look.style, text)}", inset + look.style.dim(tail)]
    text = printable(entry.subject)
    text = (
        text
        if look.width is None
        else fitted(text, room - columns(look.date(entry)) - 2 * len(_GAP) - _LEAST_WHO)
    )
    start = filled(_subject(entry, look.style, text), room - _date_width(look) - _WHO - 2 * len(_GAP))
    tail = tail if look.width is None else fitted(tail, room - columns(start) - len(_GAP))
    return [f"{_id(entry, look)}{name}{start}{_GAP}{look.style.dim(tail)}".rstrip()]


def medium(entry: Entry, look: Look) -> list[str]:
    """Shows the same with the reason beneath, and how to look at damage."""
    inset = " " * (len(entry.short) + len(_GAP))
    return short(entry, look) + [inset + line if line else "" for line in _beneath(entry, look, len(inset))]


def full(entry: Entry, look: Look) -> list[str]:
    """Shows the entry as a block: its id, a line for each field, and the reason below."""
    head = f"event {entry.event.id}" if entry.event else f"entry {entry.commit}"
    rows = [
        look.style.yellow(printable(head)),
        *(f"{label + ':':<{_LABEL}} {text}" for label, text in _fields(entry, look)),
    ]
    reason = list(_beneath(entry, look, 4))
    return [*rows, *([""] if reason else []), *(f"    {line}".rstrip() for line in reason), ""]


def _beneath(entry: Entry, look: Look, inset: int) -> Iterator[str]:
    """Yields the lines under an entry: why it does not count, how to look at damage, its reason."""
    if entry.not_applied:
        yield look.style.yellow(f"not applied: {printable(entry.not_applied)}")
    if entry.damage:
        yield look.style.red("idse fsck") + " names every defect"
    for line in printable(entry.text("reason"), lines=True).splitlines():
        yield from _wrapped(line, look, inset)


def code_line(commit: NotedCommit, now: float | None, style: Style = PLAIN) -> str:
    """Puts id, date, subject and author on a line; `now` is the Unix time for relative dates."""
    words = f"  {style.yellow(', '.join(commit.misplaced))}" if commit.misplaced else ""
    short, author = style.yellow(commit.commit[:7]), style.dim(printable(commit.author))
    when = _utc(commit.at) if now is None else ago(now - commit.at)
    return f"{short}  {when}  {printable(commit.subject)}  {author}{words}"


def code_data(commit: NotedCommit) -> dict[str, object]:
    """Returns one entry of ``data`` of idse.log-code/1."""
    return {
        "commit": commit.commit,
        "at": _utc(commit.at),
        **picked(commit, "author subject"),
        "misplaced": list(commit.misplaced),
    }


def _utc(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def code_remarks(found: NotedCommits, *, is_bare: bool) -> list[str]:
    """Says what could not be listed."""
    if not found.gone:
        return [] if found.commits else ["no commit of code has a note of this session"]
    why = "a bare repository need not have any code" if is_bare else "they were rewritten, or are elsewhere"
    return [f"{counted(found.gone, 'commit')} with its note not in this repository: {why}"]


def drawn(item: Drawn, lines: list[str]) -> Iterator[str]:
    """Yields `lines` of an entry beside what git drew for it; drawing that goes on below is kept."""
    prefixes = (item.prefix, *(item.below or ("",)))
    for number, line in enumerate(lines):
        prefix = prefixes[min(number, len(prefixes) - 1)]
        yield f"{prefix}{line}" if line else prefix.rstrip()
    for rest in prefixes[max(len(lines), 1) :]:
        if set(rest) & set("\\/_"):
            yield rest.rstrip()


def _subject(entry: Entry, style: Style, text: str | None = None) -> str:
    """Colours the entry's subject (or `text`, a part of it): the stage, and where it went."""
    text = printable(entry.subject) if text is None else text
    if entry.damage:
        return style.red(text)
    if entry.kind == MERGE:
        return style.dim(text)
    stage, to = printable(entry.text("stage")), printable(entry.text("to"))
    arrow = f" {printable(entry.text('from'))} → "
    head = f"{stage}:{arrow}{to}"
    if not stage or not to or not text.startswith(head):
        return text
    return f"{style.bold(f'{stage}:')}{arrow}{_outcome(entry, to, style)}{text[len(head) :]}"


def _session_label(entry: Entry) -> str:
    """Names the session; ``project portal`` for an entry of the project's own ledger."""
    return printable(entry.alias or entry.session) if entry.session else f"project {printable(entry.project)}"


def _outcome(entry: Entry, to: str, style: Style) -> str:
    if to == COMPLETE:
        return style.green(to)
    return style.yellow(to) if entry.text("action") == "reopen" else to


def _id(entry: Entry, look: Look) -> str:
    return look.style.yellow(entry.short) + _GAP


def _session(entry: Entry, look: Look) -> str:
    return look.style.cyan(f"[{_session_label(entry)}]") + " " if look.sessions else ""


def _tail(entry: Entry, look: Look) -> str:
    """Writes the date, the person, and the agent that acted for them."""
    who = ""
    if entry.event is not None:
        actor = entry.event.actor
        who = printable(f"{actor.name} ({actor.agent})" if actor.agent else actor.name)
    return f"{look.date(entry).ljust(_date_width(look))}{_GAP}{who}".rstrip()


def _date_width(look: Look) -> int:
    return 20 if look.now is None else 14


def _wrapped(line: str, look: Look, inset: int) -> list[str]:
    if look.width is None or columns(line) + inset <= look.width:
        return [line]
    return textwrap.wrap(line, max(look.width - inset, 20), break_on_hyphens=False) or [""]


def _fields(entry: Entry, look: Look) -> list[tuple[str, str]]:
    label = _session_label(entry)
    first = f" ({printable(entry.session)})" if entry.alias else ""
    fields = [
        ("What", _subject(entry, look.style)),
        ("Session", f"{printable(entry.project)}/{label}{first}" if entry.session else label),
        ("Ledger", entry.commit),
    ]
    if entry.event is None:
        parents = [("Parent", parent) for parent in entry.parents]
        return [*fields, *parents, ("Date", _date(entry, look))]
    actor, event = entry.event.actor, entry.event
    fields += [("Kind", printable(event.kind)), ("Actor", printable(f"{actor.name} <{actor.email}>"))]
    fields += [("Agent", printable(actor.agent))] if actor.agent else []
    fields += [
        ("Date", _date(entry, look)),
        ("Replica", printable(event.replica)),
        ("Lamport", str(event.lamport)),
    ]
    fields += [("Code", printable(entry.text("code")))] if entry.text("code") else []
    return fields + [(printable(str(key)).capitalize(), _value(value)) for key, value in _rest(entry)]


def _rest(entry: Entry) -> list[tuple[str, object]]:
    body = entry.event.body if entry.event else {}
    return [
        (key, body[key])
        for key in sorted(body)
        if key not in _SAID_ABOVE and body[key] not in ("", None, [], {})
    ]


def _value(value: object) -> str:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return printable(
            ", ".join(f"{key} {item[:12] if _ID.fullmatch(item) else item}" for key, item in value.items())
        )
    text = json.dumps(value, ensure_ascii=False)
    return printable(text if len(text) <= _MOST else f"{text[:_MOST]}… ({len(text):,} characters: --json)")


def _date(entry: Entry, look: Look) -> str:
    date = printable(iso(entry))
    return date if look.now is None else f"{date}  ({printable(relative(entry, look.now))})"


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
        **picked_or_none(entry, "alias"),
        "commit": entry.commit,
        "parents": list(entry.parents),
        "kind": entry.kind,
        "subject": entry.subject,
        "at": iso(entry),
        "event": event.id if event else None,
        **{name: entry.text(name) or None for name in ("stage", "from", "to", "reason", "code")},
        "actor": picked(event.actor, "name email agent") if event else None,
        **{name: getattr(event, name, None) for name in ("replica", "lamport", "body")},
        "ticked": list(entry.ticked),
        "opened": list(entry.opened),
        **picked_or_none(entry, "not_applied damage"),
    }


def damage_diagnostics(entries: Iterable[Entry]) -> Iterator[dict[str, object]]:
    """Yields a diagnostic for each damaged entry."""
    for entry in entries:
        if entry.damage:
            message = f"damaged entry: {entry.damage}"
            yield remark("warning", message, "IDSE013", where=entry.commit, fix=["idse fsck"])


def template(text: str, now: float) -> Callable[[Entry, Look], list[str]]:
    """Makes a renderer for the template `text`; UsageError for a placeholder that does not exist."""
    text = text.removeprefix("tformat:").removeprefix("format:")
    for found in _PLACEHOLDER.finditer(text):
        _check_placeholder(found[1], text)

    def render(entry: Entry, look: Look) -> list[str]:
        return _PLACEHOLDER.sub(lambda found: _placeholder_value(found[1], entry, look, now), text).split(
            "\n"
        )

    return render


def _placeholder_value(name: str, entry: Entry, look: Look, now: float) -> str:
    if name in _LITERALS:
        return _LITERALS[name]
    if name.startswith("x") and len(name) == 3:
        return chr(int(name[1:], 16))
    if name in _DATES:
        return printable(relative(entry, now)) if name == "ar" else look.date(entry)
    return printable(_FIELDS[name][1](entry), lines=True)


def _check_placeholder(name: str | None, text: str) -> None:
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
