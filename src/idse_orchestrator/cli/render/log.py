"""Entries of ledgers for people: one line each, with or without the reason beneath, or in full.

::

    3f2a1c9  spec: in_progress → complete         2 hours ago     Ada (claude)
             Reviewed with the team.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace

from idse_orchestrator.cli.render.columns import WIDEST, columns, filled, fitted
from idse_orchestrator.cli.render.dates import iso, relative
from idse_orchestrator.cli.render.style import PLAIN, Style, printable
from idse_orchestrator.ledger.entries import MERGE, Drawn, Entry
from idse_orchestrator.pipeline.stage_state_model import COMPLETE

_GAP = "  "
_NARROW = 60
_WHO = 16
_LEAST_WHO = 6


@dataclass(frozen=True, slots=True)
class Look:
    """How entries are laid out.

    `width` is None where nobody looks (nothing is cut or wrapped there); `now` is the Unix time for
    relative dates, None for ISO; with `sessions` every entry says of which session it is.
    """

    style: Style = PLAIN
    width: int | None = None
    now: float | None = None
    sessions: bool = False

    def beside(self, drawing: str) -> Look:
        """The look for what stands to the right of `drawing`."""
        return replace(self, width=self.width - columns(drawing)) if self.width and drawing else self

    def date(self, entry: Entry) -> str:
        """The entry's date as this look has it."""
        return printable(iso(entry) if self.now is None else relative(entry, self.now))


def oneline(entry: Entry, look: Look) -> list[str]:
    """Id and subject."""
    mark = look.style.yellow(" (not applied)") if entry.not_applied else ""
    return [f"{look.style.yellow(entry.short)} {_session(entry, look)}{subject(entry, look.style)}{mark}"]


def short(entry: Entry, look: Look) -> list[str]:
    """Id, subject, date and who, on one line where there is room."""
    head, tail = entry.short + _GAP, _tail(entry, look)
    inset = " " * columns(head)
    name = _session(entry, look)
    room = (look.width or WIDEST) - columns(head) - columns(name)
    if room < _NARROW - columns(head):
        text = fitted(printable(entry.subject), room)
        return [f"{_id(entry, look)}{name}{subject(entry, look.style, text)}", inset + look.style.dim(tail)]
    text = printable(entry.subject)
    text = (
        text
        if look.width is None
        else fitted(text, room - columns(look.date(entry)) - 2 * len(_GAP) - _LEAST_WHO)
    )
    start = filled(subject(entry, look.style, text), room - _date_width(look) - _WHO - 2 * len(_GAP))
    tail = tail if look.width is None else fitted(tail, room - columns(start) - len(_GAP))
    return [f"{_id(entry, look)}{name}{start}{_GAP}{look.style.dim(tail)}".rstrip()]


def medium(entry: Entry, look: Look) -> list[str]:
    """The same with the reason beneath, and what to do about damage."""
    inset = " " * (len(entry.short) + len(_GAP))
    return short(entry, look) + [inset + line if line else "" for line in beneath(entry, look, len(inset))]


def beneath(entry: Entry, look: Look, inset: int) -> Iterator[str]:
    """Lines under an entry: why it does not count, how to look at damage, its reason."""
    if entry.not_applied:
        yield look.style.yellow(f"not applied: {printable(entry.not_applied)}")
    if entry.damage:
        yield look.style.red("idse fsck") + " names every defect"
    for line in printable(entry.text("reason"), lines=True).splitlines():
        yield from _wrapped(line, look, inset)


def drawn(item: Drawn, lines: list[str]) -> Iterator[str]:
    """`lines` of an entry beside what git drew for it; drawing that goes on below is kept."""
    prefixes = (item.prefix, *(item.below or ("",)))
    for number, line in enumerate(lines):
        prefix = prefixes[min(number, len(prefixes) - 1)]
        yield f"{prefix}{line}" if line else prefix.rstrip()
    for rest in prefixes[max(len(lines), 1) :]:
        if set(rest) & set("\\/_"):
            yield rest.rstrip()


def subject(entry: Entry, style: Style, text: str | None = None) -> str:
    """The entry's subject (or `text`, a part of it) in colours: the stage, and where it went."""
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


def who(entry: Entry) -> str:
    """The person, and the agent that acted for them."""
    if entry.event is None:
        return ""
    actor = entry.event.actor
    return printable(f"{actor.name} ({actor.agent})" if actor.agent else actor.name)


def session_label(entry: Entry) -> str:
    """The session, ``project`` for an entry of the project's own ledger."""
    return printable(entry.session) if entry.session else f"project {printable(entry.project)}"


def _outcome(entry: Entry, to: str, style: Style) -> str:
    if to == COMPLETE:
        return style.green(to)
    return style.yellow(to) if entry.text("action") == "reopen" else to


def _id(entry: Entry, look: Look) -> str:
    return look.style.yellow(entry.short) + _GAP


def _session(entry: Entry, look: Look) -> str:
    return look.style.cyan(f"[{session_label(entry)}]") + " " if look.sessions else ""


def _tail(entry: Entry, look: Look) -> str:
    return f"{look.date(entry).ljust(_date_width(look))}{_GAP}{who(entry)}".rstrip()


def _date_width(look: Look) -> int:
    return 20 if look.now is None else 14


def _wrapped(line: str, look: Look, inset: int) -> list[str]:
    if look.width is None or columns(line) + inset <= look.width:
        return [line]
    return textwrap.wrap(line, max(look.width - inset, 20), break_on_hyphens=False) or [""]
