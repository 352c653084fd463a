"""Surveys a source: its sessions, their files, and which session is the current one."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.base.text import encodable, few
from idse_orchestrator.documents.project_workspace import CURRENT_SESSION, SESSION_STATE, WORKSPACE
from idse_orchestrator.errors import MigrationSourceError
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.migrate import paths
from idse_orchestrator.migrate.files import STUB, UNKNOWN, Fate
from idse_orchestrator.migrate.governance import is_governance_state, may_hand_over
from idse_orchestrator.migrate.paths import (
    ACTIVE_SESSION,
    Place,
    ProjectFile,
    place_of,
    raw_path,
    session_at,
)
from idse_orchestrator.migrate.stored import PARTS, Stored, database_fates, is_database
from idse_orchestrator.migrate.values import FILE, LINK, UNREADABLE, MigrationSource, SourceEntry
from idse_orchestrator.migrate.words import Current, active_session, current_session

PSEUDO_SESSION = "current"
"""The name of the session below folders called "current" where nobody says which one it is."""

_LONGEST_POINTER = 4096


def point(found: Survey, path: str, target: str) -> bool:
    """Makes the session that a relative path leads to the current one; False if it leads to none."""
    here = posixpath.join(posixpath.dirname(found.trail + path), target)
    place = session_at(posixpath.normpath(here)) or _known(found, posixpath.normpath(target))
    if place is not None:
        found.current.setdefault("", Current(place.session, place.project))
    return place is not None


def _known(found: Survey, full: str) -> Place | None:
    """Does the same for a path from the top of the source: only one to a session which is there."""
    place = session_at(full)
    return place if place is not None and found.key_of(place) in found.sessions else None


def read_pointers(source: MigrationSource, found: Survey, below_current: dict[str, Place]) -> None:
    """Takes files out of `below_current` that hold the path of a session, or of a document.

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


def read_current(source: MigrationSource, found: Survey) -> dict[str, Current]:
    """Reads the files that name a current session, and returns what each of them names.

    Of two CURRENT_SESSION about one project the first by path, the newer place, counts; what a tool noted
    as active counts where none of those, and no pointer, says another thing.
    """
    files = {
        path: file
        for path, file in found.project_files.items()
        if file.kind in (CURRENT_SESSION, ACTIVE_SESSION)
    }
    projects = found.projects
    named: dict[str, Current] = {}
    chosen: dict[str, Current] = {}
    active: list[tuple[str, bytes]] = []
    for path, data in source.load(files):
        del found.project_files[path]
        if data is None:
            found.fates.append(Fate(path, UNKNOWN, "it cannot be read"))
        elif files[path].kind == ACTIVE_SESSION:
            active.append((path, data))
        else:
            said = current_session(data)
            named[path] = Current(said.session, files[path].project)
            if said.session:
                chosen.setdefault(files[path].project, said)
    found.current.update(chosen)
    for path, data in active:
        noted = _noted(found, data, files[path].project, projects)
        if isinstance(noted, str):
            found.fates.append(Fate(path, UNKNOWN, noted))
        else:
            named[path] = noted
            found.current.setdefault(noted.project, Current(noted.session))
            found.current.setdefault("", noted)
    return named


def _noted(found: Survey, data: bytes, project: str, projects: Collection[str]) -> Current | str:
    """Returns the session that a tool noted as active; or why that is of no use."""
    said = active_session(data)
    if isinstance(said, str):
        return said
    meant = [each._replace(project=each.project or project) for each in said]
    best = next((each for each in meant if found.known(each)), meant[0])
    if projects and best.project and best.project not in projects:
        return f"it names {best.session} of {best.project}, and there is no such project"
    return best


def record_current(found: Survey, named: Mapping[str, Current]) -> None:
    """Sets the fates of the files that name a current session, or records it if they count."""
    for path, said in named.items():
        session = said.session
        counts = found.current[said.project].session if session else ""
        if not session:
            fate = Fate(path, UNKNOWN, "it names no session")
        elif not found.known(said):
            fate = Fate(path, UNKNOWN, f"it names {session}, which is not there")
        elif session != counts:
            fate = Fate(path, UNKNOWN, f"it names {session}, but a better place names {counts} as current")
        else:
            found.recorded[path] = found.known(said)[0]
            continue
        found.fates.append(fate)


