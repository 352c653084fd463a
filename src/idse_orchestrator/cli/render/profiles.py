"""What ``idse compile`` prints: paths or contents as data, and a sentence about what was done."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.app.compile_agent_spec import CURRENT, FOREIGN, MISSING, OUTDATED, CompiledProfile
from idse_orchestrator.cli.render.style import Style, printable
from idse_orchestrator.domain.agent_profile_file import YAML

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Terminal

Path = Callable[[str], str]
"""From the name of a file to its absolute path."""

_WORDS = {MISSING: "missing", OUTDATED: "outdated", FOREIGN: "not as idse wrote it", CURRENT: "up to date"}
_WIDEST = max(map(len, _WORDS.values()))


def shown_path(path: str) -> str:
    """`path` as seen from the folder we stand in."""
    return os.path.relpath(path)


def profiles_data(
    profiles: Sequence[CompiledProfile], path: Path, source: str, *, written: bool
) -> dict[str, object]:
    """`profiles` for ``--json``; with `written` those that were not current have been written."""
    return {
        "source": source,
        "profiles": [
            {
                "project": each.key[0],
                "session": each.key[1],
                "blueprint": each.blueprint or None,
                "path": shown_path(path(each.name)),
                "before": each.standing,
                "written": written and each.standing != CURRENT,
                "profile": each.spec.as_data(),
            }
            for each in profiles
        ],
    }


def summary(profiles: Sequence[CompiledProfile], source: str, *, done: str) -> str:
    """One sentence: how many profiles, from where, and how many were `done` ("written", "to write")."""
    count = "1 profile" if len(profiles) == 1 else f"{len(profiles)} profiles"
    counted = Counter(each.standing == CURRENT for each in profiles)
    parts = [f"{counted[False]} {done}"] * bool(counted[False]) + [f"{counted[True]} up to date"] * bool(
        counted[True]
    )
    return (
        f"{count} compiled from the {source}: {', '.join(parts)}" if parts else f"no profile in the {source}"
    )


def standing_lines(profiles: Sequence[CompiledProfile], path: Path, style: Style) -> list[str]:
    """For each file that is not what would be written: how it stands, and where it is."""
    return [
        f"{style.red(_WORDS[each.standing].ljust(_WIDEST))}  {printable(shown_path(path(each.name)))}"
        for each in profiles
        if each.standing != CURRENT
    ]


def print_contents(terminal: Terminal, profiles: Sequence[CompiledProfile], form: str) -> None:
    """The files themselves, byte for byte where no terminal looks on; several are a stream of documents."""
    between = "---\n" if form == YAML else ""
    for number, each in enumerate(profiles):
        text = (between if number else "") + each.content.decode()
        if sys.stdout.isatty():
            terminal.data(printable(text, lines=True).removesuffix("\n"))
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()
