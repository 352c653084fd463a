"""The row of coding agents: what the gate adds to every edit."""

from __future__ import annotations

import json
import os

from bed import IDSE, PYTHON, Bed
from measure import Figure, Subject, at_most, take_turns
from rows import FOLDER, Sizes

_TARGET = 6
_EDITS = {"code": "src/app.py", "document": f"{FOLDER}/spec.md"}


def editing(bed: Bed, sizes: Sizes) -> list[Figure]:
    """`idse hook agent-before-edit` for code and for a document that has to wait."""
    folder = bed.project("agent")
    bed.run("git", "config", "idse.agent", "writer", cwd=folder)
    for name, path in _EDITS.items():
        _write_call(folder, name, path)
    subjects = {
        name: Subject(("sh", "-c", f"{IDSE} hook agent-before-edit claude <{name}.json"), folder)
        for name in _EDITS
    }
    told = bed.run(*subjects["document"].argv, cwd=folder)
    if "deny" not in told:
        raise RuntimeError("the gate was not asked")
    found = take_turns(bed, sizes.runs, {"floor": Subject(PYTHON, folder), **subjects})
    floor = found["floor"].ms
    return [
        at_most(
            f"gate before an edit, {name}",
            found[name].ms / floor,
            _TARGET,
            "x python",
            f"{found[name].ms:.0f} of {floor:.0f} ms",
        )
        for name in subjects
    ]


def _write_call(folder: str, name: str, path: str) -> None:
    call = {
        "session_id": "bench",
        "cwd": folder,
        "hook_event_name": "PreToolUse",
        "tool_name": "Edit",
        "tool_input": {"file_path": os.path.join(folder, path), "old_string": "a", "new_string": "b"},
    }
    with open(os.path.join(folder, f"{name}.json"), "w", encoding="utf-8") as file:
        json.dump(call, file)
