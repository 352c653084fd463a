"""What this folder last gave to a session's ledger, or took from it: the base of the next save."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.git.private_files import make_folder, write_atomically

if TYPE_CHECKING:
    from idse_orchestrator.git.repository import Repository


def last_given(place: Repository, project: str, session: str) -> Mapping[str, str] | None:
    """The files, path to content id; None where there is no record that can be read."""
    try:
        with open(_path(place, project, session), encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    if isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
        return value
    return None


def remember_given(place: Repository, project: str, session: str, files: Mapping[str, str]) -> None:
    """Keep `files` as what was given last."""
    path = _path(place, project, session)
    make_folder(os.path.dirname(path))
    write_atomically(path, json.dumps(dict(files), sort_keys=True, indent=1).encode() + b"\n")


def _path(place: Repository, project: str, session: str) -> str:
    return os.path.join(place.private, "given", project, f"{session}.json")
