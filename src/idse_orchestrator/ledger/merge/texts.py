"""Three texts merged into one by `git merge-file`, with markers where they conflict.

Where there is git, nothing else merges texts: the id of a merge rests on this one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from idse_orchestrator.base.text_merge import MergedText
from idse_orchestrator.git.program import failure

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

_MERGE = ("-c", "merge.conflictStyle=merge", "merge-file", "--quiet", "--stdout")
"""The same conflict has the same text on every machine, however its owner likes conflicts shown."""
_MOST_CONFLICTS = 127
"""git counts conflicts in the exit code up to this many; 255 says that one side is no text."""
_NO_TEXT = 255


def merge_texts(
    git: Git, ours: bytes, base: bytes, theirs: bytes, *, labels: tuple[str, str]
) -> MergedText | None:
    """Applies what changed from `base` to `theirs` to `ours`; None where one of them is no text.

    `labels` name `ours` and `theirs` in the markers.
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="idse-merge-") as folder:
        paths = [os.path.join(folder, name) for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, (ours, base, theirs), strict=True):
            with open(path, "wb") as file:
                file.write(text)
        named = ("-L", labels[0], "-L", "base", "-L", labels[1])
        done = git.attempt(*_MERGE, *named, *paths)
    if done.returncode == _NO_TEXT:
        return None
    if not 0 <= done.returncode <= _MOST_CONFLICTS:
        raise failure(("merge-file",), done)
    return MergedText(done.stdout, conflicts=done.returncode != 0)
