"""Reads ledgers through the git program alone: a status must not wait for libgit2 to load."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from idse_orchestrator.base.files import known_replica_id
from idse_orchestrator.documents.project_workspace import ARTIFACTS as ARTIFACT_PATHS
from idse_orchestrator.git.object_stream import ObjectStream
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE, corrupt, unreadable
from idse_orchestrator.ledger.events import KINDS, SessionKey, Synced, Tip
from idse_orchestrator.ledger.merge.conflicts import conflict_line
from idse_orchestrator.ledger.refs import (
    PROJECTS,
    PUBLISHED,
    SESSIONS,
    SYNC,
    parse_project_ref,
    parse_session_ref,
    project_ref,
    session_ref,
    sync_ref,
    tracking_ref,
)
from idse_orchestrator.pipeline.stage_state_model import state_from_json, state_to_json
from idse_orchestrator.pipeline.values import (
    COMMIT_PREFIX,
    EVENT_PREFIX,
    KEPT,
    Look,
    ProjectTip,
    SessionTip,
    only_match,
    project_from_json,
    steps_back,
)

if TYPE_CHECKING:
    from idse_orchestrator.git.object_stream import GitObject
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.pipeline.values import ProjectState

_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_COMMITTED = re.compile(rb"^committer .*> (\d+) [+-]\d{4}$", re.MULTILINE)
_KIND = re.compile(rb'"kind":"([^"]*)"')
_REMOTE = re.compile(rb"^Idse-Remote: (\S+)$", re.MULTILINE)

State = TypeVar("State")
Parsed = TypeVar("Parsed")


class GitLedgerReader:
    """The `LedgerReader` port on a repository."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._git = vault.git
        self._documents = ObjectStream(vault.git)
        """Stays open once something was asked: a log asks often."""

    def __del__(self) -> None:
        self._documents.close()

    def projects(self) -> Sequence[str]:
        """See `LedgerReader.projects`."""
        return [name for ref in self._refs(PROJECTS) if (name := parse_project_ref(ref))]

    def sessions(self, project: str | None = None) -> Sequence[SessionKey]:
        """See `LedgerReader.sessions`."""
        refs = self._refs(f"{SESSIONS}{project}/" if project else SESSIONS)
        return [key for ref in refs if (key := parse_session_ref(ref))]

    def session(self, project: str, session: str) -> SessionTip | None:
        """See `LedgerReader.session`."""
        with ObjectStream(self._git) as objects:
            return self._tip(objects, state_from_json, session_ref(project, session))

    def project(self, project: str) -> ProjectTip | None:
        """See `LedgerReader.project`."""
        with ObjectStream(self._git) as objects:
            return self._tip(objects, project_from_json, project_ref(project))

    def look(self, project: str, session: str) -> Look | None:
        """See `LedgerReader.look`."""
        with ObjectStream(self._git) as objects:
            tip = self._tip(objects, state_from_json, session_ref(project, session))
            if tip is None:
                return None
            names = _document_names(tip.commit)
            of_project = f"{project_ref(project)}:{STATE}"
            whole = (f"{tip.commit}:{STATE}", f"{tip.commit}:{EVENT}")
            asked = [*names, *whole, of_project, tip.artifacts]
            *found, own, event, state, folder = objects.read_all(asked)
            conflicts = _conflicts(zip(ARTIFACT_PATHS.values(), found, strict=True))
            conflicts |= _conflicts(_other_files(objects, folder))
        blobs = {stage: blob.id for stage, blob in zip(ARTIFACT_PATHS, found, strict=True) if blob}
        parts = _parsed(_table, project_ref(project), state.data) if state else {}
        happened = event.data if event else b""
        unknown = _unknown(tip.state, own.data if own else b"", happened)
        return Look(tip, blobs, parts, unknown, conflicts, happened)

    def project_at(self, project: str, commit: str) -> ProjectState | None:
        """See `LedgerReader.project_at`."""
        with ObjectStream(self._git) as objects:
            blob = objects.read(f"{commit}:{STATE}") if _COMMIT.fullmatch(commit) else None
        try:
            state = project_from_json(blob.data) if blob else None
        except ValueError:
            return None
        return state if state and state.project == project else None

    def last_sync(self) -> str:
        """See `LedgerReader.last_sync`."""
        return self.synced("", "").at

    def synced(self, project: str, session: str) -> Synced:
        """See `LedgerReader.synced`.

        The sync point's commit says enough: its list of refs may be long. A clone that never synced
        starts no process to learn that.
        """
        replica = known_replica_id(self._vault.private)
        if not replica or not self._may_have(SYNC):
            return Synced("", "")
        with ObjectStream(self._git) as objects:
            point = objects.read(sync_ref(replica))
            at = _COMMITTED.search(point.data) if point else None
            remote = _REMOTE.search(point.data) if point else None
            there = None
            if remote and session:
                there = objects.read(tracking_ref(os.fsdecode(remote[1]), session_ref(project, session)))
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(at[1]))) if at else ""
        return Synced(when, there.id if there else "", remote is not None)

    def _may_have(self, prefix: str) -> bool:
        common = self._vault.common_dir
        if os.path.isdir(os.path.join(common, prefix)):
            return True
        try:
            with open(os.path.join(common, "packed-refs"), "rb") as file:
                return prefix.encode() in file.read()
        except OSError:
            return False

    def artifact_blobs(self, commit: str) -> Mapping[str, str]:
        """See `LedgerReader.artifact_blobs`."""
        found = zip(ARTIFACT_PATHS, self._documents.read_all(_document_names(commit)), strict=True)
        return {stage: blob.id for stage, blob in found if blob}

    def blob(self, name: str) -> bytes | None:
        """See `LedgerReader.blob`."""
        found = self._documents.read(name)
        return found.data if found and found.kind == "blob" else None

    def tree_files(self, tree: str) -> Mapping[str, str]:
        """See `LedgerReader.tree_files`."""
        return tree_files(self._git, tree)

    def find_commit(self, project: str, session: str, name: str) -> str:
        """See `LedgerReader.find_commit`."""
        ref = session_ref(project, session)
        if EVENT_PREFIX.fullmatch(name.upper()):
            found = self._git.lines("rev-list", "--basic-regexp", f"--grep=^Idse-Event: {name.upper()}", ref)
        elif (steps := steps_back((project, session), name)) is not None:
            found = self._git.lines("rev-list", "--max-count=1", f"--skip={steps}", ref)
        else:
            commits = self._git.lines("rev-list", ref) if COMMIT_PREFIX.fullmatch(name.lower()) else []
            found = [commit for commit in commits if commit.startswith(name.lower())]
        return only_match((project, session), name, found)

    def states(self, keys: Iterable[SessionKey]) -> Mapping[SessionKey, SessionState]:
        """See `LedgerReader.states`."""
        wanted = list(keys)
        names = [f"{session_ref(*key)}:{STATE}" for key in wanted]
        with ObjectStream(self._git) as objects:
            found = dict(zip(wanted, objects.read_all(names), strict=True))
        self._refuse_broken(*(session_ref(*key) for key, blob in found.items() if blob is None))
        return {
            key: _parsed(state_from_json, session_ref(*key), blob.data) for key, blob in found.items() if blob
        }

    def _tip(self, objects: ObjectStream, parse: Callable[[bytes], State], ref: str) -> Tip[State] | None:
        commit = objects.read(ref)
        if commit is None:
            self._refuse_broken(ref)
            return None
        state, artifacts = objects.read_all((f"{commit.id}:{STATE}", f"{commit.id}:{ARTIFACTS}"))
        if state is None:
            raise corrupt(ref, f"it points at {commit.kind} {commit.id[:7]}, which has no {STATE}")
        return Tip(commit.id, artifacts.id if artifacts else "", _parsed(parse, ref, state.data))

    def _refuse_broken(self, *refs: str) -> None:
        """Nothing could be read of `refs`: fine where they do not exist, an error where they do."""
        broken = self._git.lines("for-each-ref", "--format=%(refname)", *refs) if refs else ()
        if refs:
            self._refuse_closed(*(() if broken else (PUBLISHED,)))
        for ref in broken:
            raise corrupt(ref, f"it points at something that is missing or has no {STATE}")

    def _refs(self, prefix: str) -> Sequence[str]:
        found = self._git.lines("for-each-ref", "--format=%(refname)", prefix)
        if not found:
            self._refuse_closed(PUBLISHED)
        return found

    def _refuse_closed(self, *places: str) -> None:
        """Raises StorageError where another user closed a ledger: git lists none, as if nothing had begun."""
        from idse_orchestrator.git.shared import refuse_closed

        refuse_closed(self._vault.common_dir, *places)


