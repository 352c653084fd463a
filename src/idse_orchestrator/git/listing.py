"""Lists of files in git's machine formats, turned into FileEntry by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import STAGE_FOLDERS, FileEntry, decode, is_readable
from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.object_stream import ObjectStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from idse_orchestrator.git.object_stream import GitObject
    from idse_orchestrator.git.program import Git

DELETED = "D"
UNMERGED = "U"


def literally(folders: Iterable[str]) -> list[str]:
    """Returns `folders` as path patterns in which no character is special."""
    return [f":(top,literal){folder}" for folder in folders]


def names(out: bytes) -> list[str]:
    """Returns the paths of a NUL-terminated list."""
    return [decode(raw) for raw in out.split(b"\0") if raw]


def from_tree(out: bytes, prefix: str = "") -> dict[str, FileEntry]:
    """Parses `git ls-tree -r -l -z`; each path gets `prefix` in front."""
    entries = {}
    for record in out.split(b"\0")[:-1]:
        fields, _, path = record.partition(b"\t")
        mode, _kind, blob, size = fields.split()
        length = 0 if size == b"-" else int(size)
        entries[prefix + decode(path)] = FileEntry(int(mode, 8), blob.decode(), length)
    return entries


class Change(NamedTuple):
    """One path that differs between two sources: mode and blob on the new side, git's letter for it."""

    path: str
    mode: int
    blob: str
    kind: str


def from_raw(out: bytes) -> list[Change]:
    """Parses a `git diff-…` with ``--raw -z --no-abbrev``."""
    fields = out.split(b"\0")
    changes = []
    for meta, path in zip(fields[:-1:2], fields[1::2], strict=True):
        _, mode, _, blob, kind = meta.decode().split()
        changes.append(Change(decode(path), int(mode, 8), blob, kind))
    return changes


def from_stages(out: bytes) -> tuple[dict[str, tuple[int, str]], list[str]]:
    """Parses `git ls-files -s -z`: mode and blob by path, and the paths that are not merged yet."""
    merged, unmerged = {}, []
    for record in out.split(b"\0")[:-1]:
        fields, _, path = record.partition(b"\t")
        mode, blob, stage = fields.split()
        if stage == b"0":
            merged[decode(path)] = (int(mode, 8), blob.decode())
        else:
            unmerged.append(decode(path))
    return merged, list(dict.fromkeys(unmerged))


class Staged(NamedTuple):
    """The index: mode and blob by path, and the paths that git does not look for in the work tree.

    A sparse checkout leaves those out, or somebody set their bit (``--skip-worktree``,
    ``--assume-unchanged``): git takes them for what is staged, whether or not a file is there.
    """

    files: Mapping[str, tuple[int, str]]
    passed_over: frozenset[str]


def staged(git: Git, pathspecs: Sequence[str]) -> Staged:
    """Returns what the index has at `pathspecs`; what is not merged yet is left out."""
    rows = git.bytes("ls-files", "-v", "-s", "-z", "--", *pathspecs).split(b"\0")[:-1]
    files, _ = from_stages(b"".join(row[2:] + b"\0" for row in rows))
    passed_over = (decode(row.partition(b"\t")[2]) for row in rows if row[:1] in _PASSED_OVER)
    return Staged(files, frozenset(passed_over).intersection(files))


_PASSED_OVER = frozenset((b"S", b"s", b"h"))
"""What `git ls-files -v` marks such paths with."""


def contents(git: Git, entries: Mapping[str, FileEntry], paths: Iterable[str]) -> dict[str, bytes]:
    """Returns bytes of `paths` out of the object store.

    A file above the cap of the object stream, and a repository inside this one, read as b"".
    """
    found = dict.fromkeys(paths, b"")
    wanted = [path for path in found if is_readable(entries[path])]
    with ObjectStream(git) as objects:
        answers = objects.read_all(entries[path].blob for path in wanted)
        for path, answer in zip(wanted, answers, strict=True):
            found[path] = _present(answer, path)
    return found


def _present(answer: GitObject | None, path: str) -> bytes:
    if answer is None:
        raise GitFailedError("an object of this repository is missing", where=path, fix=("git fsck",))
    return answer.data


PATHSPECS = (
    *(f":(top,glob){folder}/projects/*/sessions/**" for folder in STAGE_FOLDERS),
    *(f":(top,glob){folder}/current/**/*.md" for folder in STAGE_FOLDERS),
    ":(top,glob)projects/*/sessions/**",
)
"""What to hand git after ``--``: wide enough for every older layout; `only_legacy` narrows the answer."""
