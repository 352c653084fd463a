"""What ``idse compile`` prints: paths or contents as data, and a sentence about what was done."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.style import Style, printable
from idse_orchestrator.profiles.file import YAML
from idse_orchestrator.profiles.folder import CURRENT, FOREIGN, MISSING, OUTDATED, Standing

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Terminal

_WORDS = {MISSING: "missing", OUTDATED: "outdated", FOREIGN: "not as idse wrote it", CURRENT: "up to date"}
_WIDEST = max(map(len, _WORDS.values()))


def shown_path(standing: Standing) -> str:
    """The path of a file as seen from the folder we stand in."""
    return os.path.relpath(standing.path)


def profiles_data(
    standings: Sequence[Standing], left: Sequence[str], source: str, *, written: bool
) -> dict[str, object]:
    """`standings`, and the paths of files that are `left` over, for ``--json``.

    With `written` those that were not current have been written, and what was left over is gone.
    """
    return {
        "source": source,
        "profiles": [_data(each, written=written) for each in standings],
        "leftovers": [{"path": os.path.relpath(path), "removed": written} for path in left],
    }


def _data(standing: Standing, *, written: bool) -> dict[str, object]:
    profile = standing.profile
    return {
        "project": profile.key[0],
        "session": profile.key[1],
        "blueprint": profile.blueprint or None,
        "path": shown_path(standing),
        "before": standing.how,
        "written": written and standing.how != CURRENT,
        "profile": profile.spec.as_data(),
    }


def summary(standings: Sequence[Standing], source: str, *, done: str) -> str:
    """One sentence: how many profiles, from where, and how many were `done` ("written", "to write")."""
    if not standings:
        return f"no profile in the {source}"
    count = "1 profile" if len(standings) == 1 else f"{len(standings)} profiles"
    current = sum(each.how == CURRENT for each in standings)
    numbers = {done: len(standings) - current, "up to date": current}
    parts = [f"{number} {word}" for word, number in numbers.items() if number]
    return f"{count} compiled from the {source}: {', '.join(parts)}"


def standing_lines(standings: Sequence[Standing], left: Sequence[str], style: Style) -> list[str]:
    """For each file that is not what would be written, or is `left` over: how it stands, and where it is."""
    rows = [(_WORDS[each.how], shown_path(each)) for each in standings if each.how != CURRENT]
    rows += [("left over", os.path.relpath(path)) for path in left]
    return [f"{style.red(how.ljust(_WIDEST))}  {printable(path)}" for how, path in rows]


def leftover_lines(left: Sequence[str], *, done: str) -> list[str]:
    """A line for each file that is `left` over, and what is `done` about it ("removed", "to remove")."""
    return [f"{done} {printable(os.path.relpath(path))}: its session has no profile" for path in left]


def print_contents(terminal: Terminal, standings: Sequence[Standing], form: str) -> None:
    """The files themselves, byte for byte where no terminal looks on; several are a stream of documents."""
    between = "---\n" if form == YAML else ""
    for number, each in enumerate(standings):
        text = (between if number else "") + each.profile.content.decode()
        if sys.stdout.isatty():
            terminal.data(printable(text, lines=True).removesuffix("\n"))
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()
