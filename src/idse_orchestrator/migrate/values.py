"""Values of a migration, all of them decided before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from idse_orchestrator.agents.registry import AgentRegistry
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.rules import Finding
from idse_orchestrator.ledger.events import Actor, SessionKey
from idse_orchestrator.migrate.files import FATES, Arranged, Content, Fate
from idse_orchestrator.migrate.governance import Story
from idse_orchestrator.migrate.old_claims import OldClaim
from idse_orchestrator.migrate.paths import Place
from idse_orchestrator.migrate.stored import Stored
from idse_orchestrator.migrate.words import SessionRecord

NEW, DONE, CHANGED, LATE = "new", "migrated already", "changed", "database to come"
TAKEN, CLOSED = "taken", "unreadable"
"""A session of a source: to be written; written by an earlier run; the same, and it is another one there now;
here, but without what its database has; another one has its name here; or something of it cannot be read: a
ledger is written whole, so it waits."""


@dataclass(frozen=True, slots=True)
class MigrationRequest:
    """A request of the user.

    `project` is what it is called here ("" : as in the source), `only` are the projects of the source that
    are taken over (none: all of them).
    """

    project: str = ""
    with_history: bool = True
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """One session: what it is called here and there, its folder, and all that its ledger will say.

    `places` and `contents` are those of its files, by path in the source, which were written last at
    `modified` ("" : nobody knows); `closed` is one that cannot be read. `waived` maps a rule to what it
    found. `doubts` are sentences about what could not be taken over as it stands. `template` is the tip of
    a ledger with nothing but a template, which this one takes the place of. `has_own_folder`: its files are
    the very folder that it has here.
    `halves` are the fingerprints of its files and of its texts in databases, if it has both.
    """

    key: SessionKey
    source_key: SessionKey
    layouts: tuple[str, ...]
    places: Mapping[str, Place]
    contents: Mapping[str, Content]
    arranged: Arranged
    facts: SessionRecord
    fingerprint: str
    halves: tuple[str, ...] = ()
    modified: str = ""
    closed: str = ""
    verdict: str = NEW
    template: str = ""
    has_own_folder: bool = False
    parents: tuple[str, ...] = ()
    stages: Mapping[str, str] = field(default_factory=dict)
    stories: tuple[Story, ...] = ()
    claims: tuple[OldClaim, ...] = ()
    steps: Sequence[Step] = ()
    waived: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``project/session``."""
        return "/".join(self.key)

    @property
    def began_at(self) -> str | None:
        """When it began: as the source says, else by its first commit; None if nothing says."""
        facts = self.facts
        said = (facts.created.at if facts.created else "", facts.updated.at if facts.updated else "")
        return said[0] or (self.steps[0].at if self.steps else "") or said[1] or self.modified or None

    @property
    def settled_at(self) -> str | None:
        """When it became what it is: as the source says, else by its last commit, else by its files."""
        facts = self.facts
        said = (facts.updated.at if facts.updated else "", facts.created.at if facts.created else "")
        return said[0] or (self.steps[-1].at if self.steps else "") or self.modified or said[1] or None

    @property
    def was_renamed(self) -> bool:
        """True if the source has another name for it."""
        return self.key != self.source_key

    def origins(self) -> Mapping[str, str]:
        """Returns blob id to a path in the source that holds it, for everything the folder has."""
        wanted = set(self.arranged.files.values())
        return {found.blob: path for path, found in self.contents.items() if found.blob in wanted}


def count(fates: Iterable[Fate]) -> Mapping[str, int]:
    """Returns how many have each fate; of a source's files, their sum is how many those are."""
    counted = Counter(fate.fate for fate in fates)
    return {fate: counted.get(fate, 0) for fate in FATES}


