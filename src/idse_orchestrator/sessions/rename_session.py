"""Rename a session, delete it, and bring it back: what people call it, and whether they see it.

Its ref and its folder keep the first name. A deletion hides; nothing is taken away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLUEPRINT, check_name
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import encodable, label
from idse_orchestrator.errors import InvalidNameError, NameTakenError, UsageError
from idse_orchestrator.ledger.events import ARCHIVED, DESCRIBED, Draft, SessionKey
from idse_orchestrator.sessions.resolve import sound_states
from idse_orchestrator.sessions.status import no_ledger, refuse_deleted

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.pipeline.values import SessionTip
    from idse_orchestrator.pipeline.writer import LedgerWriter


class Renamed(NamedTuple):
    """What a session was called before, what it is called now, and whether an event says so."""

    before: str
    now: str
    changed: bool


def rename_session(
    ledgers: LedgerReader, writer: LedgerWriter, key: SessionKey, name: str, title: str | None = None
) -> Renamed:
    """Gives the session the alias `name`, and a title; its first name takes the alias away again.

    An alias that it had before is free then. NameTakenError, InvalidNameError where another session of the
    project is called so.
    """
    check_name("session", name)
    told: Mapping[str, str] = {} if title is None else {"title": label("the title", title)}
    alias = "" if name == key[1] else name
    outcome = Renamed(key[1], name, changed=False)

    def plan(tip: SessionTip | None) -> Draft | None:
        nonlocal outcome
        if tip is None:
            raise no_ledger(key)
        refuse_deleted(tip.state)
        if alias:
            _refuse_taken(ledgers, key[0], name, but=key)
        known = {"alias": tip.state.alias, "title": tip.state.title}
        body = {what: value for what, value in {"alias": alias, **told}.items() if known[what] != value}
        outcome = Renamed(tip.state.called, name, bool(body))
        return Draft(DESCRIBED, body) if body else None

    writer.append(*key, plan)
    return outcome


def refuse_taken(ledgers: LedgerReader, project: str, name: str) -> None:
    """Raises where a new session cannot be called `name`: another one has it as alias, or was deleted.

    NameTakenError, and InvalidNameError for an alias that differs in case only.
    """
    states = sound_states(ledgers, project)
    state = states.get((project, name))
    if state is not None and state.is_deleted:
        raise NameTakenError(
            f"session {name!r} was deleted, and its name stays its own",
            cause="its ledger is still here, and a name stands for one ledger",
            fix=(f"idse session delete {name} --undo  # brings it back", "choose another name"),
        )
    _refuse_alike(project, name, _aliases(states.items()))


def _refuse_taken(ledgers: LedgerReader, project: str, name: str, *, but: SessionKey) -> None:
    """Raises where `name` is the name or the alias of a session other than `but`, or nearly so."""
    if name.casefold() == BLUEPRINT:
        raise InvalidNameError(
            f"the blueprint session, and no other, is called {BLUEPRINT}", fix=("choose another name",)
        )
    states = sound_states(ledgers, project)
    names = ((key[1], key[1]) for key in ledgers.sessions(project) if key != but)
    aliases = _aliases((key, state) for key, state in states.items() if key != but)
    _refuse_alike(project, name, [*names, *aliases])


def _aliases(states: Iterable[tuple[SessionKey, SessionState]]) -> Iterator[tuple[str, str]]:
    """Yields each alias, and the first name of the session that has it."""
    return ((state.alias, key[1]) for key, state in states if state.alias)


def _refuse_alike(project: str, name: str, taken: Iterable[tuple[str, str]]) -> None:
    for other, session in taken:
        is_alias = other != session
        take_away = [f"idse session rename {session} {session}  # takes its alias away"] if is_alias else []
        what = f"session {project}/{session}" + (f", which is called {other!r}" if is_alias else "")
        if other == name:
            raise NameTakenError(
                f"the name {name!r} is taken by {what}",
                cause="a name or an alias means one session",
                fix=("choose another name", *take_away),
            )
        if other.casefold() == name.casefold():
            raise InvalidNameError(
                f"session {name!r} differs from {other!r} only in case",
                cause=f"that is {what}, and nobody would tell the two apart",
                fix=("choose a name that differs in more than case",),
            )


def delete_session(writer: LedgerWriter, key: SessionKey, reason: str, *, undo: bool = False) -> bool:
    """Hides a session everywhere, or brings it back with `undo`; False where it was so already.

    The event says how many events it has seen: whatever else happens to the session brings it back.
    """
    why = encodable(reason).strip()
    if not why and not undo:
        raise UsageError(
            "to delete a session needs a reason",
            cause="whoever misses it will want to know why",
            fix=(f'idse session delete {key[1]} -m "why"',),
        )
    if key[1] == BLUEPRINT and not undo:
        raise UsageError(
            "the blueprint session is not deleted",
            cause="it is what the other sessions of its project build on",
            fix=(f"idse session archive {BLUEPRINT}",),
        )
    told = {"reason": why} if why else {}
    appended = False

    def plan(tip: SessionTip | None) -> Draft | None:
        nonlocal appended
        if tip is None:
            raise no_ledger(key)
        appended = tip.state.is_deleted == undo
        seen = {} if undo else {"seen": tip.state.worked_on}
        return Draft(ARCHIVED, {"deleted": not undo, **seen, **told}) if appended else None

    writer.append(*key, plan)
    return appended


def next_session(ledgers: LedgerReader, project: str) -> SessionKey | None:
    """Returns the session to work on where the current one is gone: the blueprint, or else the first."""
    alive = [key for key, state in sound_states(ledgers, project).items() if not state.is_deleted]
    return min(alive, key=lambda key: (key[1] != BLUEPRINT, key[1]), default=None)
