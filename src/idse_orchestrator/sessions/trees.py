"""Trees of artifacts and how they differ, told by the git program.

Configured diff programs and text conversions are left out: they would run for text that somebody
else wrote, and would make the same question have other answers elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.ledger.commit import ARTIFACTS

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs: `status` is git's letter (A, D, M, T), ids are "" where there is no file."""

    path: str
    status: str
    old: str
    new: str


class Trees(Protocol):
    """Trees of artifacts, and how two of them differ. Paths are relative to the session's folder."""

    def of_entry(self, commit: str) -> str:
        """Returns the tree of artifacts in a ledger commit; the empty tree where it has none."""

    def of_folder(self, revision: str, folder: str) -> str | None:
        """Returns the tree of `folder` in a code revision ("" if the folder is not there).

        None: no such revision.
        """

    def of_files(self, files: dict[str, str]) -> str:
        """Returns a tree of `files` (path to blob id). Objects are written, nothing else."""

    def changes(self, old: str, new: str, paths: Sequence[str] = ()) -> Sequence[Change]:
        """Returns what differs between two trees, limited to `paths` if there are any."""

    def patch(self, old: str, new: str, paths: Sequence[str] = ()) -> Iterator[bytes]:
        """Yields the lines of the patch from `old` to `new`, each with its line break."""

    def stat(self, old: str, new: str, paths: Sequence[str] = (), width: int = 80) -> Sequence[str]:
        """Returns the summary git makes of the same, at most `width` columns wide."""

    def content(self, commit: str, path: str) -> bytes | None:
        """Returns the bytes of an artifact in a ledger commit; None where there is none."""

    def blob(self, commit: str, path: str) -> str:
        """Returns the id of that artifact; "" where there is none."""


_NO_FILE = "0" * 40
_PLAIN = (
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-renames",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
_DIFF = ("diff", *_PLAIN)


class GitTrees:
    """The `Trees` port on a repository."""

    def __init__(self, vault: Vault) -> None:
        self._git = vault.git

    def of_entry(self, commit: str) -> str:
        """See `Trees.of_entry`."""
        from idse_orchestrator.git.object_stream import EMPTY_TREE, find

        found = find(self._git, f"{commit}:{ARTIFACTS}")
        return found[0] if found and found[1] == "tree" else EMPTY_TREE

    def of_folder(self, revision: str, folder: str) -> str | None:
        """See `Trees.of_folder`."""
        from idse_orchestrator.git.object_stream import find

        commit = find(self._git, f"{revision}^{{commit}}")
        if commit is None:
            return None
        found = find(self._git, f"{commit[0]}:{folder}")
        return found[0] if found and found[1] == "tree" else ""

    def of_files(self, files: dict[str, str]) -> str:
        """See `Trees.of_files`."""
        folders: dict[str, dict[str, str]] = {}
        rows = []
        for path, blob in files.items():
            head, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(head, {})[rest] = blob
            else:
                rows.append(f"100644 blob {blob}\t{path}\0")
        rows += [f"040000 tree {self.of_files(inner)}\t{name}\0" for name, inner in folders.items()]
        return self._git.text("mktree", "-z", stdin="".join(rows).encode("utf-8", "surrogateescape"))

    def changes(self, old: str, new: str, paths: Sequence[str] = ()) -> Sequence[Change]:
        """See `Trees.changes`."""
        out = self._git.text("diff-tree", "-r", "-z", "--no-renames", old, new, "--", *_literal(paths))
        fields = out.split("\0")
        return [_change(meta, path) for meta, path in zip(fields[::2], fields[1::2], strict=False)]

    def patch(self, old: str, new: str, paths: Sequence[str] = ()) -> Iterator[bytes]:
        """See `Trees.patch`."""
        child = self._git.start(*_DIFF, old, new, "--", *_literal(paths))
        assert child.stdout is not None  # noqa: S101 - `start` opens it
        try:
            yield from child.stdout
            if child.wait() != 0:
                raise CorruptLedgerError(
                    "git cannot compare these documents", where=f"{old[:7]}..{new[:7]}", fix=("idse fsck",)
                )
        finally:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
            child.wait()

    def stat(self, old: str, new: str, paths: Sequence[str] = (), width: int = 80) -> Sequence[str]:
        """See `Trees.stat`."""
        return self._git.lines(*_DIFF, f"--stat={width}", old, new, "--", *_literal(paths))

    def content(self, commit: str, path: str) -> bytes | None:
        """See `Trees.content`."""
        blob = self.blob(commit, path)
        return self._git.bytes("cat-file", "blob", blob) if blob else None

    def blob(self, commit: str, path: str) -> str:
        """See `Trees.blob`."""
        from idse_orchestrator.git.object_stream import find

        found = find(self._git, f"{commit}:{ARTIFACTS}/{path}")
        return found[0] if found and found[1] == "blob" else ""


def _change(meta: str, path: str) -> Change:
    _old_mode, _new_mode, old, new, status = meta.removeprefix(":").split(" ")
    return Change(path, status[:1], "" if old == _NO_FILE else old, "" if new == _NO_FILE else new)


def _literal(paths: Sequence[str]) -> list[str]:
    return [f":(top,literal){path}" for path in paths]
