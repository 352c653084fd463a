"""Checks of a file as such: kind, size, text, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import cast

from idse_orchestrator.base.text import is_unicode
from idse_orchestrator.constitution.checks.document import Document, Notice, number, texts
from idse_orchestrator.documents.artifact_reader import EXECUTABLE, GITLINK, SYMLINK

_KINDS = {SYMLINK: "a symbolic link", GITLINK: "a submodule"}
_CONFLICT = re.compile(r"^(<{7}(?= |$)|={7}$|>{7}(?= |$))", re.MULTILINE)


def regular_file(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where git would record anything but a plain file."""
    if not document.is_regular:
        yield Notice(params={"kind": _KINDS.get(document.entry.mode, "no file")})


def not_executable(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where the executable bit is set."""
    if document.entry.mode == EXECUTABLE:
        yield Notice()


def utf8_name(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where the path holds bytes that are not UTF-8; readers hand them on as lone surrogates."""
    if not is_unicode(document.path):
        yield Notice()


def max_size(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where the file has more than `bytes` bytes."""
    limit = number(options, "bytes")
    if document.size > limit:
        yield Notice(params={"size": document.size, "limit": limit})


def utf8(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice at the first byte that is not UTF-8, in artifacts and files of `text_suffixes`."""
    if _is_text(document, options) and document.decoding_problem is not None:
        offset = document.decoding_problem
        line = document.data.count(b"\n", 0, offset) + 1
        column = offset - document.data.rfind(b"\n", 0, offset)
        yield Notice(line, column, {"byte": f"0x{document.data[offset]:02x}"})


def no_nul(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice at the first NUL byte, in artifacts and files of `text_suffixes`."""
    first = document.data.find(b"\0")
    if first >= 0 and _is_text(document, options):
        line = document.data.count(b"\n", 0, first) + 1
        column = first - document.data.rfind(b"\n", 0, first)
        yield Notice(line, column, {"count": document.data.count(b"\0")})


def no_conflict_markers(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice at each merge conflict: the three kinds of marker lines in their order, code or not."""
    if b"<<<<<<<" not in document.data or b">>>>>>>" not in document.data:
        return
    opened = parted = 0
    for marker in _CONFLICT.finditer(document.text):
        if marker[1][0] == "<":
            opened, parted = document.place(marker.start())[0], 0
        elif marker[1][0] == "=":
            parted = opened
        elif parted:
            yield Notice(opened, 1, {"until": document.place(marker.start())[0]})
            opened = parted = 0


def _is_text(document: Document, options: Mapping[str, object]) -> bool:
    return bool(document.stage) or document.path.lower().endswith(texts(options, "text_suffixes"))


_SHOWN = 4


def no_secrets(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice at each text of one of `shapes`, in code too, unless it is plainly an example."""
    text = document.text
    taken: set[int] = set()
    for shape in cast("Sequence[Mapping[str, str]]", options["shapes"]):
        if shape["starts"] not in text:
            continue
        for found in _compiled(shape["pattern"]).finditer(text):
            if found.start() not in taken and not _is_example(found[0], options):
                taken.add(found.start())
                params = {"kind": shape["kind"], "masked": _masked(found[0])}
                yield Notice(*document.place(found.start()), params)


def _is_example(token: str, options: Mapping[str, object]) -> bool:
    if token.startswith("-----"):
        return False
    low = token.casefold()
    if any(word in low for word in texts(options, "examples")):
        return True
    return len(set(token)) < number(options, "distinct")


def _masked(token: str) -> str:
    return f"{token[:_SHOWN]}… ({len(token)} characters)"


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9_-]){pattern}" if not pattern.startswith("-") else pattern)
