"""Where HEAD of a work tree moved, by its reflog: with the documents, or away from them.

After a commit, an amend or a reset, the work tree goes on from the text that it last gave to a ledger. A
checkout puts another branch's text in its place. The reflog says which of the two it was.
"""

from __future__ import annotations

import os
import re

from idse_orchestrator.base.records import NamedTuple

KEEPS = "keeps"
REPLACES = "replaces"
UNKNOWN = "unknown"
"""Kinds of a move: the documents go on from what they were · they became those of another branch · nobody
says which, and it was the former where the commit after the move descends from the one before it."""

_LAST = 1 << 20
"""Bytes of the reflog that are read, from its end: some thousand moves."""
_NO_COMMIT = "0" * 40
_IDS = 2 * len(_NO_COMMIT) + 1
_KINDS = {"commit": KEEPS, "reset": KEEPS, "checkout": REPLACES}
"""By the first word of what git writes. A rebase does both, and tools have words of their own."""
_STEP = re.compile(r"(?:rebase|pull)\b[^:]* \((?P<step>\w+)\):")
_FIRST_STEP = "start"


class Move(NamedTuple):
    """HEAD went from the commit `before` to `after` ("" : none). `step` of a rebase, "" where it is none."""

    before: str
    after: str
    kind: str
    step: str = ""


def moves_between(git_dir: str, starts: tuple[str, ...], end: str) -> list[Move] | None:
    """Returns the moves of HEAD from the last time it left one of `starts` until it came to `end`, in order.

    A rebase is one move: on its way, HEAD has only some of what was committed before and will be again.
    None where the reflog does not say: there is none, or it does not reach so far.
    """
    found: list[Move] = []
    waiting = end
    for move in reversed(_logged(git_dir)):
        if move.after != waiting:
            if not found:
                continue  # later than what is asked for
            found.append(Move(move.after, waiting, UNKNOWN))  # lines are missing in between
        found.append(move)
        if move.before in starts:
            return _whole_rebases(found[::-1])
        waiting = move.before
    return None


def _whole_rebases(moves: list[Move]) -> list[Move]:
    found: list[Move] = []
    for move in moves:
        if move.step not in ("", _FIRST_STEP) and found and found[-1].step:
            found[-1] = found[-1]._replace(after=move.after)
        else:
            found.append(move)
    return [move for move in found if move.before != move.after]


def _logged(git_dir: str) -> list[Move]:
    try:
        with open(os.path.join(git_dir, "logs", "HEAD"), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LAST))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return []
    moves = [_move(line) for line in lines]
    return [move for move in moves if move and move.before != move.after]


def _move(line: str) -> Move | None:
    ids, _, message = line.partition("\t")
    before, _, after = ids[:_IDS].partition(" ")
    if len(before) != len(_NO_COMMIT) or len(after) != len(_NO_COMMIT):
        return None
    word = message.partition(":")[0].partition(" ")[0]
    return Move(
        "" if before == _NO_COMMIT else before,
        "" if after == _NO_COMMIT else after,
        _KINDS.get(word, UNKNOWN),
        step["step"] if (step := _STEP.match(message)) else "",
    )
