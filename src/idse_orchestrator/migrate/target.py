"""Writes whole ledgers of new sessions: all of their objects in one pack, one move of one ref for each."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from hashlib import sha256

from idse_orchestrator.base.names import BLOB, COMMIT, TREE, folder_objects, nested, ulid
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import session_folder
from idse_orchestrator.git.libgit2 import RefMovedError, move_ref
from idse_orchestrator.git.object_stream import find_commit, headers
from idse_orchestrator.git.packs import PackWriter
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE
from idse_orchestrator.ledger.events import (
    CREATED,
    EDITED,
    STAGE,
    VALIDATED,
    Acting,
    Draft,
    Event,
    SessionKey,
    message_of,
)
from idse_orchestrator.ledger.git_backend import GitBackend
from idse_orchestrator.ledger.kinds import Kinds
from idse_orchestrator.ledger.refs import SESSIONS, parse_session_ref, session_ref, tracking_ref
from idse_orchestrator.ledger.writer import seconds_of
from idse_orchestrator.migrate.values import HistoricEvent
from idse_orchestrator.pipeline.kinds import SESSION
from idse_orchestrator.pipeline.ports import BLUEPRINT_TYPE, FEATURE
from idse_orchestrator.pipeline.stage_state_model import IN_PROGRESS, SessionState
from idse_orchestrator.worktree.work_files import WorkFiles
from idse_orchestrator.worktree.work_tree import WorkTree
from idse_orchestrator.worktree.workspace import Contribution, last_contribution, remember_contribution

NO_REPLICA = ulid(0, bytes(10))
"""The replica in an event that every clone would write alike."""


class _Ready(NamedTuple):
    """A ledger whose objects are in the pack: its last commit, the tree of its folder, what stands there."""

    tip: str
    artifacts: str
    before: str


class GitLedgerBatch:
    """New ledgers that are written together; nothing is visible before `commit`."""

    def __init__(self, work_tree: WorkTree, kinds: Kinds, actor: Acting) -> None:
        self._vault = work_tree
        self._kinds = kinds
        self._backend = GitBackend(work_tree, actor)
        self._open: PackWriter | None = None
        self._ready: dict[SessionKey, _Ready] = {}
        self._trees: dict[tuple[tuple[str, str], ...], str] = {}

    def blob(self, data: bytes) -> str:
        """Keeps a file's bytes; returns the id that events name them by."""
        return self._pack.add(BLOB, data)

    def ledger(self, key: SessionKey, events: Sequence[HistoricEvent], before: str = "") -> None:
        """Adds the whole ledger of a new session; it takes the place of one whose tip is `before`."""
        kind = self._kinds[SESSION]
        state, tip, artifacts = SessionState(*key), "", ""
        for historic in events:
            if historic.files is not None:
                artifacts = self.folder(historic.files)
            draft = Draft(historic.kind, historic.body, None, historic.at, historic.actor)
            form = max(state.format, kind.needed(draft.kind, draft.body))
            event = self._backend.maker.event(draft, state.lamport + 1, form)
            if historic.at is not None and historic.actor is not None:
                event = _fact(event, f"{tip}\n{artifacts}\n")
            state = kind.apply(state, event)
            root = self._root(event, kind.to_json(state), artifacts)
            tip = self._pack.add(COMMIT, _commit(event, message_of(event, self._kinds.words), root, tip))
        self._ready[key] = _Ready(tip, artifacts, before)

    def commit(self) -> Mapping[SessionKey, str]:
        """Makes the ledgers visible, each whole or not at all; returns the tree of each folder.

        A session whose ledger somebody else began meanwhile is left out.
        """
        self.install()
        written = {}
        with ledger_lock(self._vault):
            for key, ready in self._ready.items():
                try:
                    reason = f"idse: migrated {key[0]}/{key[1]}"
                    signature = self._backend.signature()
                    move_ref(
                        self._backend.git,
                        session_ref(*key),
                        ready.tip,
                        ready.before or None,
                        reason,
                        signature,
                    )
                except RefMovedError:
                    continue  # somebody began it meanwhile: it is theirs
                written[key] = ready.artifacts
        self._ready = {}
        self._trees = {}
        return written

    def install(self) -> None:
        """Gives git the objects so far; no ledger has them yet."""
        full, self._open = self._open, None
        if full is not None:
            full.install(self._vault.git)

    @property
    def _pack(self) -> PackWriter:
        """Objects that git does not have yet."""
        if self._open is None:
            self._open = PackWriter()
        return self._open

    def folder(self, files: Mapping[str, str]) -> str:
        """Keeps the tree of a folder; returns its id, "" for an empty one."""
        if not files:
            return ""
        known = tuple(sorted(files.items()))
        if known not in self._trees:
            name, rows = folder_objects(nested(files))
            for kind, content in rows:
                self._pack.add(kind, content)
            self._trees[known] = name
        return self._trees[known]

    def _root(self, event: Event, state: bytes, artifacts: str) -> str:
        rows = [(b"40000", ARTIFACTS, artifacts)] if artifacts else []
        rows += [
            (b"100644", EVENT, self.blob(event.to_json())),
            (b"100644", STATE, self.blob(state)),
        ]
        content = b"".join(
            mode + b" " + name.encode() + b"\0" + bytes.fromhex(blob) for mode, name, blob in rows
        )
        return self._pack.add(TREE, content)