def settle_current(found: Survey, waiting: Mapping[str, Place], project: str) -> None:
    """Gives the files below "current" to the session they are a copy of, or to one called like that.

    `project` is that of what names none. Where nobody can say whose they are, they are left, and told.
    """
    owner = _owner_of_current(found, project)
    if owner is not None:
        found.pseudo = owner
        for path, place in waiting.items():
            found.sessions.setdefault(found.key_of(place), {})[path] = place
        return
    if waiting and not (found.sessions or found.here):
        raise MigrationSourceError(
            "the source does not say which project it belongs to",
            where=next(iter(waiting)),
            cause="this layout has no folder of that name",
            fix=("idse migrate PATH --project NAME",),
        )
    found.fates += [Fate(path, UNKNOWN, "nobody says which session it belongs to") for path in waiting]
    folders = dict.fromkeys(posixpath.dirname(path) or path for path in waiting)
    if folders:
        found.notes.append(
            f"{few([encodable(folder) for folder in folders])}: nobody says which session that is, and "
            "of which project; with one alone it is taken over: idse migrate PATH --only PROJECT"
        )


def _owner_of_current(found: Survey, project: str) -> SessionKey | None:
    """Returns the session that the folders called "current" are; None if nobody can say."""
    everywhere = [said for owner, said in found.current.items() if not owner and said.session]
    of_each = [
        said._replace(project=owner) for owner, said in found.current.items() if owner and said.session
    ]
    for group in (everywhere, of_each):
        known = list(dict.fromkeys(key for said in group for key in found.known(said)))
        known = [key for key in known if key[0] == project] or known
        if known:
            return known[0] if len(known) == 1 else None
    said = next(iter(everywhere or of_each), Current(""))
    if len(everywhere or of_each) > 1 or not (said.project or project):
        return None
    key = (said.project or project, said.session or PSEUDO_SESSION)
    if not said.session:
        found.doubts[key] = ["nobody says which session the folders called current are: it is called so"]
    return key


def read_databases(source: MigrationSource, found: Survey, others: list[SourceEntry]) -> list[SourceEntry]:
    """Reads the databases among `others`; returns the rest of those."""
    kinds = {entry.path: entry.kind for entry in found.entries}
    left = {entry.path: entry for entry in others}
    for path in [path for path in left if is_database(path)]:
        beside = [path + end for end in PARTS if path + end in kinds]
        odd = next((part for part in beside if kinds[part] != FILE), "")
        parts = tuple(part for part in beside if part in left)
        each = Stored(path, parts, f"{odd} is no file") if odd else source.stored(path, parts)
        for own in (path, *parts):
            del left[own]
        found.stored.append(each)
        found.fates += database_fates(each)
    return list(left.values())


def take_texts(found: Survey, default_project: str) -> None:
    """Gives the texts in databases to their sessions; what is about a project goes to its blueprint."""
    named = {*found.projects, *(key[0] for each in found.stored for key in each.sessions if key[0])}
    only = named.pop() if len(named) == 1 else default_project
    for each in found.stored:
        each.name_project(only)
        for key, texts in each.sessions.items():
            if key[0]:
                found.sessions.setdefault(key, {}).update(texts)
            else:
                why = "the database names no project for it: idse migrate PATH --project NAME"
                found.fates += [Fate(path, UNKNOWN, why) for path in texts]
        for project, texts in each.records.items():
            key = (project, BLUEPRINT)
            if key in found.sessions or (project and project in each.implied):
                found.sessions.setdefault(key, {}).update(texts)
            else:
                found.fates += [
                    Fate(path, UNKNOWN, "there is no blueprint to keep it with") for path in texts
                ]
        found.project_files |= {path: ProjectFile(SESSION_STATE, said) for path, said in each.states.items()}


_MOST_TRAIL = 6


