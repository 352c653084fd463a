"""A bare repository as a push would leave it: what the judge reads, from the quarantine and the store.

All by libgit2, since a start of git costs more than one judgement. Nothing of the environment counts, nor any
setting.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import FOLDER
from idse_orchestrator.documents.project_workspace import FileEntry, is_readable, session_folder
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.git.libgit2 import open_repository
from idse_orchestrator.git.object_stream import reading_also
from idse_orchestrator.git.objects import BLOB, COMMIT, objects_of, parse_commit
from idse_orchestrator.git.program import Git
from idse_orchestrator.git.raw_objects import PLAIN_SIGHT
from idse_orchestrator.git.vault import Vault
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE
from idse_orchestrator.ledger.events import event_from_json
from idse_orchestrator.ledger.refs import PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from idse_orchestrator.git.libgit2 import pygit2
    from idse_orchestrator.ledger.events import Event, SessionKey
    from idse_orchestrator.pipeline.stage_state_model import SessionState

SEALED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "HOME": "/nonexistent",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
}
"""The environment of each git that the judge starts."""


class Pushed:
    """The bare repository `git_dir` with the objects of `quarantine` ("" : all are in the store).

    `moves` are (ref, old, new); a ref that is not among them is where it is.
    """

    def __init__(
        self,
        git_dir: str,
        quarantine: str = "",
        moves: Iterable[tuple[str, str, str]] = (),
        environment: Mapping[str, str] = SEALED,
    ) -> None:
        self.vault = Vault(git_dir, Git(git_dir, environment))
        self.quarantine = quarantine or None
        self._git_dir = git_dir
        self._moved = {ref: new for ref, _, new in moves}
        self._objects = objects_of(git_dir, self.quarantine)
        self._commits: dict[str, tuple[str, tuple[str, ...]]] = {}

    @cached_property
    def repository(self) -> pygit2.Repository:
        """The repository as libgit2 opens it, for its refs."""
        return open_repository(self._git_dir)

    @cached_property
    def _git(self) -> Git:
        git = self.vault.git.with_environment(PLAIN_SIGHT)
        return reading_also(git, self.quarantine) if self.quarantine else git

    def tip(self, ref: str) -> str:
        """Returns where `ref` points after the push; "" where it does not exist."""
        if ref in self._moved:
            return self._moved[ref]
        found = self.repository.references.get(ref)
        return str(found.target) if found is not None else ""

    def refs(self) -> Sequence[str]:
        """Returns the names of all published refs of the store."""
        return self.vault.git.lines("for-each-ref", "--format=%(refname)", PUBLISHED)

    def tips(self) -> dict[str, str]:
        """Returns where every published ref of the store points."""
        listed = self.vault.git.lines("for-each-ref", "--format=%(refname) %(objectname)", PUBLISHED)
        return dict(line.split(" ", 1) for line in listed)

    def parents(self, commit: str) -> tuple[str, ...]:
        """Returns the parents of a commit."""
        return self._commit(commit)[1]

    def part(self, commit: str, name: str) -> str:
        """Returns the id of what a ledger commit has under `name`; "" where it has nothing."""
        entries = self._objects.entries(self._commit(commit)[0])
        return next((entry.id for entry in entries if entry.path == name), "")

    def inside(self, folder: str, *path: str) -> str:
        """Returns the id of what a folder has at `path`; "" where there is nothing."""
        for name in path:
            entries = self._objects.entries(folder) if folder else ()
            folder = next((entry.id for entry in entries if entry.path == name), "")
        return folder

    def state(self, commit: str) -> bytes:
        """Returns what ``state.json`` of a ledger commit holds."""
        return self._objects.read(self.part(commit, STATE), BLOB)

    def event(self, commit: str) -> Event | None:
        """Returns the event of a ledger commit; None for a merge."""
        found = self.part(commit, EVENT)
        return event_from_json(self._objects.read(found, BLOB)) if found else None

    def found_event(self, ref: str, event: str) -> Event | None:
        """Returns the event of that id in the ledger `ref`; None where it is not there."""
        asked = ("rev-list", "--max-count=1", "--basic-regexp", f"--grep=^Idse-Event: {event}", self.tip(ref))
        found = self._git.lines(*asked)
        return self.event(found[0]) if found else None

    def blob(self, name: str) -> bytes | None:
        """Returns the content of a blob; None where it is not here."""
        try:
            return self._objects.read(name, BLOB)
        except CorruptLedgerError:
            return None

    def size(self, name: str) -> int:
        """Returns the size of an object in bytes."""
        return self._objects.size(name)

    def files(self, tree: str, prefix: str) -> Iterator[tuple[str, FileEntry]]:
        """Yields path and entry of each file below a folder ("" : none)."""
        for entry in self._objects.entries(tree, prefix) if tree else ():
            if entry.mode == FOLDER:
                yield from self.files(entry.id, f"{entry.path}/")
            else:
                yield entry.path, FileEntry(int(entry.mode, 8), entry.id, self._objects.size(entry.id))

    def fresh(self, old: str, new: str) -> Sequence[str]:
        """Returns the commits that `new` reaches and `old` ("" : nothing) does not, parents first."""
        line, name = [], new
        while name != old:
            line.append(name)
            parents = self.parents(name)
            if not parents and not old:
                break
            if len(parents) != 1:
                return self._walked(old, new)
            (name,) = parents
        return line[::-1]

    def _walked(self, old: str, new: str) -> Sequence[str]:
        asked = "".join(f"{name}\n" for name in (new, old and f"^{old}") if name)
        return self._git.lines("rev-list", "--topo-order", "--reverse", "--stdin", stdin=asked.encode())

    def _commit(self, name: str) -> tuple[str, tuple[str, ...]]:
        if name not in self._commits:
            self._commits[name] = parse_commit(self._objects.read(name, COMMIT))[:2]
        return self._commits[name]


class TipReader:
    """One session as a ledger commit holds it, with its project's blueprint; see `ArtifactReader`.

    A profile may take values from the blueprint's spec, whose blob is `defaults` ("" : there is none).
    """

    def __init__(self, pushed: Pushed, key: SessionKey, commit: str, defaults: tuple[str, str]) -> None:
        self._pushed = pushed
        self._commit = commit
        self._prefix = f"{session_folder(*key)}/"
        self._defaults = defaults
        self.description = f"ledger {'/'.join(key)} {commit[:7]}"

    def paths(self) -> Mapping[str, FileEntry]:
        """Every file, by the path it has in a work tree."""
        return self._entries

    def own(self) -> Mapping[str, FileEntry]:
        """The session's own files, by their path in its folder."""
        start = len(self._prefix)
        return {path[start:]: e for path, e in self._entries.items() if path.startswith(self._prefix)}

    def legacy_paths(self) -> Sequence[str]:
        """None: a ledger holds one session's folder and nothing else."""
        return ()

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """Contents by path; a file above the cap reads as b""."""
        entries = self._entries
        return {
            path: (self._pushed.blob(entries[path].blob) or b"") if is_readable(entries[path]) else b""
            for path in paths
        }

    @cached_property
    def _entries(self) -> dict[str, FileEntry]:
        found = dict(self._pushed.files(self._pushed.part(self._commit, ARTIFACTS), self._prefix))
        path, blob = self._defaults
        if blob and path not in found:
            found[path] = FileEntry(0o100644, blob, self._pushed.size(blob))
        return found


class OneState:
    """The state of one session, as the judge has it; see `constitution.validate.States`."""

    def __init__(self, pushed: Pushed, key: SessionKey, state: SessionState) -> None:
        self._key = key
        self._state = state
        self.blob = pushed.blob

    def projects(self) -> Sequence[str]:
        """The one project."""
        return (self._key[0],)

    def states(self, keys: Iterable[SessionKey]) -> Mapping[SessionKey, SessionState]:
        """The one state, where it is asked for."""
        return {self._key: self._state} if self._key in keys else {}
