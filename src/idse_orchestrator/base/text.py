"""Free text made safe to store: what people and agents type can hold anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_BREAKS = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SEPARATOR = re.compile(r"^-{3,}(?=\s|$)", re.MULTILINE)
_TRAILER = re.compile(r"^(idse-[a-z]+):", re.MULTILINE | re.IGNORECASE)


def is_unicode(text: str) -> bool:
    """Whether `text` holds no lone surrogate: a name that came from bytes which are UTF-8."""
    return encodable(text) == text


def encodable(text: str) -> str:
    """`text` without lone surrogates (bytes that were not UTF-8), which JSON and git cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def one_line(text: str) -> str:
    """`text` on one line: every run of white space and control characters becomes one space."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip(" ")
    return _BREAKS.sub(" ", encodable(text)).strip()


def unique_lines(texts: Iterable[str]) -> tuple[str, ...]:
    """`texts` on one line each, without repetitions and empty ones."""
    return tuple(dict.fromkeys(text for text in map(one_line, texts) if text))


def one_word(text: str) -> str:
    """`text` as one word of a shell, for a command that somebody may copy: a name can hold a command."""
    from shlex import quote  # only errors pay for it

    return quote(text)


def paragraphs(text: str) -> str:
    """`text` as the body of a commit message, in which no line can pass for a trailer or a separator."""
    clean = _CONTROL.sub("", encodable(text).replace("\r\n", "\n").replace("\r", "\n"))
    clean = _SEPARATOR.sub(lambda found: found.group().replace("-", "–"), clean)  # noqa: RUF001 - the dash git does not read
    clean = _TRAILER.sub(r"\1 :", clean)
    return "\n".join(line.rstrip() for line in clean.strip().split("\n"))


def few(names: Sequence[str]) -> str:
    """`names` as a list that stays short: four and more are named by the first two."""
    if len(names) < 4:
        return ", ".join(names)
    return f"{names[0]}, {names[1]} and {len(names) - 2} more"


def near(word: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Returns those of `known` that `word` may have been meant to be, the likeliest first, `most` at most."""
    from difflib import get_close_matches  # slow, and only mistakes ask

    return get_close_matches(word, list(known), most)


def did_you_mean(word: str, known: Iterable[str], most: int = 1, form: str = "{}") -> tuple[str, ...]:
    """Returns the question after a mistyped `word`, each name written as `form`; empty where none is near."""
    names = ", ".join(form.format(name) for name in near(word, known, most))
    return (f"did you mean {names}?",) if names else ()


def counted(number: int, noun: str, form: str = "") -> str:
    """Returns ``1 session``, ``2 sessions``; `form` is that of the number, "," for groups of thousands."""
    return f"{number:{form}} {noun}" if number == 1 else f"{number:{form}} {noun}s"