@dataclass(slots=True)
class Survey:
    """The sessions and files of a source. Keys are (project, session) as it has them; `fates` are decided.

    `current` names the session of each project that the source works on; under "" for all of them.
    `closed` names for a session what cannot be read of it. `bare` are the sessions that stand in the folder
    of their project itself. `governance` are files beside all sessions that may tell of handoffs. `recorded`
    are those that name a current session, and count, with that session. `notes` and `doubts` are sentences
    about the source, and about a session.
    """

    entries: tuple[SourceEntry, ...]
    sessions: dict[SessionKey, dict[str, Place]] = field(default_factory=dict)
    project_files: dict[str, ProjectFile] = field(default_factory=dict)
    governance: list[str] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    current: dict[str, Current] = field(default_factory=dict)
    trail: str = ""
    here: Collection[SessionKey] = ()
    bare: set[SessionKey] = field(default_factory=set)
    closed: dict[SessionKey, str] = field(default_factory=dict)
    pseudo: SessionKey = ("", PSEUDO_SESSION)
    recorded: dict[str, SessionKey] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    doubts: dict[SessionKey, list[str]] = field(default_factory=dict)
    stored: list[Stored] = field(default_factory=list)

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects that the source names, in order."""
        named = {project for project, _ in self.sessions} | {
            found.project for found in self.project_files.values() if found.project
        }
        return tuple(sorted(named))

    def known(self, said: Current) -> list[SessionKey]:
        """Returns the sessions that `said` can mean: several where it does not say the project."""
        keys = ((said.project, said.session),) if said.project else sorted({*self.sessions, *self.here})
        known = [key for key in keys if key in self.sessions or key in self.here]
        return [key for key in known if key[1] == said.session]

    def owner(self, path: str) -> SessionKey | None:
        """Returns the session that a file at `path` belongs to, or belonged to when it was there."""
        place = self.place(path)
        return self.key_of(place) if place is not None else None

    def place(self, path: str) -> Place | None:
        """Returns the place in a session that `path` stands for."""
        place = place_of(self.trail + path)
        if place is None:
            beside = paths.beside_stages(self.trail + path)
            place = beside if beside is not None and self.key_of(beside) in self.bare else None
        if place is None:
            beside = paths.beside_layouts(self.trail + path)
            place = beside if beside is not None and self.key_of(beside) in self.sessions else None
        return place if isinstance(place, Place) else None

    def key_of(self, place: Place) -> SessionKey:
        """Returns the session of `place`; the folders called "current" belong to the one that is."""
        if place.layout != paths.CURRENT:
            return place.project, place.session
        return self.pseudo


def survey(
    source: MigrationSource,
    entries: Iterable[SourceEntry],
    default_project: str,
    only: Collection[str] = (),
    here: Mapping[SessionKey, bool] | None = None,
) -> Survey:
    """Sorts `entries` of `source`. `default_project` gets what names none ("" : nobody does).

    What names none belongs to the one project that is there, or that alone is asked for: `only`.
    Of the sessions `here` (to whether it is its project's current one) the source has the folders that idse
    gave them, which are not among the entries. MigrationSourceError where no layout is recognised, or where a
    project has to be named.
    """
    entries = tuple(sorted(entries, key=lambda entry: raw_path(entry.path)))
    here = here or {}
    found = Survey(entries, trail=_trail(source.trail, entries), here=here)
    below_current: dict[str, Place] = {}
    others: list[SourceEntry] = []
    for entry in entries:
        _sort(found, entry, below_current, others)
    for entry in read_databases(source, found, others):
        _sort_other(found, entry)
    take_texts(found, default_project)
    read_pointers(source, found, below_current)
    named = read_current(source, found)
    _add_current(found, here)
    closed = [entry for entry in entries if entry.kind == UNREADABLE]
    if below_current or any(_is_current(found, entry) for entry in closed):
        asked = tuple(project for project in found.projects if not only or project in only)
        projects = asked or (default_project,)
        settle_current(found, below_current, projects[0] if len(projects) == 1 else "")
    record_current(found, named)
    if not found.sessions and not here:
        raise _nothing(source, found)
    for entry in closed:
        found.closed |= dict.fromkeys(_sessions_with(found, entry.path), entry.path)
    return found


def _add_current(found: Survey, here: Mapping[SessionKey, bool]) -> None:
    """Adds what no file says of current sessions: what is current `here`, and what databases say."""
    said = [key for key, is_current in here.items() if is_current]
    if "" not in found.current:  # what a file says of all projects counts
        said += [key for each in found.stored for key in each.current.items()]
    for project, session in said:
        found.current.setdefault(project, Current(session))


def _is_current(found: Survey, entry: SourceEntry) -> bool:
    place = found.place(f"{entry.path}/-")
    return place is not None and place.layout == paths.CURRENT


def _sessions_with(found: Survey, folder: str) -> Iterable[SessionKey]:
    """Returns the sessions that have files in `folder`, or may have.

    A folder of a stage may hold those of all, as may that of all projects; one of a project those of its own.
    """
    place = found.place(f"{folder}/-")
    if place is not None:
        return [found.key_of(place)]
    parts = (found.trail + folder).split("/")
    if parts[0] in paths.STAGE_FOLDERS or parts == [WORKSPACE]:
        return found.sessions
    parts = parts[1:] if parts[0] == WORKSPACE else parts
    if parts[0] != "projects" or len(parts) > 3 or parts[2:] not in ([], ["sessions"]):
        return ()
    return [key for key in found.sessions if parts[1:2] in ([], [key[0]])]


def _trail(names: Sequence[str], entries: Sequence[SourceEntry]) -> str:
    """Returns the folders above that belong to each path; "" if paths speak for themselves."""
    for count in range(min(len(names), _MOST_TRAIL) + 1):
        above = "".join(f"{name}/" for name in names[len(names) - count :]) if count else ""
        if any(isinstance(place_of(above + entry.path), Place) for entry in entries):
            return above
    return ""


def _sort(
    found: Survey, entry: SourceEntry, below_current: dict[str, Place], others: list[SourceEntry]
) -> None:
    place = place_of(found.trail + entry.path)
    if entry.kind != FILE:
        found.fates.append(_not_a_file(found, entry, place))
    elif isinstance(place, ProjectFile):
        found.project_files[entry.path] = place
    elif place is None:
        others.append(entry)
    elif place.layout == paths.CURRENT:
        below_current[entry.path] = place
    else:
        key = found.key_of(place)
        found.sessions.setdefault(key, {})[entry.path] = place
        if place.layout in (paths.BARE, paths.COLON):
            found.bare.add(key)


def _sort_other(found: Survey, entry: SourceEntry) -> None:
    """Sorts what no path says by itself: it stands beside stages, or says who handed over."""
    place = found.place(entry.path)
    if place is not None:
        found.sessions[found.key_of(place)][entry.path] = place
    elif may_hand_over(entry.path) or is_governance_state(entry.path):
        found.governance.append(entry.path)
    elif beside := paths.beside_layouts(found.trail + entry.path):
        why = f"no stage has a session {beside.session} of {beside.project}"
        found.fates.append(Fate(entry.path, UNKNOWN, why))
    else:
        found.fates.append(Fate(entry.path, UNKNOWN, "it belongs to no layout"))


def _not_a_file(found: Survey, entry: SourceEntry, place: Place | ProjectFile | None) -> Fate:
    if entry.kind != LINK:
        return Fate(entry.path, UNKNOWN, entry.detail)
    if isinstance(place, Place) and place.layout == paths.CURRENT:
        point(found, entry.path, entry.detail)
        return Fate(entry.path, STUB, f"a link to {entry.detail}")
    if isinstance(place, ProjectFile) and place.kind == CURRENT_SESSION:
        found.current.setdefault(place.project, current_session(entry.detail.encode("utf-8", "replace")))
    return Fate(entry.path, UNKNOWN, f"a symbolic link to {entry.detail}: links are not followed")


def beside(name: str) -> Place:
    """Returns the place of a file that is read as something else and kept in a session all the same."""
    return Place(paths.FLAT, "", "", ("migrated", *name.split("/")))


def _nothing(source: MigrationSource, found: Survey) -> MigrationSourceError:
    entries = found.entries
    if found.stored:
        return MigrationSourceError(
            "there is no session here that idse could take over",
            where=source.description,
            cause="\n".join(
                f"{fate.path}: {fate.reason}" for each in found.stored for fate in database_fates(each)[:1]
            ),
            fix=("name a folder that has sessions, too, or mend the database",),
        )
    deeper = next((below for entry in entries if (below := _starts_below(entry.path))), "")
    return MigrationSourceError(
        "there is no session here that idse could take over",
        where=source.description,
        cause=f"none of its {len(entries):,} files stands where an older layout has one"
        if entries
        else "it has no files at all",
        fix=(f"idse migrate {posixpath.join('PATH', deeper)}  # that looks like one",)
        if deeper
        else ("name the folder that holds projects/, .idse/ or specs/",),
    )


def _starts_below(path: str) -> str:
    """Returns the folder in which the rest of `path` would be a session's file; "" if there is none."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        if isinstance(place_of("/".join(parts[count:])), Place):
            return "/".join(parts[:count])
    return ""
