"""The work folder of a project without git, and what it last gave to a ledger: the base of the next save."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.base.names import blob_id
from idse_orchestrator.base.text_merge import merge_lines
from idse_orchestrator.documents.project_workspace import ARTIFACTS, session_folder
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.ledger.merge.conflicts import Merged, settle_edit
from idse_orchestrator.ledger.merge.folders import EDIT_LABELS, merge_folders
from idse_orchestrator.ledger.refs import CURRENT, current_by_project_ref, session_ref
from idse_orchestrator.sessions.ports import Captured, Edit
from idse_orchestrator.stores.plain_documents import content_of
from idse_orchestrator.worktree.capture import check_file_names, files_to_capture
from idse_orchestrator.worktree.session_folders import WorkFolders
from idse_orchestrator.worktree.work_files import replace_files

if TYPE_CHECKING:
    from idse_orchestrator.stores.design_store import DesignStore
    from idse_orchestrator.stores.plain_documents import Place
    from idse_orchestrator.stores.plain_ledgers import Folders


def last_given(place: Place, project: str, session: str) -> Mapping[str, str] | None:
    """Returns the files, path to content id; None if there is no record that can be read."""
    try:
        with open(_path(place, project, session), encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    if isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
        return value
    return None


def remember_given(place: Place, project: str, session: str, files: Mapping[str, str]) -> None:
    """Keeps `files` as what was given last."""
    path = _path(place, project, session)
    make_folder(os.path.dirname(path))
    write_atomically(path, json.dumps(dict(files), sort_keys=True, indent=1).encode() + b"\n")


def _path(place: Place, project: str, session: str) -> str:
    return os.path.join(place.private, "given", project, f"{session}.json")


class PlainWorkspace(WorkFolders):
    """The documents of a plain folder, and what it gave to ledgers, without git."""

    def __init__(self, place: Place, store: DesignStore, folders: Folders) -> None:
        super().__init__(place.top, place.git_dir)
        self._place = place
        self._store = store
        self._folders = folders

    def blobs(self, project: str, session: str, files: Mapping[str, str] = ARTIFACTS) -> Mapping[str, str]:
        """See `Documents.blobs`."""
        folder = session_folder(project, session)
        present = {stage: f"{folder}/{name}" for stage, name in files.items()}
        return {stage: blob_id(self._read(path)) for stage, path in present.items() if self._is_file(path)}

    def content(self, project: str, session: str, path: str, blob: str) -> bytes | None:
        """See `Documents.content`."""
        place = f"{session_folder(project, session)}/{path}"
        data = self._read(place) if self._is_file(place) else b""
        return data if blob_id(data) == blob else None

    def start_from_branch(self, project: str, session: str) -> None:
        """See `Workspace.start_from_branch`; there is no branch."""

    def is_carried(self, project: str, session: str) -> bool:  # noqa: ARG002 - the port's signature
        """See `Workspace.is_carried`; there is no branch."""
        return False

    def head(self) -> None:
        """See `Workspace.head`."""

    def capture(self, project: str, session: str) -> Captured | None:
        """See `Documents.capture`."""
        folder = session_folder(project, session)
        paths = files_to_capture(self._place.top, folder)
        if not paths:
            return None
        root = os.path.join(self._place.top, folder)
        names = {os.path.relpath(path, root).replace(os.sep, "/"): path for path in paths}
        check_file_names(folder, names)
        files = {name: self._store.save_artifact(self._read(path)) for name, path in names.items()}
        return Captured(self._folders.id_of(files), files)

    def set_current(self, project: str, session: str) -> None:
        """See `SessionFolders.set_current`."""
        target = f"ref: {session_ref(project, session)}\n".encode()
        for ref in (current_by_project_ref(project), CURRENT):
            path = os.path.join(self._place.git_dir, ref)
            make_folder(os.path.dirname(path))
            write_atomically(path, target)

    def edit(self, project: str, session: str, tree: str) -> Edit:
        """See `Contributions.edit`."""
        return Edit(tree, (self._given(project, session) or "",))

    def given(self, project: str, session: str) -> str:
        """See `Documents.given`."""
        return self._given(project, session) or ""

    def _given(self, project: str, session: str) -> str | None:
        files = last_given(self._place, project, session)
        return None if files is None else self._folders.id_of(files)

    def agree(self, project: str, session: str, tree: str, heads: Sequence[str] = ()) -> None:  # noqa: ARG002 - the port's signature
        """See `Contributions.agree`."""
        remember_given(self._place, project, session, self._folders.files(tree))

    def apply(self, edit: Edit, ours: str) -> Merged:
        """See `Contributions.apply`."""
        by_lines = partial(merge_lines, labels=EDIT_LABELS)
        settled = settle_edit(edit.bases[0], ours, edit.theirs)
        return settled or merge_folders(self._folders, edit.bases[0], ours, edit.theirs, by_lines)

    def is_safe_to_replace(self, project: str, session: str, tree: str) -> bool:
        """See `Restorable.is_safe_to_replace`."""
        if self._given(project, session) == tree:
            return True
        entries = self._store.entries((project, session))
        held = {blob for entry in entries for blob in (entry.artifacts or {}).values()}
        return held.issuperset(self._folders.files(tree).values())

    def replace_folder(self, project: str, session: str, before: str, after: str) -> Sequence[str]:
        """See `Restorable.replace_folder`."""
        folder = session_folder(project, session)
        root = os.path.join(self._place.top, folder)
        old, new = self._folders.files(before), self._folders.files(after)

        def write(written: Sequence[str], removed: Sequence[str]) -> None:
            for path in [*written, *removed]:
                self._refuse_unseen(f"{folder}/{path}", old.get(path, ""))
            for path in written:
                make_folder(os.path.dirname(os.path.join(root, path)))
                write_atomically(os.path.join(root, path), self._store.load_artifact(new[path]))

        return replace_files(root, folder, (old, new), write)

    def resolve_tree(self, rev: str, path: str) -> str | None:
        """See `Restorable.resolve_tree`; `rev` is an entry's id, `path` that of its documents."""
        entry = self._folders.entry(rev)
        if entry is None or path != "artifacts":
            return None
        return self._folders.id_of(entry.artifacts or {}) or None

    def _refuse_unseen(self, path: str, seen: str) -> None:
        """Raises ConflictError for a file that somebody changed after the folder was looked at."""
        if os.path.lexists(os.path.join(self._place.top, path)) and blob_id(self._read(path)) != seen:
            raise ConflictError(
                "a document changed while it was to be replaced", where=path, fix=("run the command again",)
            )

    def _read(self, path: str) -> bytes:
        return content_of(self._place.top, path)
