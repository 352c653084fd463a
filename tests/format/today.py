"""What `test_bundle.py` asks of the code it runs with: the one file here that knows where that code stands.

``python today.py QUESTION REPOSITORY`` reads a JSON value and prints one. With PYTHONPATH it asks the code of
another release.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args

from idse_orchestrator.ledger.event_check import event_problem
from idse_orchestrator.ledger.events import event_from_json
from idse_orchestrator.ledger.kinds import loaded
from idse_orchestrator.ledger.merge.joiner import GitJoiner
from idse_orchestrator.ledger.shapes import Record
from idse_orchestrator.pipeline.shapes import PROJECT_STATE, SESSION_STATE
from idse_orchestrator.wiring.kinds import KINDS
from idse_orchestrator.worktree.work_tree import discover

WORDS = (
    *("start", "complete", "confirm", "reopen"),
    *("declare", "promote", "reinforce", "demote"),
    *("request", "approve", "accept", "reject"),
)
SAMPLES = ({}, {"changes": []}, {"withdrawn": True}, *({"action": word} for word in WORDS))
"""Bodies that lead a kind of event to each of the records it may have to fit."""
STATES = {"session": SESSION_STATE, "project": PROJECT_STATE}


def joined(repository: str, pairs: list[list[str]]) -> list[str]:
    """M of each (ref, commit, commit), by a joiner that has made nothing before."""
    where = discover(repository, os.environ)
    return [GitJoiner(where, KINDS).join(*pair) for pair in pairs]


def conflicts(repository: str, pairs: list[list[str]]) -> list[list[str]]:
    """For each (ref, commit, commit) what their merge could not decide: kind and path."""
    joiner = GitJoiner(discover(repository, os.environ), KINDS)
    made = (joiner.join_with_conflicts(*pair).conflicts for pair in pairs)
    return [[f"{conflict.kind} {conflict.path}" for conflict in found] for found in made]


def encoded(repository: str, refs: list[str]) -> list[str]:
    """Every event and state of the ledgers `refs` that is not the same when it is read and written again."""
    odd = []
    for ref in refs:
        kind = KINDS.family(ref)
        for name, data in _documents(repository, ref, "state.json"):
            if kind.to_json(kind.from_json(data)) != data or kind.state_problem(data):
                odd.append(f"{ref} {name}")
        for name, data in _documents(repository, ref, "event.json"):
            if event_from_json(data).to_json() != data or event_problem(data, kind):
                odd.append(f"{ref} {name}")
    return odd


def folded(repository: str, refs: list[str]) -> dict[str, str]:
    """The blob id of each ledger's state, folded from nothing but its events."""
    found = {}
    for ref in refs:
        named = KINDS.named(ref)
        events = [event_from_json(data) for _, data in _documents(repository, ref, "event.json")]
        state = named.kind.to_json(named.kind.fold(named.names, events))
        found[ref] = _git(repository, "hash-object", "--stdin", stdin=state).decode().strip()
    return found


def shapes(_: str, __: object) -> list[str]:
    """What the schema knows: kinds of events, their fields, the words of some, and the fields of states."""
    known: set[str] = set()
    for kind in KINDS:
        for name, event in kind.events.items():
            known.add(name)
            for record in _records(event.body):
                known |= set(_fields(f"{name}.", record.schema()))
        if kind.name in STATES:
            parts = {key: loaded(target) for key, target in kind.kept.items()}
            known |= set(_fields(f"{kind.name}.", STATES[kind.name].and_also({}, parts).schema()))
    return sorted(known)


def _records(body: str) -> list[Record]:
    """The records that a body may have to fit."""
    found = loaded(body) if body else None
    if found is None or isinstance(found, Record):
        return [found] if found else []
    return [found(sample)[0] for sample in SAMPLES]


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
