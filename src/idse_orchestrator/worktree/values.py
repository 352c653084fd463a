"""The user's own branch, and notes on its commits."""

from __future__ import annotations

from typing import NamedTuple


class CodeChange(NamedTuple):
    """What moved the branch: from `before` ("" : nothing) to `after`, and the first line of its message.

    `previous` is where HEAD stood until then. It differs from `before` when a commit was amended.
    `is_merge`: one commit with several parents, so that somebody has brought their texts together.
    """

    before: str
    after: str
    subject: str
    previous: str
    is_merge: bool = False


class Missed(NamedTuple):
    """What waits to be recorded: the commit `after`, or the way to it from `before` ("" : it alone)."""

    after: str
    before: str = ""