def tree_files(git: Git, tree: str) -> dict[str, str]:
    """Returns the blob ids of all files below a tree ("" : none), by path in it."""
    rows = git.text("ls-tree", "-r", "-z", tree).split("\0") if tree else ()
    pairs = (row.partition("\t") for row in rows if row)
    return {path: meta.split(" ")[2] for meta, _, path in pairs}


def _unknown(state: SessionState, data: bytes, event: bytes) -> str:
    """Returns what only a newer idse can have written; most states are told by their bytes to be known."""
    kind = _KIND.search(event)
    is_known = kind is None or kind[1].decode("utf-8", "replace") in KINDS
    if is_known and state_to_json(state) == data and all(key in KEPT for key in state.parts):
        return ""
    from idse_orchestrator.ledger.kinds import UnknownPartError, refuse_unknown
    from idse_orchestrator.pipeline.kinds import SESSIONS

    try:
        refuse_unknown(SESSIONS.taking({}, dict.fromkeys(KEPT, "")), state, data, event or None)
    except UnknownPartError as error:
        return str(error)
    return ""


_ENTRY = re.compile(rb"\d+ ([^\0]+)\0(.{20})", re.DOTALL)
"""An entry of a tree, as git keeps it: mode; name; the bytes of its id."""
_DOCUMENTS = frozenset(ARTIFACT_PATHS.values())


