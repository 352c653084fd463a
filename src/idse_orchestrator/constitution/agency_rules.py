"""The rules of an Agency that a clone keeps: read where they are in force, and held to bounds before that.

They are remote data. A commit has ``agency.yaml``, for all of its clients, and ``client.yaml``, for one. They
only add rules and make them stricter. What names a check that is not built in is judged by the Agency alone:
no code runs here because it says so. ``designs.json`` is the catalogue of the
Agency's designs.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.constitution.rules import AGENCY, CLIENT, DESIGNS, Layer
from idse_orchestrator.documents.project_workspace import LARGEST_RULES
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.git.object_stream import ObjectStream
from idse_orchestrator.ledger.refs import KEPT_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from idse_orchestrator.constitution.rules import Constitution
    from idse_orchestrator.git.program import Git

_FILES = {b"agency.yaml": AGENCY, b"client.yaml": CLIENT, b"designs.json": DESIGNS}
_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
_MOST_ENTRIES = 16
_PLAIN = b"100644"


def keeps_rules(common_dir: str) -> bool:
    """Tests whether rules of any Agency are kept here, without asking git."""
    if os.path.isdir(os.path.join(common_dir, *KEPT_RULES.strip("/").split("/"))):
        return True
    try:
        with open(os.path.join(common_dir, "packed-refs"), "rb") as file:
            return f" {KEPT_RULES}".encode() in file.read()
    except OSError:
        return False


def kept_layers(git: Git, remote: str) -> tuple[Layer, ...]:
    """Returns the layers that are kept of the Agency that git knows as `remote`."""
    return tuple(_layers(git, f"{KEPT_RULES}{remote}", f"rules of the Agency ({remote})"))


def checked_rules(git: Git, commit: str, remote: str) -> Constitution:
    """Returns the rules that hold by a commit that came from `remote`; "" : by what is shipped alone.

    InvalidConfigurationError where a file is none of those that may be kept.
    """
    from idse_orchestrator.constitution.file import load_constitution

    layers = tuple(_layers(git, commit, f"rules of the Agency ({remote})")) if commit else ()
    return load_constitution(constitution_bytes(), layers)


def _layers(git: Git, name: str, place: str) -> Iterator[Layer]:
    with ObjectStream(git, cap=LARGEST_RULES) as objects:
        tree = objects.read(f"{name}^{{tree}}")
        if tree is None:
            return
        entries = _ENTRY.findall(tree.data)
        if len(entries) > _MOST_ENTRIES or tree.size > len(tree.data):
            raise _unfit(place, "there are too many files")
        for mode, file, number in entries:
            origin = _FILES.get(file)
            if origin is None:
                continue  # a newer Agency may say more
            where = f"{place}: {file.decode()}"
            found = objects.read(number.hex()) if mode == _PLAIN else None
            if found is None or found.kind != "blob":
                raise _unfit(where, "it is not a regular file")
            if found.size > LARGEST_RULES:
                raise _unfit(where, f"it has {found.size:,} bytes, and at most {LARGEST_RULES:,} are read")
            yield Layer(origin, where, found.data, is_remote=True)


def _unfit(where: str, cause: str) -> InvalidConfigurationError:
    return InvalidConfigurationError("the Agency's rules cannot be used", where=where, cause=cause)
