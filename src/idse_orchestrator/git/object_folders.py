"""Object folders besides the repository's own: read from, or written to in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

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
