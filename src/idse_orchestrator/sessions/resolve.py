"""Which project and session a command is about.

In this order: ``--project`` · ``IDSE_PROJECT`` · the folder we stand in · the only project · the
project of this work tree's current session · the setting ``project``. What stays ambiguous is an error
that lists the choices.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import check_name
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.errors import AmbiguousError, CorruptLedgerError, NoProjectError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader, Names
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.sessions.ports import SessionFolders


_FETCHES = "fetches them where the Agency or origin has them"


def _unread(_project: str) -> Mapping[SessionKey, SessionState]:
    return {}


class Asking(NamedTuple):
    """Who asks: `prefix` is the folder we stand in ("" or "a/b/"), `named` the value of IDSE_PROJECT.

    `default` is asked for the project of the configuration, when nothing else says which one is meant, and
    `of_branch` for the session that the branch belongs to, where none is current: as in a new work tree.
    """

    ledgers: Names
    workspace: SessionFolders
    prefix: str = ""
    named: str = ""
    default: Callable[[], str] = str
    states: Callable[[str], Mapping[SessionKey, SessionState]] = _unread
    """The sessions of a project that can be read: asked where names alone do not say which one is meant."""
    of_branch: Callable[[], SessionKey | None] = lambda: None


def resolve_project(asking: Asking, option: str | None) -> str:
    """Returns the project, or an error.

    NoProjectError, AmbiguousError, UnknownNameError, InvalidNameError.
    """
    named = option if option is not None else asking.named or folder_of(asking.prefix)[0]
    current = asking.workspace.current()
    if named or option is not None:
        check_name("project", named)
        if current is None or current[0] != named:
            _refuse_unknown(named, asking.ledgers.projects())
        return named
    if current is not None:
        return current[0]
    known = asking.ledgers.projects()
    if len(known) == 1:
        return known[0]
    carried = sorted({project for project, _ in asking.workspace.session_folders()}) if not known else []
    if carried:
        raise without_ledgers(
            carried,
            [f"idse init {name}  # fetches them where the Agency or origin has them" for name in carried[:3]],
        )
    if not known:
        raise NoProjectError("there is no IDSE project in this repository", fix=("idse init NAME",))
    default = asking.default()
    if default in known:
        return default
    raise AmbiguousError(
        f"there are {len(known)} projects, and nothing says which one you mean",
        cause="projects: " + ", ".join(known),
        fix=tuple(f"add --project {name}" for name in known[:3]),
    )


def without_ledgers(carried: Sequence[str], fix: Sequence[str], cause: str = "") -> NoProjectError:
    """Returns the error for documents of projects or sessions (`carried`) whose ledgers are not here.

    They are somewhere else, for all we know: a new beginning would count nothing of it as finished.
    """
    return NoProjectError(
        f"this branch carries {', '.join(carried)}, and this clone has no ledger of it",
        cause=cause or "ledgers are refs under refs/idse/, which a plain clone does not bring",
        fix=tuple(fix),
    )


def resolve_session(asking: Asking, option: str | None, name: str | None) -> SessionKey:
    """Returns the session called `name` ("session" or "project/session"), or the one we work on."""
    if name is not None and "/" in name:
        project, _, session = name.partition("/")
        return _existing(asking, check_name("project", project), session)
    if name is not None:
        return _existing(asking, resolve_project(asking, option), name)
    in_folder = folder_of(asking.prefix)
    if in_folder[1] and (option or asking.named or in_folder[0]) == in_folder[0]:
        return _existing(asking, in_folder[0], in_folder[1])
    return _current(asking, resolve_project(asking, option))


def _current(asking: Asking, project: str) -> SessionKey:
    current = asking.workspace.current()
    if current is not None and current[0] == project:
        return current
    current = asking.workspace.current(project)
    if current is not None:
        return current
    sessions = asking.ledgers.sessions(project)
    if len(sessions) == 1:
        return sessions[0]
    deleted = {key for key, state in asking.states(project).items() if state.is_deleted}
    sessions = [key for key in sessions if key not in deleted]
    if len(sessions) == 1:
        return sessions[0]
    own = asking.of_branch()
    if own is not None and own in sessions:
        return own
    raise AmbiguousError(
        f"no session of {project!r} is current in this work tree",
        cause=f"{len(sessions)} sessions exist" if sessions else "it has no session",
        fix=tuple(f"idse switch {name}" for _, name in sessions[:3]) or ("idse spawn NAME",),
    )


def _existing(asking: Asking, project: str, session: str) -> SessionKey:
    check_name("session", session)
    known = asking.ledgers.sessions(project)
    if (project, session) in known:
        return project, session
    states = asking.states(project)
    named = _with_alias(states, project, session)
    if named:
        return named
    others = [
        name
        for key in known
        if key not in states or not states[key].is_deleted
        for name in {key[1]: "", states[key].called if key in states else key[1]: ""}
    ]
    raise UnknownNameError(
        f"there is no session {session!r} in project {project!r}",
        fix=(*did_you_mean(session, others), "idse session list"),
    )


def first_name(asking: Asking, project: str, name: str) -> str:
    """Returns the first name of the session that has `name` as its alias, where none has that very name.

    Any other name is returned as it is.
    """
    if (project, name) in asking.ledgers.sessions(project):
        return name
    named = _with_alias(asking.states(project), project, name)
    return named[1] if named else name


def _with_alias(states: Mapping[SessionKey, SessionState], project: str, alias: str) -> SessionKey | None:
    """Returns the session with this alias, or None. Raises AmbiguousError where two clones gave it to two.

    One that was deleted is meant only where no other is.
    """
    having = [key for key, state in states.items() if state.alias == alias]
    found = [key for key in having if not states[key].is_deleted] or having
    if len(found) > 1:
        raise AmbiguousError(
            f"{len(found)} sessions of project {project!r} are called {alias!r}",
            cause="each was renamed in another clone: " + ", ".join(name for _, name in found),
            fix=tuple(f"idse session rename {name} NEW-NAME" for _, name in found),
        )
    return found[0] if found else None


def sound_states(ledgers: LedgerReader, project: str) -> Mapping[SessionKey, SessionState]:
    """Returns the states of the sessions of `project` that can be read: one bad ledger hides no other."""
    keys = ledgers.sessions(project)
    try:
        return ledgers.states(keys)
    except CorruptLedgerError:
        found: dict[SessionKey, SessionState] = {}
    for key in keys:
        with suppress(CorruptLedgerError):
            found.update(ledgers.states([key]))
    return found


def _refuse_unknown(project: str, known: object) -> None:
    names = list(known) if isinstance(known, list | tuple) else []
    if project not in names:
        raise UnknownNameError(
            f"there is no project {project!r} here",
            cause="projects: " + ", ".join(names) if names else "there is none at all",
            fix=did_you_mean(project, names) or (f"idse init {project}",),
        )


def folder_of(prefix: str) -> tuple[str, str]:
    """Returns (project, session) of the workspace folder `prefix` stands in, "" for what it does not say."""
    parts = prefix.rstrip("/").split("/")
    if parts[:2] != [".idse", "projects"] or len(parts) < 3:
        return "", ""
    return parts[2], parts[4] if len(parts) > 4 and parts[3] == "sessions" else ""
