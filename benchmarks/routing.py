"""The row of routing: who should act, asked of a small team and of a very large one."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from bed import IDSE, PYTHON, Bed
from measure import Figure, Subject, at_most, take_turns

if TYPE_CHECKING:
    from rows import Sizes

_TARGET = 6
_FEW = 3
_MANY = 10_000


def routing(bed: Bed, sizes: Sizes) -> list[Figure]:
    """`idse agents route` and `idse next` where the project has agents."""
    team = bed.project("team")
    _hire(bed, team, _FEW)
    crowd = bed.project("crowd")
    _hire(bed, crowd, _MANY if sizes.runs > 1 else _FEW)
    subjects = {
        "idse agents route": Subject((IDSE, "agents", "route", "spec"), team),
        "idse next, with agents": Subject((IDSE, "next"), team),
        f"idse agents route, {_MANY:,} agents": Subject((IDSE, "agents", "route", "plan"), crowd),
    }
    found = take_turns(bed, sizes.runs, {"floor": Subject(PYTHON, bed.folder), **subjects})
    floor = found["floor"].ms
    return [
        at_most(
            name,
            found[name].ms / floor,
            _TARGET if number < len(subjects) - 1 else 3 * _TARGET,
            "x python",
            f"{found[name].ms:.0f} of {floor:.0f} ms",
        )
        for number, name in enumerate(subjects)
    ]


def _hire(bed: Bed, folder: str, count: int) -> None:
    """Import a registry in which the first three agents handle spec, and the last one handles plan."""
    agents = [{"id": f"agent-{number}", "role": "one of many"} for number in range(count)]
    for agent in agents[:_FEW]:
        agent["stages"] = ["spec"]
    agents[-1]["stages"] = ["plan"]
    path = os.path.join(folder, "team.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"agents": agents}, file)
    bed.run(IDSE, "agents", "import", path, cwd=folder)
