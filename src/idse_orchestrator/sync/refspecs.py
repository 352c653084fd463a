"""Refspecs as git's configuration writes them, and what they would do to ledgers."""

from __future__ import annotations

from typing import NamedTuple

LEDGERS = "refs/idse/"


class Refspec(NamedTuple):
    """``+source:destination``. `destination` is "" where none is given, `negative` one that only excludes."""

    source: str
    destination: str
    force: bool
    negative: bool
    text: str


def parse_refspec(text: str) -> Refspec:
    """The parts of `text`; any text can be read so, whether git would take it or not."""
    force = text.startswith("+")
    plain = text[1:] if force or text.startswith("^") else text
    source, _, destination = plain.rpartition(":") if ":" in plain else (plain, "", "")
    return Refspec(source, destination, force, text.startswith("^"), text)


def covers_ledgers(pattern: str) -> bool:
    """Whether the ref or pattern `pattern` can name something under ``refs/idse/``."""
    fixed, star, _ = pattern.partition("*")
    if fixed.startswith(LEDGERS):
        return True
    return bool(star) and LEDGERS.startswith(fixed)


def is_own_push(refspec: Refspec) -> bool:
    """Whether `refspec` sends ledgers to their own names and nothing else, forward only."""
    same = refspec.destination in ("", refspec.source)
    return refspec.source.startswith(LEDGERS) and same and not refspec.force


def tracking(remote: str) -> str:
    """The refspec that brings what a remote has to where it harms nothing."""
    return f"+{LEDGERS}*:{tracking_prefix(remote)}*"


def tracking_prefix(remote: str) -> str:
    """Where the refs of a remote are tracked; never published."""
    return f"refs/idse-local/remotes/{remote}/"


PUBLISHING = f"{LEDGERS}*:{LEDGERS}*"
"""The refspec that sends all ledgers, forward only."""
