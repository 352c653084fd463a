"""The note on a code commit: which sessions it belongs to, one block of plain lines for each.

```
Idse-Session: portal/login
Idse-Stage: spec
Idse-Verdict: passing
Idse-Ledger: 3f2a1c9…
```
A person may add paragraphs of his own with git; they are kept in front of the blocks. Code that was out of
place has one, too: ``Idse-Misplaced: portal/login early``. To an older idse it is a paragraph like any other.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MISPLACED = "Idse-Misplaced"
_SESSION = "Idse-Session"
_STAGE = "Idse-Stage"
_VERDICT = "Idse-Verdict"
_LEDGER = "Idse-Ledger"

Value = TypeVar("Value")


class CommitNote(NamedTuple):
    """One session's block: `session` is ``project/session``; None is "not known when it was written"."""

    session: str
    stage: str | None = None
    verdict: str | None = None
    ledger: str | None = None

    def text(self) -> str:
        """Returns the block as lines, without the last line break."""
        lines = {_SESSION: self.session, _STAGE: self.stage, _VERDICT: self.verdict, _LEDGER: self.ledger}
        return "\n".join(f"{key}: {one_line(value)}" for key, value in lines.items() if value)


def note_text(session: str, stage: str | None, verdict: str | None, ledger: str | None) -> str:
    """Returns the text of a note with one block; `session` is ``project/session``."""
    return CommitNote(session, stage, verdict, ledger).text() + "\n"


def parse_note(text: str) -> tuple[CommitNote, ...]:
    """Returns the blocks in `text`, one per session, ordered by session.

    Anything else in it is passed over.
    """
    return tuple(_split(text)[1].values())


def misplaced_text(session: str, why: str) -> str:
    """Returns the paragraph that says why a commit of code was out of place in `session`, a word."""
    return f"{MISPLACED}: {one_line(session)} {one_line(why)}\n"


def parse_misplaced(line: str) -> tuple[str, str] | None:
    """Returns session and word of such a paragraph; None for another line."""
    key, _, said = line.partition(": ")
    session, _, why = said.strip().partition(" ")
    return (session, why) if key == MISPLACED and session and why else None


def merge_notes(*texts: str) -> str:
    """One note that says what all `texts` say; where two differ about a session, the later one counts.

    Merging what is there already changes nothing, byte for byte.
    """
    prose: dict[str, None] = {}
    blocks: dict[str, CommitNote] = {}
    for text in texts:
        own_prose, own_blocks = _split(text)
        prose.update(dict.fromkeys(own_prose))
        for session, block in own_blocks.items():
            blocks[session] = _overlay(blocks.get(session), block)
    return _told(prose, blocks)


def join_notes(base: str, one: str, other: str) -> str:
    """Returns what two sides made of the note `base` (texts; "" is none): each block by itself.

    Where both changed a session's block, `other` counts for what it says.
    """
    sides = [_split(text) for text in (base, one, other)]
    prose = _three_way(*({paragraph: paragraph for paragraph in side[0]} for side in sides))
    was, mine, theirs = (side[1] for side in sides)
    blocks = _three_way(was, mine, theirs)
    for session in blocks:
        if was.get(session) not in (mine.get(session), theirs.get(session)):
            blocks[session] = _overlay(mine.get(session), blocks[session])
    return _told(prose, blocks)


def _three_way(
    base: Mapping[str, Value], one: Mapping[str, Value], other: Mapping[str, Value]
) -> dict[str, Value]:
    """Returns the entries of both sides but those that one of them took out and the other left alone."""
    found = {}
    for key in {**one, **other}:
        was, mine, theirs = base.get(key), one.get(key), other.get(key)
        kept = mine if theirs in (mine, was) else theirs if mine == was else theirs or mine
        if kept is not None:
            found[key] = kept
    return found


def _told(prose: Iterable[str], blocks: Mapping[str, CommitNote]) -> str:
    parts = [*prose, *(blocks[session].text() for session in sorted(blocks))]
    return "\n\n".join(parts) + "\n" if parts else ""


def _overlay(before: CommitNote | None, block: CommitNote) -> CommitNote:
    if before is None:
        return block
    return before._replace(
        stage=block.stage or before.stage,
        verdict=block.verdict or before.verdict,
        ledger=block.ledger or before.ledger,
    )


def _split(text: str) -> tuple[list[str], dict[str, CommitNote]]:
    prose: list[str] = []
    blocks: dict[str, CommitNote] = {}
    for filled, lines in groupby(text.split("\n"), key=lambda line: bool(line.strip())):
        paragraph = tuple(lines) if filled else ()
        block = _block(paragraph)
        if block is not None:
            blocks[block.session] = _overlay(blocks.get(block.session), block)
        elif filled:
            prose.append("\n".join(paragraph))
    return prose, dict(sorted(blocks.items()))


def _block(lines: Iterable[str]) -> CommitNote | None:
    values = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if not colon or key not in (_SESSION, _STAGE, _VERDICT, _LEDGER):
            return None
        values[key] = one_line(value) or None
    session = values.get(_SESSION)
    if not session:
        return None
    return CommitNote(session, values.get(_STAGE), values.get(_VERDICT), values.get(_LEDGER))