def _fact(event: Event, before: str) -> Event:
    """Gives `event` an id made of what it says and of all `before` it, of no clone: the same everywhere.

    Whatever differs, in the event or before it, makes another id: none stands for two events.
    """
    bare = event._replace(id="", replica=NO_REPLICA)
    digest = sha256(before.encode() + bare.to_json()).digest()
    return bare._replace(id=ulid(max(0, seconds_of(event.at)) * 1000, digest[:10]))


def _commit(event: Event, message: str, tree: str, parent: str) -> bytes:
    """Returns a ledger commit as git writes it, dated as its event: git has no time before 1970."""
    name, email = event.actor[:2]
    who = f"{name} <{email}> {max(0, seconds_of(event.at))} +0000"
    above = f"parent {parent}\n" if parent else ""
    head = f"tree {tree}\n{above}author {who}\ncommitter {who}\n\n"
    return (head + message).encode()


_PATIENCE = 600.0
_BEGINNINGS = (CREATED, STAGE, EDITED, VALIDATED)
"""Kinds of events of a session that nobody wrote in: its commit, and what the hooks said of it."""
_TYPES = ("", FEATURE, BLUEPRINT_TYPE)
"""Types that nobody chose."""
_KINDS_OF = "%H%x00" + "%x00".join(
    f"%(trailers:key={name},valueonly,separator=%x2C)" for name in ("Idse-Kind", "Idse-To")
)
_FORMAT = "%S%x00%(trailers:key=Idse-Migration,valueonly,separator=%x2C)"


class GitMigrationTarget:
    """The repository that takes over."""

    def __init__(self, work_tree: WorkTree, kinds: Kinds, actor: Acting) -> None:
        self._work_tree = work_tree
        self._kinds = kinds
        self._actor = actor

    def migrated(self) -> Mapping[SessionKey, frozenset[str]]:
        """Returns every session that has a ledger, with the fingerprints of the migrations in it."""
        git = self._work_tree.git
        refs = git.lines("for-each-ref", "--format=%(refname)", SESSIONS)
        found: dict[SessionKey, set[str]] = {key: set() for ref in refs if (key := parse_session_ref(ref))}
        if found:
            wanted = ("--source", f"--glob={SESSIONS}*", "--grep=^Idse-Migration: ", f"--format={_FORMAT}")
            log = git.bytes("log", *wanted, timeout=_PATIENCE).decode("utf-8", "replace")
            for line in log.splitlines():
                ref, _, fingerprints = line.partition("\0")
                key = parse_session_ref(ref)
                if key is not None:
                    found.setdefault(key, set()).update(fingerprints.split(","))
        return {key: frozenset(fingerprints) for key, fingerprints in found.items()}

    def holds(self, key: SessionKey, blobs: Collection[str]) -> bool:
        """Tests whether the ledger of a session ever held each of `blobs`."""
        ref = session_ref(*key)
        return set(blobs) <= set(self._work_tree.git.lines("rev-list", "--objects", "--no-object-names", ref))

    def untouched(self, key: SessionKey) -> str:
        """Returns the tip of a ledger that has only what began it, a template; "" of any other.

        So has one that a remote knows, too: it is not ours alone.
        """
        git = self._work_tree.git
        if git.lines("for-each-ref", "--count=1", tracking_ref("*", session_ref(*key))):
            return ""
        rows = [row.split("\0") for row in git.lines("log", f"--format={_KINDS_OF}", session_ref(*key), "--")]
        if any(kind not in _BEGINNINGS or to not in ("", IN_PROGRESS) for _, kind, to in rows):
            return ""
        names = [row[0] for row in rows]
        body = json.loads(git.bytes("cat-file", "blob", f"{names[-1]}:{EVENT}"))["body"]
        is_described = body.get("title") or body.get("owner") or body.get("type") not in _TYPES
        trees = {each.id if each else "" for each in headers(git, (f"{name}:{ARTIFACTS}" for name in names))}
        return "" if is_described or len(trees) != 1 else names[0]

    def batch(self) -> GitLedgerBatch:
        """Returns a new batch."""
        return GitLedgerBatch(self._work_tree, self._kinds, self._actor)

    def folder_exists(self, key: SessionKey) -> bool:
        """Tests whether the work tree has something where the session's folder belongs."""
        return os.path.lexists(os.path.join(self._work_tree.top, session_folder(*key)))

    def was_given(self, key: SessionKey) -> bool:
        """Tests whether this work tree ever had the session's folder from, or gave it to, the ledger."""
        return last_contribution(self._work_tree, *key) is not None

    def check_out(self, key: SessionKey, files: Mapping[str, bytes], tree: str) -> None:
        """Writes the folder of a session that has none in the work tree: all of it, or nothing."""
        self._files.make_folder(session_folder(*key), files)
        remember_contribution(self._work_tree, *key, Contribution(tree, (self._head,)))

    @cached_property
    def _files(self) -> WorkFiles:
        return WorkFiles(self._work_tree.top, self._work_tree.private)

    @cached_property
    def _head(self) -> str:
        return find_commit(self._work_tree.git, "HEAD") or ""
