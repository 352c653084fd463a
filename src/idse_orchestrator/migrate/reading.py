"""Reads the files beside a session's documents, of which several may say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted, few
from idse_orchestrator.documents.project_workspace import SESSION_STATE, STAGES
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.migrate import governance
from idse_orchestrator.migrate.files import DUPLICATE, MIGRATED, UNKNOWN, Content, Fate, content_of
from idse_orchestrator.migrate.governance import Story
from idse_orchestrator.migrate.paths import (
    AGENT_REGISTRY,
    CURRENT,
    DATABASE,
    RANK,
    STAGED,
    Place,
    raw_path,
    session_at,
)
from idse_orchestrator.migrate.survey import Survey, beside
from idse_orchestrator.migrate.values import MigrationSource, Progress, RegistryPlan
from idse_orchestrator.migrate.words import (
    Current,
    SessionRecord,
    created_in,
    owner_in,
    people_in,
    session_record,
)
from idse_orchestrator.pipeline.ports import BLUEPRINT_TYPE, EXPLORATORY, FEATURE
from idse_orchestrator.pipeline.stage_state_model import COMPLETE

_DONE = ("complete", "completed")
_OWNER, _PEOPLE = ".owner", ".collaborators"
_RECORDS = ("session.json", "session_state.json")
_SAID_ONCE = ("title", "type", "owner", "status", "parent", "tags", "created", "updated")


def is_record(place: Place) -> bool:
    """Tests whether a file of a session says something about it, rather than being a document."""
    name = place.rest[-1] if place.rest else ""
    if name in (_OWNER, _PEOPLE):
        return len(place.rest) <= 2
    return place.rest in (("metadata", "session.json"), ("session_state.json",))


def gathered(name: str, places: Mapping[str, Place], contents: Mapping[str, bytes]) -> SessionRecord:
    """Reads the records of the session `name` among its files `contents`, as one.

    Of two that disagree the better layout wins, then the one in ``metadata/``, then the first by path.
    """
    doubts: list[str] = []
    ordered = sorted(contents, key=lambda path: _order(path, places[path]))
    named = {kind: [path for path in ordered if places[path].rest[-1] == kind] for kind in (_OWNER, _PEOPLE)}
    said = {
        path: _read(path, contents[path], doubts) for path in ordered if places[path].rest[-1] in _RECORDS
    }
    records = list(said.values())
    in_files = [record for path, record in said.items() if places[path].layout != DATABASE]
    owner = _owner(named[_OWNER], contents, doubts)
    made = [moment for path in named[_OWNER] if (moment := created_in(contents[path]))]
    people = [each for record in records for each in record.collaborators]
    people += [person for path in named[_PEOPLE] for person in people_in(contents[path])]
    first = SessionRecord(**{key: _first(records, key) for key in _SAID_ONCE})
    created = first.created or (made[0] if made else None)
    if any(moment is not None and moment.guessed for moment in (created, first.updated)):
        doubts.append("its times have no offset, so they were read as UTC")
    recorded = str(_first(in_files, "owner"))
    if owner and recorded and owner != recorded:
        doubts.append(f"its owner is {recorded!r} in its record and {owner!r} in .owner")
    kind = _type(name, first.type, doubts)
    first = replace(first, owner=recorded or owner or first.owner, stages=_recorded(records))
    for path in (path for path in said if places[path].layout == DATABASE):
        doubts += _denials(said[path], first)
    return replace(
        first,
        type=kind,
        collaborators=tuple(dict.fromkeys(people)),
        created=created,
        doubts=tuple(doubts),
    )


def _order(path: str, place: Place) -> tuple[int, bool, bytes]:
    return RANK[place.layout], place.rest[0] != "metadata", raw_path(path)


def _read(path: str, data: bytes, doubts: list[str]) -> SessionRecord:
    record = session_record(data)
    doubts += [f"{path}: {doubt}" for doubt in record.doubts]
    return record


def _owner(paths: Iterable[str], contents: Mapping[str, bytes], doubts: list[str]) -> str:
    """Returns the first owner that is named; others are doubted."""
    named: dict[str, list[str]] = {}
    for path in paths:
        if owner := owner_in(contents[path]):
            named.setdefault(owner, []).append(path)
    first = next(iter(named), "")
    doubts += [
        f"{few(where)} {'names' if len(where) == 1 else 'name'} {owner!r} as the owner, not {first!r}"
        for owner, where in named.items()
        if owner != first
    ]
    return first


def _first(records: Iterable[SessionRecord], key: str) -> Any:  # noqa: ANN401 - each has its own type
    """Returns what the first record says that says anything."""
    said = (getattr(record, key) for record in records)
    return next(filter(None, said), getattr(SessionRecord(), key))


def _denials(stored: SessionRecord, counts: SessionRecord) -> Iterator[str]:
    """Yields what a database says that the files, which count, say otherwise."""
    for key in ("title", "type", "owner", "status", "parent"):
        theirs, ours = getattr(stored, key), getattr(counts, key)
        if theirs and theirs != ours:
            yield f"its {key} is {ours!r} in the files, and {theirs!r} in the database"
    for stage, word in stored.stages.items():
        if counts.stages.get(stage, word) != word:
            yield f"{stage} is {counts.stages[stage]} in the files, and {word} in the database"


def _type(name: str, said: str, doubts: list[str]) -> str:
    if name == BLUEPRINT:
        return BLUEPRINT_TYPE
    word = said.lower()
    if word == BLUEPRINT_TYPE:
        doubts.append(f"it was a blueprint; here only {BLUEPRINT} is one, so it is a feature session")
    return EXPLORATORY if word == EXPLORATORY else FEATURE


def _recorded(records: list[SessionRecord]) -> Mapping[str, str]:
    """Returns stage to our word for it; of a session that is complete every stage is."""
    for record in records:
        if record.stages:
            return record.stages
    if any(record.status in _DONE for record in records):
        return dict.fromkeys(STAGES, COMPLETE)
    return {}


_UNREADABLE = "it cannot be read"


class _Told(NamedTuple):
    """A story, the file that tells it, and the session that has the file (None: it stands beside all)."""

    path: str
    story: Story
    content: Content
    owner: SessionKey | None


def _beside(path: str) -> Place:
    return beside(f"governance/{path.rpartition('/')[2]}")


def story_order(each: Story) -> tuple[str, bytes]:
    """Orders stories by their dates, then by their files."""
    return (each.at.at if each.at else "", raw_path(each.path))


@dataclass(slots=True)
class SessionFiles:
    """The files of one session, by path in the source, and what they say of it.

    `records` are the bytes of those that tell about the session; `state` comes from a file beside all
    sessions; `closed` is one that cannot be read.
    """

    closed: str
    places: dict[str, Place] = field(default_factory=dict)
    contents: dict[str, Content] = field(default_factory=dict)
    records: dict[str, bytes] = field(default_factory=dict)
    state: SessionRecord | None = None
    stories: list[Story] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def doubt(self, path: str, doubts: Iterable[str]) -> None:
        """Adds doubts about one of its files."""
        self.doubts.extend(f"{path}: {doubt}" for doubt in doubts)


@dataclass
class Reading:
    """All that the files say. `sessions` have the names of the source.

    `modified` tells when each file was written last; `fates` are those of files that belong to no session.
    """

    source: MigrationSource
    found: Survey
    keys: Mapping[SessionKey, SessionKey]
    on_progress: Progress
    registries: dict[str, RegistryPlan] = field(default_factory=dict)
    fates: list[Fate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.modified = {entry.path: entry.modified for entry in self.found.entries}
        self.sessions = {
            key: SessionFiles(self.found.closed.get(key, ""), doubts=[*self.found.doubts.get(key, ())])
            for key in self.keys
        }
        self._told: dict[str, list[_Told]] = {}
        for each in self.found.stored:
            dated = {path: at for path, at in each.modified.items() if at}
            self.modified |= dict.fromkeys(each.texts, self.modified[each.path]) | dated

    def read(self) -> None:
        """Reads every file that some layout has a place for."""
        owners: dict[str, SessionKey] = {}
        for key, files in self.found.sessions.items():
            if key in self.keys:
                self.sessions[key].places.update(files)
                owners.update(dict.fromkeys(files, key))
            else:
                why = f"it belongs to project {key[0]}, which was not asked for"
                self.fates += [Fate(path, UNKNOWN, why) for path in files]
        for number, (path, data) in enumerate(self.source.load(owners), 1):
            self._take(owners[path], path, data)
            self.on_progress("reading files", number, len(owners))
        self._read_governance()
        self._read_project_files()

    def current_session_of(self, project: str = "") -> SessionKey | None:
        """Returns the current session of `project` ("" : of all): as the source says, else the only one."""
        known = [key for key in self.keys if project in ("", key[0])]
        said = sorted(self.found.current.items(), key=lambda item: (item[0] != project, item[0]))
        for owner, current in said:
            for key in known:
                if key[1] == current.session and (current.project or owner) in ("", key[0]):
                    return key
        return known[0] if len(known) == 1 else None

    def _take(self, key: SessionKey, path: str, data: bytes | None) -> None:
        session = self.sessions[key]
        if data is None:
            session.places.pop(path, None)
            session.closed = session.closed or path
            self.fates.append(Fate(path, UNKNOWN, _UNREADABLE))
            return
        session.contents[path] = content_of(data)
        if is_record(session.places[path]):
            session.records[path] = data
        if governance.may_hand_over(path):
            self._hear(path, governance.handoff_story(path, data), session.contents[path], key)

    def _hear(self, path: str, story: Story | None, content: Content, owner: SessionKey | None) -> None:
        """Keeps the story in the file at `path` until all are read, since several files may tell one."""
        if story is not None:
            told = _Told(path, story, content, owner)
            self._told.setdefault(story.identity or content.blob, []).append(told)

    def _read_governance(self) -> None:
        """Gives governance state and handoff documents beside all sessions to the sessions they name."""
        last: dict[str, tuple[str, ...]] = {}
        for path, data in self.source.load(self.found.governance):
            is_state = governance.is_governance_state(path)
            if data is None:
                self.fates.append(Fate(path, UNKNOWN, _UNREADABLE))
                continue
            story = governance.governance_story(data) if is_state else governance.handoff_story(path, data)
            if story is not None:
                self._hear(path, story, content_of(data), None)
                if is_state and (document := governance.document_of_state(data)):
                    last[document] = story.about
            elif governance.is_named_as_handoff(path) and (key := self._answerable(self._project_of(path))):
                self.sessions[key].places[path] = _beside(path)
                self._take(key, path, data)
            else:
                self.fates.append(Fate(path, UNKNOWN, "it belongs to no layout"))
        for same in self._told.values():
            self._tell(sorted(same, key=self._told_order), last)

    def _told_order(self, told: _Told) -> tuple[int, bytes]:
        """Orders files that tell the same: those of a session first, by their layouts."""
        place = self.sessions[told.owner].places[told.path] if told.owner else None
        return RANK[place.layout] if place else len(RANK), raw_path(told.path)

    def _tell(self, same: Sequence[_Told], last: Mapping[str, tuple[str, ...]]) -> None:
        """Tells once what all of `same` do, in the session that they name, and keeps those of none there."""
        key = self._named(same, last)
        if key is None or key not in self.sessions:
            why = (
                f"it belongs to project {key[0]}, which was not asked for"
                if key
                else "no session is current, so nobody can say whose it is"
            )
            self.fates += [Fate(told.path, UNKNOWN, why) for told in same if told.owner is None]
            key = next((told.owner for told in same if told.owner), None)
            if key is None:
                return
            same = [told for told in same if told.owner]
        session = self.sessions[key]
        kept = {told.content.blob: session.places[told.path] for told in same if told.owner == key}
        for told in same:
            if told.owner is None:
                place = kept.get(told.content.blob)
                # The same bytes come after those that are kept: a duplicate of them.
                place = Place(STAGED, "", "", place.rest) if place else _beside(told.path)
                kept.setdefault(told.content.blob, place)
                session.places[told.path] = place
                session.contents[told.path] = told.content
        first = next((told for told in same if told.owner in (key, None)), same[0])
        others = tuple(told.path for told in same if told is not first)
        doubts = {doubt: told.path for told in reversed(same) for doubt in told.story.doubts}
        for doubt, path in reversed(doubts.items()):
            session.doubt(path, (doubt,))
        session.stories.append(first.story._replace(path=first.path, copies=others))

    def _named(self, same: Sequence[_Told], last: Mapping[str, tuple[str, ...]]) -> SessionKey | None:
        """Returns the session that files which tell the same belong to: the surest that one of them says."""
        said = (found for told in same for about in told.story.about if (found := self._session_in(about)))
        folders = (
            told.owner
            for told in same
            if told.owner and self.sessions[told.owner].places[told.path].layout != CURRENT
        )
        by_name = (found for told in same if (found := self._session_in_name(told.path)))
        of_state = (
            found
            for told in same
            for document, about in last.items()
            if f"/{told.path}".endswith(f"/{document}") or f"/{document}".endswith(f"/{told.path}")
            for text in about
            if (found := self._session_in(text))
        )
        below_current = (told.owner for told in same if told.owner)
        for key in (*said, *folders, *by_name, *of_state, *below_current):
            return key
        projects = {key[0] for key in self.keys}
        named = (about for told in same for about in told.story.about if about in projects)
        return self._answerable(next(named, self._project_of(same[0].path)))

    def _session_in(self, text: str) -> SessionKey | None:
        """Returns the session that `text` names: by a path, as ``project/session``, or by its name alone."""
        parts = [part.strip() for part in text.strip("` ").split("/")]
        for start in range(len(parts) - 1):
            place = session_at("/".join(parts[start:]))
            if place is not None and (key := self.found.key_of(place)) in self.found.sessions:
                return key
        said = Current(parts[-1], parts[0]) if len(parts) == 2 else Current(text.strip("` "))
        known = self.found.known(said)
        return known[0] if len(known) == 1 else None

    def _session_in_name(self, path: str) -> SessionKey | None:
        """Returns the session whose name ends that of the file, behind a ``_``."""
        stem = path.rpartition("/")[2][: -len(".md")]
        found = [key for key in self.found.sessions if stem.endswith(f"_{key[1]}")]
        longest = [key for key in found if len(key[1]) == max(len(each[1]) for each in found)]
        return longest[0] if len(longest) == 1 else None

    def _answerable(self, project: str) -> SessionKey | None:
        """Returns the current session of `project`, else the one blueprint: it gets what is about all."""
        current = self.current_session_of(project)
        blueprints = [key for key in self.keys if key[1] == BLUEPRINT and project in ("", key[0])]
        return current or (blueprints[0] if len(blueprints) == 1 else None)

    def _project_of(self, path: str) -> str:
        """Returns the project in whose folder `path` stands; "" if it stands in none."""
        folders = (self.found.trail + path).split("/")[:-1]
        at = folders.index("projects") + 1 if "projects" in folders else len(folders)
        project = folders[at] if at < len(folders) else ""
        return project if any(key[0] == project for key in self.keys) else ""

    def _read_project_files(self) -> None:
        files = self.found.project_files
        registries: dict[str, bytes] = {}
        for path, data in self.source.load(files):
            if data is None:
                self.fates.append(Fate(path, UNKNOWN, _UNREADABLE))
            elif files[path].kind == AGENT_REGISTRY:
                registries[path] = data
            else:
                self._read_state(path, files[path].project, data)
        # What stands in the folder of a project counts there; of several the first by path, the newer place.
        for path in sorted(registries, key=lambda path: not files[path].project):
            self._read_registry(path, files[path].project, registries)

    def _read_registry(self, path: str, project: str, registries: Mapping[str, bytes]) -> None:
        """Gives the agents of a registry to the projects it is about that have none yet."""
        named = {said[0]: called[0] for said, called in self.keys.items()}
        owners = [called for said, called in sorted(named.items()) if project in ("", said)]
        if not owners:
            about = f"project {project}" if project else "all projects"
            why = f"it is about {about}, and no session of that is taken over"
            self.fates.append(Fate(path, UNKNOWN, why))
            return
        free = [owner for owner in owners if owner not in self.registries]
        if not free:
            first = self.registries[owners[0]].path
            same = registries[first] == registries[path]
            self.fates.append(
                Fate(path, DUPLICATE, f"the same bytes as {first}")
                if same
                else Fate(path, UNKNOWN, f"{few(owners)} has its agents from {first}")
            )
            return
        taken = governance.taken_registry(registries[path])
        self.notes += [f"{path}: {doubt}" for doubt in taken.doubts]
        if taken.doubts and not taken.registry.agents:
            self.fates.append(Fate(path, UNKNOWN, "nothing of it can be taken over"))
            return
        for owner in free:
            self.registries[owner] = RegistryPlan(path, taken.registry, taken.doubts)
        words = f"{counted(len(taken.registry.agents), 'agent')} for {', '.join(free)}"
        self.fates.append(Fate(path, MIGRATED, words))

    def read_stored_agents(self) -> None:
        """Takes the agents in databases for projects of which no file tells any."""
        for each in self.found.stored:
            for project, data in each.registries.items():
                taken = governance.taken_registry(data)
                self.notes += [f"{each.path}: {doubt}" for doubt in taken.doubts]
                for owner in dict.fromkeys(
                    called[0] for said, called in self.keys.items() if project in ("", said[0])
                ):
                    plan = self.registries.setdefault(owner, RegistryPlan(each.path, taken.registry, ()))
                    left = [
                        agent.id for agent in taken.registry.agents if plan.registry.agent(agent.id) is None
                    ]
                    if left:
                        self.notes.append(f"{each.path}: {plan.path} counts, which does not have {few(left)}")

    def _read_state(self, path: str, project: str, data: bytes) -> None:
        """Gives a state beside all sessions to the session it names, or to the current one."""
        record = session_record(data)
        keys = [key for key in self.keys if key[1] == record.session and project in ("", key[0])]
        current = self.current_session_of(project)
        if current is not None:
            keys.append(current)
        if not keys:
            self.fates.append(Fate(path, UNKNOWN, "nobody can say which session it is about"))
            return
        session = self.sessions[keys[0]]
        session.places[path] = beside(SESSION_STATE)
        self._take(keys[0], path, data)
        session.doubt(path, record.doubts)
        session.state = session.state or record  # the first by path stands in the newer place
        if session.state.stages != record.stages:
            session.doubt(path, ("it records other stages than the file that counts",))
