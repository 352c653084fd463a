"""What `test_bundle.py` asks of the code it runs with: the one file here that knows where that code stands.

``python today.py QUESTION REPOSITORY`` reads a JSON value and prints one. With PYTHONPATH it asks the code of
another release.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args

from idse_orchestrator.domain.events import event_from_json
from idse_orchestrator.domain.ledger.event_order import fold_onto
from idse_orchestrator.domain.ledger.folding import project_folding, session_folding
from idse_orchestrator.domain.ledger.schema import BODIES, event_problem, states
from idse_orchestrator.domain.ledger.schema import events as schema
from idse_orchestrator.domain.ledger.schema.claims import CLAIMED
from idse_orchestrator.git.merge.joiner import GitJoiner
from idse_orchestrator.git.repository import discover


def joined(repository: str, pairs: list[list[str]]) -> list[str]:
    """M of each (ref, commit, commit), by a joiner that has made nothing before."""
    where = discover(repository)
    return [GitJoiner(where).join(*pair) for pair in pairs]


def conflicts(repository: str, pairs: list[list[str]]) -> list[list[str]]:
    """For each (ref, commit, commit) what their merge could not decide: kind and path."""
    joiner = GitJoiner(discover(repository))
    made = (joiner.join_with_conflicts(*pair).conflicts for pair in pairs)
    return [[f"{conflict.kind} {conflict.path}" for conflict in found] for found in made]


def encoded(repository: str, refs: list[str]) -> list[str]:
    """Every event and state of the ledgers `refs` that is not the same when it is read and written again."""
    odd = []
    for ref in refs:
        folding = _folding(ref)
        for name, data in _documents(repository, ref, "state.json"):
            if folding.to_json(folding.from_json(data)) != data or folding.problem(data):
                odd.append(f"{ref} {name}")
        for name, data in _documents(repository, ref, "event.json"):
            if event_from_json(data).to_json() != data or event_problem(data):
                odd.append(f"{ref} {name}")
    return odd


def folded(repository: str, refs: list[str]) -> dict[str, str]:
    """The blob id of each ledger's state, folded from nothing but its events."""
    found = {}
    for ref in refs:
        folding = _folding(ref)
        events = [event_from_json(data) for _, data in _documents(repository, ref, "event.json")]
        state = folding.to_json(fold_onto(folding.empty, events, folding.apply))
        found[ref] = _git(repository, "hash-object", "--stdin", stdin=state).decode().strip()
    return found


def shapes(_: str, __: object) -> list[str]:
    """What the schema knows: kinds of events, their fields, the words of some, and the fields of states."""
    known = set(get_args(schema.EventSchema.model_fields["kind"].annotation))
    variants = {
        "stage": [schema._Sealing],
        "approved": [schema._Waived],
        "assigned": [schema._RegistryChanged],
        "claimed": list(CLAIMED.values()),
        "handoff": [schema._Handoff, schema._HandoffRequest],
    }
    for kind in tuple(known):
        bodies = [BODIES[kind]] if kind in BODIES else []
        for body in (*bodies, *variants.get(kind, ())):
            known |= set(_fields(f"{kind}.", body))
    known |= set(_fields("session.", states.SessionStateSchema)) | set(
        _fields("project.", states.ProjectStateSchema)
    )
    return sorted(known)


def _fields(prefix: str, model: Any) -> Iterator[str]:
    for name, field in model.model_fields.items():
        shown = f"{prefix}{field.alias or name}"
        yield shown
        if name in ("action", "status"):
            yield from (f"{shown}={word}" for word in get_args(field.annotation))
        for inner in _models(field.annotation):
            yield from _fields(f"{shown}.", inner)


def _models(annotation: Any) -> Iterator[Any]:
    """The models that a field's type is made of, however they are wrapped."""
    if hasattr(annotation, "model_fields"):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _folding(ref: str) -> Any:
    names = ref.split("/")[3:]
    return session_folding(*names) if len(names) == 2 else project_folding(*names)


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
    question = {
        "joined": joined,
        "conflicts": conflicts,
        "encoded": encoded,
        "folded": folded,
        "shapes": shapes,
    }
    json.dump(question[sys.argv[1]](sys.argv[2], json.load(sys.stdin)), sys.stdout)
