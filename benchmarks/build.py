"""Adds many sessions or many events to a repository through ``git fast-import``, as idse writes them.

``python build.py REPOSITORY sessions|events|documents|histories HOW_MANY``: `sessions` are ledgers of one
event, `events` one ledger `many` of that length, `documents` sessions with seven written documents each,
in the work tree and in their ledgers, `histories` sessions of five events with two documents of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from idse_orchestrator.base.names import blob_id, ulid
from idse_orchestrator.documents.project_workspace import ARTIFACTS, session_folder
from idse_orchestrator.ledger.events import Actor, Event, message_of
from idse_orchestrator.pipeline.stage_state_model import SessionState, state_to_json
from idse_orchestrator.wiring.ledgers import KINDS

apply = KINDS["session"].apply

PROJECT = "portal"
START = 1_750_000_000
WHO = b"Bench Author <bench@example.invalid>"
REPLICA = ulid(START * 1000, bytes(10))
PADDING = (
    "The team looked at what users do today, measured it, and wrote down what has to change and what "
    "has to stay. Every number here was agreed on with those who run the service.\n"
)


class Importer:
    """Writes ledger commits into a running ``git fast-import``."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._made = 0

    def append(
        self,
        state: SessionState,
        kind: str,
        body: Mapping[str, object],
        files: Mapping[str, bytes] | None = None,
    ) -> SessionState:
        """One more event in the ledger of `state`, with `files` under ``artifacts/``; the state after it."""
        self._made += 1
        at = f"2026-01-{1 + self._made // 86400 % 28:02}T{self._made // 3600 % 24:02}:00:00Z"
        name = ulid((START + self._made) * 1000, self._made.to_bytes(10, "big"))
        actor = Actor("Bench Author", "bench@example.invalid", "codex")
        event = Event(name, kind, state.lamport + 1, at, REPLICA, actor, body)
        after = apply(state, event)
        self._commit(after, event, files or {})
        return after

    def _commit(self, state: SessionState, event: Event, files: Mapping[str, bytes]) -> None:
        ref = f"refs/idse/sessions/{state.project}/{state.session}"
        self._out.write(
            f"commit {ref}\ncommitter ".encode() + WHO + f" {START + self._made} +0000\n".encode()
        )
        self._data(message_of(event, KINDS.words).encode())
        contents = {"event.json": event.to_json(), "state.json": state_to_json(state)}
        for path, content in {**contents, **files}.items():
            self._out.write(f"M 100644 inline {path}\n".encode())
            self._data(content)
        self._out.write(b"\n")

    def _data(self, content: bytes) -> None:
        self._out.write(b"data %d\n" % len(content) + content + b"\n")


def sessions(importer: Importer, how_many: int, _folder: str) -> None:
    """Ledgers of one event each."""
    for number in range(how_many):
        name = f"session-{number:05}"
        importer.append(SessionState(PROJECT, name), "created", {"type": "feature", "session": name})


def events(importer: Importer, how_many: int, _folder: str) -> None:
    """One ledger of `how_many` events."""
    state = importer.append(SessionState(PROJECT, "many"), "created", {"project": PROJECT, "session": "many"})
    for number in range(how_many - 1):
        if number % 3:
            state = importer.append(state, "described", {"title": f"title {number}"})
        else:
            state = importer.append(state, "edited", {"changed": {"spec.md": f"{number:040x}"}})


def documents(importer: Importer, how_many: int, folder: str) -> None:
    """Sessions with seven documents of 2 to 3 KB that nobody else has."""
    templates = dict(_templates(folder))
    for number in range(how_many):
        name = f"session-{number:05}"
        files = {ARTIFACTS[stage]: _written(text, number) for stage, text in templates.items()}
        for path, content in files.items():
            _write(os.path.join(folder, session_folder(PROJECT, name), path), content)
        kept = {f"artifacts/{path}": content for path, content in files.items()}
        importer.append(SessionState(PROJECT, name), "created", {"session": name}, kept)


def histories(importer: Importer, how_many: int, folder: str) -> None:
    """Sessions of five events: made, begun, written, complete, described; two documents are their own."""
    templates = dict(_templates(folder))
    start, done = ("pending", "in_progress", "start"), ("in_progress", "complete", "complete")
    for number in range(how_many):
        name = f"session-{number:05}"
        files = {f"artifacts/{ARTIFACTS[stage]}": text.encode() for stage, text in templates.items()}
        state = importer.append(SessionState(PROJECT, name), "created", {"session": name}, files)
        state = importer.append(state, "stage", _move("intent", *start))
        written = {f"artifacts/{ARTIFACTS[s]}": _written(templates[s], number) for s in ("intent", "spec")}
        state = importer.append(state, "edited", {"changed": {}}, written)
        blob = blob_id(written["artifacts/intent.md"])
        state = importer.append(
            state, "stage", {**_move("intent", *done), "artifact": blob, "upstream": {}, "reopens": {}}
        )
        importer.append(state, "described", {"title": f"Session {number}"})


def _move(stage: str, before: str, after: str, action: str) -> dict[str, object]:
    return {"stage": stage, "action": action, "from": before, "to": after}


def _templates(folder: str) -> Iterator[tuple[str, str]]:
    """The documents that ``idse init`` wrote."""
    for stage, path in ARTIFACTS.items():
        with open(
            os.path.join(folder, session_folder(PROJECT, "__blueprint__"), path), encoding="utf-8"
        ) as file:
            yield stage, file.read()


def _written(template: str, number: int) -> bytes:
    """`template` as somebody filled it in for session `number`."""
    text = template.replace("[REQUIRES INPUT]", f"Answer {number}: {number * 7919 % 1000} of 1,000 agree.")
    while len(text) < 2_000 + number % 1_000:
        text += f"\n{number}. {PADDING}"
    return text.encode()


def _write(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def main(folder: str, what: str, how_many: int) -> None:
    """Add `how_many` of `what`."""
    command = ["git", "fast-import", "--quiet", "--done"]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        {"sessions": sessions, "events": events, "documents": documents, "histories": histories}[what](
            Importer(process.stdin), how_many, folder
        )
        process.stdin.write(b"done\n")
    if process.returncode != 0:
        sys.exit("git fast-import failed")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
