"""Protocols for reading ledgers, from a repository or from a store; and the graph of sessions.

A session's parent is the one whose outcome made it necessary. Parents are named when a session is made,
so the graph has no cycle as long as a parent must exist before its child.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from idse_orchestrator.base.names import BLUEPRINT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from idse_orchestrator.ledger.events import SessionKey, Synced
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.pipeline.values import Look, ProjectState, ProjectTip, SessionTip


class Names(Protocol):
    """The names that exist; a LedgerReader fulfils it."""

    def projects(self) -> Sequence[str]:
        """Returns names of all projects, in order."""

    def sessions(self, project: str | None = None) -> Sequence[SessionKey]:
        """Returns keys of all sessions, in order; of one project if given."""


class LedgerReader(Names, Protocol):
    """Reading ledgers; writes nothing."""

    def session(self, project: str, session: str) -> SessionTip | None:
        """Returns the tip of one session's ledger; None without a ledger; CorruptLedgerError if broken."""

    def states(self, keys: Iterable[SessionKey]) -> Mapping[SessionKey, SessionState]:
        """States of many sessions; those without a ledger are left out."""

    def project(self, project: str) -> ProjectTip | None:
        """Returns the tip of one project's ledger."""

    def look(self, project: str, session: str) -> Look | None:
        """`session`, `artifact_blobs` of its tip and the parts of its project, at the price of one."""

    def project_at(self, project: str, commit: str) -> ProjectState | None:
        """Returns the state of a project at a commit of its ledger.

        None where `commit` is none of it here.
        """

    def blob(self, name: str) -> bytes | None:
        """Returns the bytes of a document by its blob id; None where it is not here."""

    def tree_files(self, tree: str) -> Mapping[str, str]:
        """Blob ids of all files below a tree ("" : none), by path in it."""

    def find_commit(self, project: str, session: str, name: str) -> str:
        """Returns the commit of a session's ledger that `name` stands for.

        A commit id or an event id, or the beginning of one; or ``@{N}``, N entries before the newest.
        UnknownNameError and AmbiguousError.
        """

    def artifact_blobs(self, commit: str) -> Mapping[str, str]:
        """Stage to blob id of its artifact at the ledger commit; stages without one are left out."""

    def last_sync(self) -> str:
        """Returns when this clone last pushed or pulled something (UTC as ISO text), "" for never."""

    def synced(self, project: str, session: str) -> Synced:
        """Returns the same, and what the Agency had of a session when it was asked last."""


BLUEPRINT_TYPE = "blueprint"
FEATURE = "feature"
EXPLORATORY = "exploratory"


def type_fits(session: str, kind: str) -> bool:
    """Tests whether a session of that name may be of that type.

    The blueprint is one session, and the only one.
    """
    return (kind == BLUEPRINT_TYPE) == (session == BLUEPRINT)


@dataclass(frozen=True, slots=True)
class SessionGraph:
    """The sessions of one project by name."""

    sessions: Mapping[str, SessionState]

    def children(self) -> Mapping[str, tuple[str, ...]]:
        """Returns each session that others grew from, with those, in order of their names."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.sessions):
            for parent in self.sessions[name].parents:
                found.setdefault(parent, []).append(name)
        return {parent: tuple(names) for parent, names in found.items()}

    def roots(self) -> tuple[str, ...]:
        """Returns the sessions without a parent here: the blueprint first, then in order of their names."""
        found = (
            name
            for name, state in self.sessions.items()
            if not any(parent in self.sessions for parent in state.parents)
        )
        return tuple(sorted(found, key=lambda name: (name != BLUEPRINT, name)))

    def walk(self) -> Iterator[tuple[int, str]]:
        """Yields (depth, name) of every session, each parent before its children and each session once.

        Sessions in a cycle, which only a foreign ledger can hold, come last at depth 0.
        """
        children = self.children()
        seen: set[str] = set()
        for start in (*self.roots(), *sorted(self.sessions)):
            stack = [(0, start)]
            while stack:
                depth, name = stack.pop()
                if name not in seen:
                    seen.add(name)
                    yield depth, name
                    stack += [(depth + 1, child) for child in reversed(children.get(name, ()))]
