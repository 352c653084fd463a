"""What `test_bundle.py` asks of the code it runs with: the one file here that knows where that code stands.

``python today.py QUESTION REPOSITORY`` reads a JSON value and prints one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from shapes import shapes

from idse_orchestrator.agents import agent_shapes
from idse_orchestrator.claims import claim_shapes
from idse_orchestrator.ledger import event_check
from idse_orchestrator.ledger.events import KINDS as EVENTS
from idse_orchestrator.ledger.events import event_from_json
from idse_orchestrator.pipeline import shapes as pipeline
from idse_orchestrator.wiring.ledgers import KINDS, git_joiner
from idse_orchestrator.worktree.work_tree import discover

if TYPE_CHECKING:
    from idse_orchestrator.ledger.shapes import Record


def joined(repository: str, pairs: list[list[str]]) -> list[str]:
    """M of each (ref, commit, commit), by a joiner that has made nothing before."""
    where = discover(repository, os.environ)
    return [git_joiner(where).join(*pair) for pair in pairs]


def conflicts(repository: str, pairs: list[list[str]]) -> list[list[str]]:
    """For each (ref, commit, commit) what their merge could not decide: kind and path."""
    joiner = git_joiner(discover(repository, os.environ))
    made = (joiner.join_with_conflicts(*pair).conflicts for pair in pairs)
    return [[f"{conflict.kind} {conflict.path}" for conflict in found] for found in made]


def encoded(repository: str, refs: list[str]) -> list[str]:
    """Every event and state of the ledgers `refs` that is not the same when it is read and written again."""
    odd = []
    for ref in refs:
        kind = KINDS.named(ref).kind
        for name, data in _documents(repository, ref, "state.json"):
            if kind.to_json(kind.from_json(data)) != data or kind.state_problem(data):
                odd.append(f"{ref} {name}")
        for name, data in _documents(repository, ref, "event.json"):
            if event_from_json(data).to_json() != data or event_check.event_problem(data, kind):
                odd.append(f"{ref} {name}")
    return odd


def folded(repository: str, refs: list[str]) -> dict[str, str]:
    """The blob id of each ledger's state, folded from nothing but its events."""
    found = {}
    for ref in refs:
        kind, names = KINDS.named(ref)
        events = [event_from_json(data) for _, data in _documents(repository, ref, "event.json")]
        state = kind.to_json(kind.fold(names, events))
        found[ref] = _git(repository, "hash-object", "--stdin", stdin=state).decode().strip()
    return found


def known(_: str, __: object) -> list[str]:
    """See `shapes.py`."""
    records: dict[str, list[Record]] = {
        "created": [pipeline.CREATED],
        "edited": [pipeline.EDITED],
        "stage": [pipeline.MOVED, pipeline.SEALING],
        "validated": [pipeline.VALIDATED],
        "approved": [pipeline.WITHDRAWN, pipeline.WAIVED],
        "assigned": [pipeline.ASSIGNED, agent_shapes.CHANGED],
        "described": [pipeline.DESCRIBED],
        "archived": [pipeline.ARCHIVED],
        "claimed": [claim_shapes.CLAIMED, *claim_shapes._ACTIONS.values()],
        "handoff": [agent_shapes.ANSWERED, agent_shapes.REQUESTED],
    }
    bodies = {kind: [record.schema() for record in found] for kind, found in records.items()}
    parts = {"handoffs": agent_shapes.HANDOFFS, "claims": claim_shapes.CLAIMS}
    session = pipeline.SESSION_STATE.and_also({}, parts).schema()
    project = pipeline.PROJECT_STATE.and_also({}, {"registry": agent_shapes.REGISTRY}).schema()
    return shapes(event_check._envelope(1, EVENTS).schema(), bodies, session, project)


def _git(repository: str, *args: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(
        ["git", "-C", repository, *args], input=stdin, capture_output=True, check=True
    ).stdout


def _documents(repository: str, ref: str, file: str) -> Iterator[tuple[str, bytes]]:
    """Each `file` in the history of a ledger, and its name; merges have no event."""
    names = [f"{commit}:{file}" for commit in _git(repository, "rev-list", ref).decode().split()]
    rest = _git(repository, "cat-file", "--batch", stdin="\n".join(names).encode())
    for name in names:
        head, _, rest = rest.partition(b"\n")
        if not head.endswith(b" missing"):
            size = int(head.split()[-1])
            yield name, rest[:size]
            rest = rest[size + 1 :]


if __name__ == "__main__":
    answer = {each.__name__: each for each in (joined, conflicts, encoded, folded, known)}[sys.argv[1]]
    json.dump(answer(sys.argv[2], json.load(sys.stdin)), sys.stdout)
