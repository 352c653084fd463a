"""Finds objects by name, in the repository's folders and in others beside them.

Starting git costs more than ten answers. The child ends when its owner does; it only reads, so nothing
is lost when it is ended at any instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.git.object_stream import KINDS

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Child, Git


class ObjectFinder:
    """Finds objects by any name that git understands. One thread at a time."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._child: Child | None = None

    def find(self, name: str) -> tuple[str, str] | None:
        """Id and kind ("blob", "tree", "commit", "tag") of the object `name` stands for, or None."""
        if "\n" in name or "\0" in name:
            return None
        fields = self._answer(name.encode("utf-8", "surrogateescape")).split()
        if not fields or fields[-1] not in KINDS:
            return None
        return fields[0], fields[1]

    def close(self) -> None:
        """End git; the next question starts it again."""
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        child.wait()

    def __del__(self) -> None:
        self.close()

    def _answer(self, name: bytes) -> str:
        if self._child is None:
            self._child = self._git.start("cat-file", "--batch-check=%(objectname) %(objecttype)")
        asking, answering = self._child.stdin, self._child.stdout
        if asking is None or answering is None:
            return ""
        try:
            asking.write(name + b"\n")
            asking.flush()
        except BrokenPipeError:
            return ""  # git ended by itself: it cannot answer, and whoever needs the object will say so
        return answering.readline().decode("utf-8", "surrogateescape")


_ALSO = "GIT_ALTERNATE_OBJECT_DIRECTORIES"


def reading_also(git: Git, folder: str) -> Git:
    """A git that finds objects in `folder`, too."""
    return git.with_environment({_ALSO: quoted(folder)})


def writing_to(folder: str, store: str) -> dict[str, str]:
    """The environment of a git that writes objects to `folder`, and finds those of `store`, too."""
    return {"GIT_OBJECT_DIRECTORY": folder, _ALSO: quoted(store)}


def quoted(path: str) -> str:
    """Quoted the way git reads paths in lists: backslashes, quotes and line ends escaped."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