def _conflicts(files: Iterable[tuple[str, GitObject | None]]) -> dict[str, int]:
    lines = ((path, conflict_line(file.data)) for path, file in files if file and file.kind == "blob")
    return {path: line for path, line in lines if line}


def _other_files(
    objects: ObjectStream, tree: GitObject | None, place: str = ""
) -> Iterator[tuple[str, GitObject]]:
    """Yields what lies beside the documents in a session's folder, by path; most sessions have nothing."""
    rows = [
        (place + os.fsdecode(name), blob.hex()) for name, blob in _ENTRY.findall(tree.data if tree else b"")
    ]
    asked = [row for row in rows if row[0] not in _DOCUMENTS]
    for (path, _), found in zip(asked, objects.read_all([blob for _, blob in asked]), strict=True):
        if found and found.kind == "tree":
            yield from _other_files(objects, found, f"{path}/")
        elif found:
            yield path, found


def _document_names(commit: str) -> list[str]:
    return [f"{commit}:{ARTIFACTS}/{path}" for path in ARTIFACT_PATHS.values()]


def _table(data: bytes) -> Mapping[str, Any]:
    """Returns the state of a project, as plain JSON values.

    A status asks it for parts of other themes alone.
    """
    import json

    raw = json.loads(data)
    if not isinstance(raw, dict):
        raise ValueError("not a project's state")  # noqa: TRY004 - a wrong value it is
    return raw


def _parsed(parse: Callable[[bytes], Parsed], ref: str, data: bytes) -> Parsed:
    try:
        return parse(data)
    except ValueError as error:
        raise unreadable(ref, error) from error
