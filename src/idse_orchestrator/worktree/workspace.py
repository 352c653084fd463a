"""The documents of this work tree, and which session it works on.

Content ids are those git would record, filters included, because they are compared with ledgers and
commits. Only the git program knows the filters, the ignore rules and the worktree's own refs.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence

from idse_orchestrator.base.files import storage_error, write_atomically
from idse_orchestrator.base.names import is_name
from idse_orchestrator.documents.pipeline_artifacts import ARTIFACTS, WORKSPACE, session_folder
from idse_orchestrator.errors import ConflictError, StorageError
from idse_orchestrator.git.object_stream import ObjectFinder, is_ancestor
from idse_orchestrator.ledger.merge.conflicts import Merged
from idse_orchestrator.ledger.refs import CURRENT, current_by_project_ref, parse_session_ref, session_ref
from idse_orchestrator.ledger.values import SessionKey
from idse_orchestrator.sessions.ports import Captured
from idse_orchestrator.worktree.capture import capture_folder
from idse_orchestrator.worktree.given import Contribution, last_contribution, remember_contribution
from idse_orchestrator.worktree.readers.filtered import filtered_ids
from idse_orchestrator.worktree.work_tree import WorkTree


class GitWorkspace:
    """The `Workspace` port on a work tree."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._work_tree = work_tree
        self._git = work_tree.git
        self._objects = ObjectFinder(work_tree.git)

    def blobs(self, project: str, session: str) -> Mapping[str, str]:
        """See `Workspace.blobs`."""
        folder = session_folder(project, session)
        present = [stage for stage, name in ARTIFACTS.items() if self._is_file(f"{folder}/{name}")]
        if not present:
            return {}
        ids = filtered_ids(self._work_tree, [f"{folder}/{ARTIFACTS[stage]}" for stage in present])
        return dict(zip(present, ids, strict=True))

    def capture(self, project: str, session: str) -> Captured | None:
        """See `Workspace.capture`."""
        return capture_folder(self._work_tree, session_folder(project, session))

    def session_folders(self) -> Sequence[SessionKey]:
        """See `Workspace.session_folders`."""
        root = os.path.join(self._work_tree.top, WORKSPACE, "projects")
        return [
            (project, session)
            for project in _folders(root)
            for session in _folders(os.path.join(root, project, "sessions"))
        ]

    def current(self, project: str | None = None) -> SessionKey | None:
        """See `Workspace.current`.

        Read as a file: these refs are always loose, and a process to ask for one costs 3 ms.
        """
        ref = current_by_project_ref(project) if project else CURRENT
        try:
            with open(os.path.join(self._work_tree.git_dir, ref), encoding="utf-8") as file:
                target = file.read(256).strip()
        except (OSError, UnicodeDecodeError):
            return None
        return parse_session_ref(target.removeprefix("ref: ")) if target.startswith("ref: ") else None

    def set_current(self, project: str, session: str) -> None:
        """See `Workspace.set_current`."""
        from idse_orchestrator.worktree.given import point_at

        point_at(self._work_tree, (current_by_project_ref(project), CURRENT), project, session)

    def write_views(self, project: str, views: Mapping[str, bytes]) -> Sequence[str]:
        """See `Workspace.write_views`. Nothing is written where the project has no folder."""
        del project
        return [path for path, content in views.items() if self._write_if_different(path, content)]

    def view(self, path: str) -> bytes | None:
        """See `Workspace.view`."""
        full = os.path.join(self._work_tree.top, path)
        if not os.path.lexists(full):
            return None
        if not self._is_file(path):  # reading a pipe would wait for ever
            return b""
        try:
            with open(full, "rb") as file:
                return file.read()
        except OSError as error:
            raise storage_error(error, path) from error

    def base(self, project: str, session: str) -> str:
        """See `Workspace.base`."""
        head = self._head()
        for given in (self.given(project, session, head), self.missed(project, session, head)):
            if given is not None:
                return given
        return self.resolve_tree(head, session_folder(project, session)) or "" if head else ""

    def given(self, project: str, session: str, head: str) -> str | None:
        """See `Workspace.given`."""
        last = last_contribution(self._work_tree, project, session)
        if last is None or head not in last.heads or (last.tree and not self._objects.find(last.tree)):
            return None
        return last.tree

    def missed(self, project: str, session: str, head: str) -> str | None:
        """See `Workspace.missed`."""
        last = last_contribution(self._work_tree, project, session)
        if last is None or head in last.heads or (last.tree and not self._objects.find(last.tree)):
            return None
        return last.tree if any(self._leads_to(each, head) for each in last.heads) else None

    def brought(self, project: str, session: str, commit: str) -> bool:
        """See `Workspace.brought`."""
        last = last_contribution(self._work_tree, project, session)
        return last is not None and any(head and self._leads_to(commit, head) for head in last.heads)

    def _leads_to(self, ancestor: str, head: str) -> bool:
        """Whether `head` descends from `ancestor`; the time before the first commit leads everywhere."""
        if not ancestor:
            return True
        return is_ancestor(self._git, ancestor, head)

    def agree(self, project: str, session: str, tree: str, heads: Sequence[str] = ()) -> None:
        """See `Workspace.agree`."""
        contribution = Contribution(tree, tuple(heads) or (self._head(),))
        remember_contribution(self._work_tree, project, session, contribution)

    def merge(self, base: str, ours: str, theirs: str) -> Merged:
        """See `Workspace.merge`."""
        if theirs in (ours, base):
            return Merged(ours, ())
        from idse_orchestrator.worktree.tree_merge import TreeMerger

        return TreeMerger(self._work_tree).merge(base, ours, theirs)

    def mixed(self, tree: str, other: str, paths: Sequence[str]) -> str:
        """See `Workspace.mixed`."""
        if not paths or tree == other:
            return tree
        from idse_orchestrator.worktree.tree_merge import TreeMerger

        return TreeMerger(self._work_tree).mixed(tree, other, paths)

    def is_safe_to_replace(self, project: str, session: str, tree: str) -> bool:
        """See `Workspace.is_safe_to_replace`."""
        given = last_contribution(self._work_tree, project, session)
        if given and given.tree == tree:
            return True
        head = self.resolve_tree("HEAD", session_folder(project, session)) or ""
        if head == tree:
            return True
        return self._blobs(tree) <= self._blobs(head) | self._ledger_held(project, session)

    def replace_folder(self, project: str, session: str, before: str, after: str) -> Sequence[str]:
        """See `Workspace.replace_folder`."""
        from idse_orchestrator.worktree.checkout import replace_folder

        return replace_folder(self._work_tree, session_folder(project, session), before, after)

    def resolve_tree(self, rev: str, path: str) -> str | None:
        """See `Workspace.resolve_tree`."""
        found = self._objects.find(f"{rev}:{path}" if path else f"{rev}^{{tree}}")
        return found[0] if found and found[1] == "tree" else None

    def _blobs(self, tree: str) -> set[str]:
        rows = self._git.bytes("ls-tree", "-r", "-z", tree).split(b"\0") if tree else []
        return {row.split()[2].decode() for row in rows if row}

    def _ledger_held(self, project: str, session: str) -> set[str]:
        """Ids of everything its ledger ever held, documents among it."""
        held = self._git.lines("rev-list", "--objects", "--no-object-names", session_ref(project, session))
        return set(held)

    def _head(self) -> str:
        found = self._objects.find("HEAD")
        return found[0] if found else ""

    def _write_if_different(self, relative: str, content: bytes) -> bool:
        path = os.path.join(self._work_tree.top, relative)
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            return False
        if os.path.realpath(folder) != os.path.join(
            os.path.realpath(self._work_tree.top), *relative.split("/")[:-1]
        ):
            raise ConflictError(
                "a view would be written outside of this work tree",
                where=relative,
                cause="a folder on the way is a symbolic link",
                fix=("replace the link by a folder",),
            )
        try:
            if stat.S_ISREG(os.lstat(path).st_mode):  # reading a pipe would wait for ever
                with open(path, "rb") as file:
                    if file.read() == content:
                        return False
        except FileNotFoundError:
            pass
        except OSError as error:
            raise storage_error(error, relative) from error
        write_atomically(path, content)
        return True

    def _is_file(self, relative: str) -> bool:
        path = os.path.join(self._work_tree.top, relative)
        return os.path.isfile(path) and not os.path.islink(path)


def _folders(path: str) -> Sequence[str]:
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StorageError("this folder cannot be read", where=path, cause=error.strerror) from error
    return sorted(name for name in names if is_name(name))
