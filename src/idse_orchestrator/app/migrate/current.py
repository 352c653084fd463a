"""Which session a source works on: as CURRENT_SESSION says, and what folders called "current" lead to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.domain.migration.files import MIGRATED, STUB, UNKNOWN, Fate
from idse_orchestrator.domain.migration.paths import CURRENT, Place, place_of
from idse_orchestrator.domain.migration.words import Current, current_session
from idse_orchestrator.domain.project_workspace import CURRENT_SESSION
from idse_orchestrator.errors import MigrationSourceError

if TYPE_CHECKING:
    from idse_orchestrator.app.migrate.ports import MigrationSource
    from idse_orchestrator.app.migrate.survey import Survey

PSEUDO_SESSION = "current"
"""What the session below folders called "current" is called where nobody says which one it is."""

_LONGEST_POINTER = 4096


def point(found: Survey, path: str, target: str) -> bool:
    """Take the session that a relative path leads to for the current one; whether it leads to one."""
    here = posixpath.join(posixpath.dirname(found.trail + path), target)
    place = _session_at(posixpath.normpath(here)) or _known(found, posixpath.normpath(target))
    if place is not None:
        found.current.setdefault("", Current(place.session))
    return place is not None


def _known(found: Survey, full: str) -> Place | None:
    """The same for a path from the top of the source: only one that leads to a session which is there."""
    place = _session_at(full)
    return place if place is not None and found.key_of(place) in found.sessions else None


def _session_at(full: str) -> Place | None:
    places = map(place_of, (f"{full}/-/-", f"{full}/-", full))
    return next((each for each in places if isinstance(each, Place) and each.layout != CURRENT), None)


def read_pointers(source: MigrationSource, found: Survey, below_current: dict[str, Place]) -> None:
    """Take the files out of `below_current` that hold the path of a session, or of a document of one.

    A file that is itself called "current" and holds another text belongs to no layout.
    """
    small = {entry.path for entry in found.entries if entry.size <= _LONGEST_POINTER}
    asked = [path for path, place in below_current.items() if path in small or not place.rest]
    for path, data in source.load(asked):
        text = (data or b"")[: _LONGEST_POINTER + 1].decode("utf-8", "surrogateescape").strip()
        if text and len(text) <= _LONGEST_POINTER and "\n" not in text and point(found, path, text):
            found.fates.append(Fate(path, STUB, f"it names {text}"))
        elif below_current[path].rest:
            continue
        else:
            found.fates.append(Fate(path, UNKNOWN, "it does not name a session"))
        del below_current[path]


def read_current(source: MigrationSource, found: Survey) -> dict[str, tuple[str, str]]:
    """Read the CURRENT_SESSION files: of two about one project the first by path, the newer place, counts.

    What each of them names, (project, session) by path.
    """
    files = {path: file for path, file in found.project_files.items() if file.kind == CURRENT_SESSION}
    named: dict[str, tuple[str, str]] = {}
    chosen: dict[str, Current] = {}
    for path, data in source.load(files):
        said = current_session(data or b"")
        named[path] = (files[path].project, said.session)
        if said.session:
            chosen.setdefault(files[path].project, said)
        del found.project_files[path]
    found.current.update(chosen)
    return named


def tell_current(found: Survey, named: Mapping[str, tuple[str, str]]) -> None:
    """What becomes of the CURRENT_SESSION files: one that names a session which is there is recorded."""
    for path, (project, session) in named.items():
        counts = found.current[project].session if session else ""
        if not session:
            fate = Fate(path, UNKNOWN, "it names no session")
        elif not any(key[1] == session and project in ("", key[0]) for key in found.sessions):
            fate = Fate(path, UNKNOWN, f"it names {session}, which is not there")
        elif session != counts:
            fate = Fate(path, UNKNOWN, f"it names {session}, but a better place names {counts} as current")
        else:
            fate = Fate(path, MIGRATED, f"it names {session} as current")
        found.fates.append(fate)


def settle_current(found: Survey, waiting: Mapping[str, Place], default_project: str) -> None:
    """Give the files below "current" to the session they are a copy of, or to one called like that."""
    said = list(_said(found))
    known = [
        key
        for key in sorted(found.sessions)
        if any(key[1] == session and project in ("", key[0]) for project, session in said)
    ]
    project = found.projects[0] if len(found.projects) == 1 else default_project
    if not known and not project:
        raise MigrationSourceError(
            "the source does not say which project it belongs to",
            where=next(iter(waiting)),
            cause="this layout has no folder of that name",
            fix=("name the project: idse migrate PATH --project NAME",),
        )
    found.pseudo = known[0] if known else (project, said[0][1] if said else PSEUDO_SESSION)
    for path, place in waiting.items():
        found.sessions.setdefault(found.key_of(place), {})[path] = place


def _said(found: Survey) -> Iterator[tuple[str, str]]:
    """(project, session) of what is current; first what is said of all projects."""
    for project, current in sorted(found.current.items(), key=lambda item: item[0] != ""):
        if current.session:
            yield project, current.session