class RegistryPlan(NamedTuple):
    """A project's agents as the source has them, and the file that says so."""

    path: str
    registry: AgentRegistry
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """Everything that will be done, and what becomes of every file.

    `constitution` is the content id of the rules that judged. `current` is what the source works on,
    `current_of` what it works on in each project that it says that of. Of the sessions `own` the source has
    nothing but the folder that idse gave them.
    `records` are the fates of the texts in the databases `stored`.
    """

    source: str
    sessions: tuple[SessionPlan, ...]
    fates: tuple[Fate, ...]
    registries: Mapping[str, RegistryPlan]
    constitution: str = ""
    current: SessionKey | None = None
    current_of: Mapping[str, SessionKey] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    own: tuple[SessionKey, ...] = ()
    stored: tuple[Stored, ...] = ()
    records: tuple[Fate, ...] = ()

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects that something is written to, in order."""
        open_ones = (plan.key[0] for plan in self.sessions if plan.verdict != CLOSED)
        return tuple(sorted({*open_ones, *self.registries}))

    @property
    def taken(self) -> tuple[SessionPlan, ...]:
        """The sessions whose name another one has here."""
        return tuple(plan for plan in self.sessions if plan.verdict == TAKEN)

    @property
    def waiting(self) -> tuple[SessionPlan, ...]:
        """The sessions of which something cannot be read."""
        return tuple(plan for plan in self.sessions if plan.verdict == CLOSED)

    @property
    def unread(self) -> tuple[Stored, ...]:
        """The databases that cannot be read."""
        return tuple(each for each in self.stored if each.problem)


@dataclass(slots=True)
class Migrated:
    """The result of a migration: all empty where a run before had done it.

    `completed` got what their database has. `folders` were written to the work tree; `new_forms` are sessions
    whose old folder has today's form now; `kept_folders` those whose folder was there before and was left as
    it is, and `problems` why where it should have become another; `tracked` are views that git carries;
    `refused` were begun by somebody else meanwhile.
    """

    written: list[SessionKey] = field(default_factory=list)
    completed: list[SessionKey] = field(default_factory=list)
    folders: list[SessionKey] = field(default_factory=list)
    new_forms: list[SessionKey] = field(default_factory=list)
    kept_folders: list[SessionKey] = field(default_factory=list)
    problems: dict[SessionKey, str] = field(default_factory=dict)
    tracked: list[str] = field(default_factory=list)
    refused: list[SessionKey] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    agents: int = 0
    events: int = 0

    @property
    def changed(self) -> bool:
        """True if anything was written."""
        folders = self.folders or self.new_forms
        return bool(self.written or self.completed or folders or self.projects or self.agents)


FILE, LINK, OTHER, UNREADABLE = "file", "link", "other", "closed"
"""Kinds of entries of a source: OTHER is a device or a pipe, UNREADABLE what cannot be read."""

Owner = TypeVar("Owner", bound=Hashable)

Progress = Callable[[str, int, int], None]
"""Called with what is done, how many are, and of how many."""


class SourceEntry(NamedTuple):
    """Something in a source that is no folder. `detail` is a link's target, or what another one is.

    `modified` is when it was written last, as events write a time; "" where nobody can say, or where that
    is yet to come.
    """

    path: str
    kind: str
    size: int = 0
    detail: str = ""
    modified: str = ""


class Step(NamedTuple):
    """A commit of the source that touched an owner's files: all of those as they were then, path to blob id.

    `at` is the author's date in UTC. Blob ids are those of the source.
    """

    commit: str
    at: str
    author: Actor
    subject: str
    files: Mapping[str, str]


class MigrationSource(Protocol):
    """The source of a migration; nothing ever writes to it."""

    @property
    def description(self) -> str:
        """Its name in reports: "folder /srv/old", "repository /srv/old"."""

    @property
    def trail(self) -> Sequence[str]:
        """The names of the folders that lead to it, from the outermost."""

    @property
    def left_out(self) -> Sequence[str]:
        """Folders that are not read at all: git's own."""

    @property
    def doubts(self) -> Sequence[str]:
        """Sentences about what its history does not tell, although there was such a thing."""

    def entries(self) -> Iterator[SourceEntry]:
        """Yields everything in it that is no folder; paths that are no UTF-8 have surrogates."""

    def load(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yields the bytes of files and of texts in databases, in order; None for one that cannot be read."""

    def stored(self, path: str, parts: Sequence[str]) -> Stored:
        """Reads the database at `path`, beside which `parts` of it stand; its texts can be loaded then."""

    def history(self, owner: Callable[[str], Owner | None]) -> Mapping[Owner, Sequence[Step]]:
        """Returns owner to the commits that touched its files, oldest first; none without a history."""

    def blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yields the bytes of blobs of the history, without those missing or too large for a ledger."""


class HistoricEvent(NamedTuple):
    """An event to write: as `Draft`, but `files` is the whole folder after it (None: as before).

    One that has both a time and an actor is a fact of the source, and the same event whoever writes it.
    """

    kind: str
    body: Mapping[str, Any]
    files: Mapping[str, str] | None = None
    at: str | None = None
    actor: Actor | None = None
