"""Headings as people write them, brought to one form so that they can be compared.

``## 6. Agent Profile``, ``## 🤖 agent profile:`` and ``## 6 · Agent Profile (optional)`` are all
"agent profile".
"""

from __future__ import annotations

import re
from functools import lru_cache

_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_ENUMERATED = re.compile(r"^\W*(?:[ivxlc]{1,7}|[a-z])[.)]\s+", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_FILLERS = frozenset({"and", "or", "the"})


def normalized(title: str) -> str:
    """`title` in lower case, words parted by single spaces.

    Numbering, emoji, dashes, punctuation, inline markup, a closing aside in parentheses and the
    words "and", "or", "the" are dropped, unless nothing else is there.
    """
    plain = _ENUMERATED.sub("", _LINK.sub(r"\1", title))
    words = _words(without_aside(plain)) or _words(plain) or _words(title)
    return " ".join(words)


def without_aside(title: str) -> str:
    """`title` without the words in parentheses that end it; only its words are meant to be read on.

    A pattern would try each parenthesis and each blank to the end of the title, and that is quadratic.
    """
    end = len(title)
    while end and not (title[end - 1].isalnum() or title[end - 1] == "_"):
        end -= 1
    closed = title.find(")", end)
    opened = max(title.rfind("(", 0, closed), title.rfind(")", 0, closed)) if closed >= 0 else -1
    return title[:opened] if 0 <= opened < end and title[opened] == "(" else title


@lru_cache(maxsize=1024)
def forms(title: str) -> tuple[str, ...]:
    """Every name a heading goes by: the whole of it, and each part of "this / that"."""
    whole = normalized(title)
    if "/" not in title:
        return (whole,)
    parts = (normalized(part) for part in title.split("/"))
    return (whole, *(part for part in parts if part and part != whole))


def names_start(names: tuple[str, ...], starts: tuple[str, ...]) -> bool:
    """Whether one of a heading's `forms` begins with all the words of one of `starts`."""
    return any(name == start or name.startswith(start + " ") for name in names for start in starts)


def _words(text: str) -> list[str]:
    words = [word for word in _WORD.findall(text.casefold()) if word not in _FILLERS]
    for count, word in enumerate(words):
        if not word.isdigit():
            return words[count:]
    return words
