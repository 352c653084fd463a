"""Names of older layouts made into names that a ledger takes, the same ones whenever it is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from idse_orchestrator.domain.names import MAX_LENGTH, is_name

_OTHER = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_DOTS = re.compile(r"\.{2,}")
_CUT = 8


def mapped_names(kind: str, names: Iterable[str]) -> Mapping[str, str]:
    """Each of `names` and what it is called now; no two of those differ only in case.

    Names that can stay stay, the first of several that collide does, and the others get a number.
    """
    wanted = {name: new_name(kind, name) for name in names}
    taken: set[str] = set()
    found = {}
    for name in sorted(wanted, key=lambda name: (wanted[name] != name, _sortable(name))):
        found[name] = _free(wanted[name], taken)
        taken.add(found[name].casefold())
    return found


def new_name(kind: str, name: str) -> str:
    """`name` where it may name a `kind`, else what is left of it that may."""
    if is_name(name):
        return name
    text = _OTHER.sub("-", _plain_letters(name))
    text = _DOTS.sub(".", text).lstrip(".-").rstrip(".-")
    if text.endswith(".lock"):
        text = text.removesuffix(".lock") + "-lock"
    if len(text) > MAX_LENGTH:
        text = f"{text[: MAX_LENGTH - _CUT - 1].rstrip('.-')}-{_digest(name)}"
    return text if is_name(text) else f"{kind}-{_digest(name)}"


def _plain_letters(name: str) -> str:
    """`name` with its accents taken off, so that more than dashes is left of it."""
    if name.isascii():
        return name
    from unicodedata import combining, normalize

    return "".join(char for char in normalize("NFKD", name) if not combining(char))


def _digest(name: str) -> str:
    from hashlib import sha256

    return sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:_CUT]


def _sortable(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _free(name: str, taken: set[str]) -> str:
    number, found = 2, name
    while found.casefold() in taken:
        end = f"-{number}"
        found = name[: MAX_LENGTH - len(end)] + end
        number += 1
    return found


def file_name(name: str) -> str:
    """`name` as a ledger takes it for a file: characters that nobody can type are written as ``%0A``."""
    from idse_orchestrator.domain.file_names import file_name_problem

    raw = name.encode("utf-8", "surrogateescape")
    shown = "".join(char if char.isprintable() else _escaped(char) for char in name)
    if file_name_problem(shown.encode("utf-8", "surrogateescape")) is None:
        return shown
    return f"file-{_digest(name)}" if raw in (b"", b".", b"..") else f"{shown.replace('.', '_')}~"


def _escaped(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))
