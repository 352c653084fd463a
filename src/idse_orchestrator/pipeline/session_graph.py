"""Sessions as first-class objects: what kinds there are, and which session grew from which.

A parent is the session whose outcome made another one necessary. Parents are named when a session is
made, so the graph has no cycle as long as a parent must exist before its child.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLUEPRINT

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.stage_state_model import SessionState

BLUEPRINT_TYPE = "blueprint"
FEATURE = "feature"
EXPLORATORY = "exploratory"
SESSION_TYPES = (FEATURE, EXPLORATORY, BLUEPRINT_TYPE)


def type_fits(session: str, kind: str) -> bool:
    """Whether a session of that name may be of that type: the blueprint is one session, and the only one."""
    return (kind == BLUEPRINT_TYPE) == (session == BLUEPRINT)


@dataclass(frozen=True, slots=True)
class SessionGraph:
    """The sessions of one project by name."""

    sessions: Mapping[str, SessionState]

    def children(self) -> Mapping[str, tuple[str, ...]]:
        """Each session that others grew from, with those, in order of their names."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.sessions):
            for parent in self.sessions[name].parents:
                found.setdefault(parent, []).append(name)
        return {parent: tuple(names) for parent, names in found.items()}

    def roots(self) -> tuple[str, ...]:
        """The sessions without a parent here: the blueprint first, then in order of their names."""
        found = (
            name
            for name, state in self.sessions.items()
            if not any(parent in self.sessions for parent in state.parents)
        )
        return tuple(sorted(found, key=lambda name: (name != BLUEPRINT, name)))

    def walk(self) -> Iterator[tuple[int, str]]:
        """(depth, name) of every session, each parent before its children and each session once.

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
