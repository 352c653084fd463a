"""How a task wants to be worked on: the notes ``(Agent: …)``, ``(Retries: …)`` and more, as values.

Values are numbers, and names of what the user has configured. A command is never read from a document: a
note whose value is none of these is told, and nothing is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from idse_orchestrator.base.names import is_name
from idse_orchestrator.base.records import NamedTuple

WISHES = ("agent", "model", "retries", "timeout", "budget", "check", "sandbox", "output")
"""The notes that say it, in lower case."""

SANDBOXES = ("auto", "required", "none")
MOST_RETRIES = 100
MOST_SECONDS = 7 * 24 * 3600
_DURATION = re.compile(r"(\d{1,6})\s*(s|sec|seconds?|m|min|minutes?|h|hours?)?", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "": 60}
_MONEY = re.compile(r"\$?\s*(\d{1,7}(?:\.\d{1,6})?)\s*(?:\$|USD)?", re.IGNORECASE)
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,79}")


class Wishes(NamedTuple):
    """What a task asks for; None and "" where it asks for nothing. `output` is a path below $IDSE_OUT."""

    agent: str = ""
    model: str = ""
    retries: int | None = None
    timeout_s: int | None = None
    budget_usd: float | None = None
    check: str = ""
    sandbox: str = ""
    output: str = ""


class Wish(NamedTuple):
    """A note that cannot be read: its key, its value, and what is meant."""

    key: str
    value: str
    meant: str


def wishes_of(notes: Iterable[tuple[str, str]]) -> tuple[Wishes, tuple[Wish, ...]]:
    """Returns what the notes of a task ask for, and which cannot be read. Of two alike the last counts."""
    found: dict[str, object] = {}
    odd: list[Wish] = []
    for key, value in notes:
        reader = _READERS.get(key)
        if reader is None:
            continue
        field, read, meant = reader
        plain = value.strip("`*\"' ")
        got = read(plain)
        if got is None:
            odd.append(Wish(key, plain, meant))
        else:
            found[field] = got
    return Wishes(**found), tuple(odd)  # type: ignore[arg-type] # each reader gives what its field holds


def _name(text: str) -> str | None:
    return text if is_name(text) else None


def _model(text: str) -> str | None:
    return text if _MODEL.fullmatch(text) else None


def _retries(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and int(text[:5]) <= MOST_RETRIES else None


def _seconds(text: str) -> int | None:
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    seconds = int(found[1]) * _SECONDS[(found[2] or "").lower()[:1]]
    return seconds if 0 < seconds <= MOST_SECONDS else None


def _usd(text: str) -> float | None:
    found = _MONEY.fullmatch(text)
    return float(found[1]) if found else None


def _sandbox(text: str) -> str | None:
    return text.lower() if text.lower() in SANDBOXES else None


def _path(text: str) -> str | None:
    parts = text.removeprefix("./").rstrip("/").split("/")
    is_plain = len(text) <= 200 and text.isprintable() and not text.startswith(("/", "~", "$"))
    return "/".join(parts) if is_plain and all(part not in ("", ".", "..") for part in parts) else None


_READERS: dict[str, tuple[str, Callable[[str], object], str]] = {
    "agent": ("agent", _name, "the name of an agent"),
    "model": ("model", _model, "the name of a model"),
    "retries": ("retries", _retries, f"a number up to {MOST_RETRIES}"),
    "timeout": ("timeout_s", _seconds, "minutes, or a number with s, m or h"),
    "budget": ("budget_usd", _usd, "an amount of USD, such as 2.50"),
    "check": ("check", _name, "the name of a check that you configured: no command is read from a document"),
    "sandbox": ("sandbox", _sandbox, "auto, required or none"),
    "output": ("output", _path, "the path of a file below $IDSE_OUT"),
}
