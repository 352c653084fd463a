"""Three texts merged into one by `git merge-file`, byte for byte, with markers where they conflict."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.git.program import failure

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

_MERGE = ("-c", "merge.conflictStyle=merge", "merge-file", "--quiet", "--stdout")
"""The same conflict has the same text on every machine, however its owner likes conflicts shown."""
_MOST_CONFLICTS = 127
"""git counts conflicts in the exit code up to this many; 255 says that one side is no text."""
_NO_TEXT = 255


class MergedText(NamedTuple):
    """One text out of three; `conflicts`: some lines of it stand between markers."""

    text: bytes
    conflicts: bool


def merge_texts(
    git: Git, ours: bytes, base: bytes, theirs: bytes, *, labels: tuple[str, str, str]
) -> MergedText | None:
    """What changed from `base` to `theirs`, applied to `ours`; None where one of them is no text.

    `labels` name the sides in the markers, in the order of the texts.
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="idse-merge-") as folder:
        paths = [os.path.join(folder, name) for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, (ours, base, theirs), strict=True):
            with open(path, "wb") as file:
                file.write(text)
        named = [word for label in labels for word in ("-L", label)]
        done = git.attempt(*_MERGE, *named, *paths)
    if done.returncode == _NO_TEXT:
        return None
    if not 0 <= done.returncode <= _MOST_CONFLICTS:
        raise failure(("merge-file",), done)
    return MergedText(done.stdout, conflicts=done.returncode != 0)
