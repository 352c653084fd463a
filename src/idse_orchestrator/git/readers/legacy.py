"""Files of older layouts outside ``.idse/``, found with path patterns instead of by looking everywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_STAGE_FOLDERS = ("intents", "contexts", "specs", "plans", "tasks", "implementation", "feedback")
_STAGES = "|".join(_STAGE_FOLDERS)
_SESSION_FILES = rf"(?:(?:{_STAGES}|metadata)/.+|[^/]+\.md|session_state\.json|\.owner|\.collaborators)"

_LEGACY = (
    rf"(?:{_STAGES})/projects/[^/]+/sessions/[^/]+/.+"
    rf"|(?:{_STAGES})/current/(?:[^/]+\.md|feedback/[^/]+\.md)"
    rf"|projects/[^/]+/sessions/[^/]+/{_SESSION_FILES}"
)

PATHSPECS = (
    *(f":(top,glob){folder}/projects/*/sessions/**" for folder in _STAGE_FOLDERS),
    *(f":(top,glob){folder}/current/**/*.md" for folder in _STAGE_FOLDERS),
    ":(top,glob)projects/*/sessions/**",
)
"""What to hand git after ``--``: wide enough for every older layout; `only_legacy` narrows the answer."""


TOP_FOLDERS = (*_STAGE_FOLDERS, "projects")
"""The folders that all of them are in."""


def only_legacy(paths: Iterable[str]) -> tuple[str, ...]:
    """Those of `paths` that belong to an older layout, in order, each once."""
    return tuple(sorted({path for path in paths if re.fullmatch(_LEGACY, path, re.DOTALL)}))
