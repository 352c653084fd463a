"""The outline of a Markdown document: its sections, its code, its comments.

markdown-it-py parses the blocks; inline markup is left alone, since only code spans matter here and
`code_spans` finds them in the few blocks that somebody asks about. Headings are brought to one form, so
that they can be compared: ``## 6. Agent Profile``, ``## 🤖 agent profile:`` and ``## 6 · Agent Profile
(optional)`` are all "agent profile".
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple

if TYPE_CHECKING:
    from markdown_it.token import Token

_LONGEST_TITLE = 1000
"""No name of a section is longer, in characters; of a longer heading the beginning is its name."""

_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_ENUMERATED = re.compile(r"\W*(?:[ivxlc]{1,7}|[a-z])[.)]\s+", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_FILLERS = frozenset({"and", "or", "the"})


def normalized(title: str) -> str:
    """Returns `title` in lower case, words parted by single spaces.

    Numbering, emoji, dashes, punctuation, inline markup, a closing aside in parentheses and the
    words "and", "or", "the" are dropped, unless nothing else is there.
    """
    title = title[:_LONGEST_TITLE]
    plain = _LINK.sub(r"\1", title) if "](" in title else title
    if enumerated := _ENUMERATED.match(plain):
        plain = plain[enumerated.end() :]
    words = _words(without_aside(plain)) or _words(plain) or _words(title)
    return " ".join(words)


def without_aside(title: str) -> str:
    """Returns `title` without the words in parentheses that end it; only its words are meant to be read on.

    A pattern would try each parenthesis and each blank to the end of the title, and that is quadratic.
    """
    if ")" not in title:
        return title
    end = len(title)
    while end and not (title[end - 1].isalnum() or title[end - 1] == "_"):
        end -= 1
    closed = title.find(")", end)
    opened = max(title.rfind("(", 0, closed), title.rfind(")", 0, closed)) if closed >= 0 else -1
    return title[:opened] if 0 <= opened < end and title[opened] == "(" else title


@lru_cache(maxsize=1024)
def forms(title: str) -> tuple[str, ...]:
    """Returns every name a heading goes by: the whole of it, and each part of "this / that"."""
    title = title[:_LONGEST_TITLE]
    whole = normalized(title)
    if "/" not in title:
        return (whole,)
    parts = (normalized(part) for part in title.split("/"))
    return (whole, *(part for part in parts if part and part != whole))


def names_start(names: tuple[str, ...], starts: tuple[str, ...]) -> bool:
    """Tests whether one of a heading's `forms` begins with all the words of one of `starts`."""
    return any(name == start or name.startswith(start + " ") for name in names for start in starts)


def _words(text: str) -> list[str]:
    words = [word for word in _WORD.findall(text.casefold()) if word not in _FILLERS]
    for count, word in enumerate(words):
        if not word.isdigit():
            return words[count:]
    return words


_BACKTICKS = re.compile(r"\\`|`+")


class Section(NamedTuple):
    """A heading and what follows it up to the next heading of its level or above.

    `names` are the `headings.forms` of the title. `line` is that of the heading; `first` and
    `last` bound the body (empty when `last` < `first`). Lines count from 1.
    """

    level: int
    title: str
    names: tuple[str, ...]
    line: int
    first: int
    last: int


class Fence(NamedTuple):
    """A fenced block of code: `info` is the word behind the fence, `line` that of the opening fence.

    `content` is without the fences and without the indentation of the block that holds it.
    """

    info: str
    line: int
    content: str


class Outline(NamedTuple):
    """What `outline_of` found. Lines count from 1.

    `code` holds the lines of fenced and indented code, `comments` those of HTML blocks that are
    comments, `headings` those of headings. `blocks` are (first, last) lines of running text.
    """

    sections: tuple[Section, ...]
    fences: tuple[Fence, ...]
    code: frozenset[int]
    comments: frozenset[int]
    headings: frozenset[int]
    blocks: tuple[tuple[int, int], ...]

    def block_at(self, line: int) -> tuple[int, int]:
        """Returns first and last line of the running text that holds `line`; just `line` where none does."""
        at = bisect_right(self.blocks, line, key=itemgetter(0)) - 1
        if at >= 0 and self.blocks[at][0] <= line <= self.blocks[at][1]:
            return self.blocks[at]
        return line, line


def outline_to_json(outline: Outline) -> str:
    """Returns `outline` as a text that `outline_from_json` reads."""
    import json

    sections, fences, *lines, blocks = outline
    return json.dumps([sections, fences, *map(sorted, lines), blocks], ensure_ascii=False)


def outline_from_json(text: str) -> Outline:
    """Returns the outline that `outline_to_json` wrote. ValueError for any other text."""
    import json

    try:
        sections, fences, code, comments, headings, blocks = json.loads(text)
        return Outline(
            tuple(Section(level, title, tuple(names), *at) for level, title, names, *at in sections),
            tuple(Fence(*fence) for fence in fences),
            frozenset(code),
            frozenset(comments),
            frozenset(headings),
            tuple((first, last) for first, last in blocks),
        )
    except TypeError as error:
        raise ValueError(f"no outline: {error}") from error


def outline_of(text: str) -> Outline:
    """Returns the outline of `text`, whose lines end in a line feed."""
    from idse_orchestrator.documents.markdown_parser import parsed_blocks

    tokens = parsed_blocks(text)
    total = text.count("\n") + 1
    heads: list[tuple[int, str, int, int]] = []
    fences: list[Fence] = []
    code: set[int] = set()
    comments: set[int] = set()
    headings: set[int] = set()
    blocks: list[tuple[int, int]] = []
    for index, token in enumerate(tokens):
        if token.map is None:
            continue
        start, end = token.map
        kind = token.type
        if kind == "inline":
            blocks.append((start + 1, end))
        elif kind == "heading_open":
            headings.update(range(start + 1, end + 1))
            if token.level == 0:
                heads.append((int(token.tag[1]), tokens[index + 1].content, start + 1, end + 1))
        elif kind == "fence":
            code.update(range(start + 1, end + 1))
            fences.append(Fence(token.info.strip().split(" ")[0].lower(), start + 1, token.content))
        elif kind == "code_block":
            code.update(range(start + 1, end + 1))
        elif kind == "html_block" and token.content.lstrip().startswith("<!--"):
            comments.update(_comment_lines(token))
    return Outline(
        tuple(_sections(heads, total)),
        tuple(fences),
        frozenset(code),
        frozenset(comments),
        frozenset(headings),
        tuple(blocks),
    )


def code_spans(text: str) -> list[tuple[int, int]]:
    """Starts and end offsets of the inline code in `text`, one block of running text."""
    runs = [m for m in _BACKTICKS.finditer(text) if m[0] != "\\`"]
    closers: dict[int, list[int]] = {}
    for number, run in enumerate(runs):
        closers.setdefault(len(run[0]), []).append(number)
    spans = []
    at = 0
    while at < len(runs):
        same = closers[len(runs[at][0])]
        following = bisect_right(same, at)
        if following == len(same):
            at += 1
            continue
        close = same[following]
        spans.append((runs[at].start(), runs[close].end()))
        at = close + 1
    return spans


def comment_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yields start and end of each comment in `text` that is closed.

    A pattern would look for the end once for each ``<!--``, and that is quadratic where nothing is closed.
    """
    start = text.find("<!--")
    while start >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            return
        yield start, end + 3
        start = text.find("<!--", end + 3)


def without_comments(text: str) -> str:
    """Returns `text` without its closed comments; each line stays where it was."""
    kept, at = [], 0
    for start, end in comment_spans(text):
        kept += [text[at:start], "\n" * text.count("\n", start, end)]
        at = end
    return "".join([*kept, text[at:]]) if kept else text


def _comment_lines(token: Token) -> Iterator[int]:
    first = (token.map or [0])[0] + 1
    open_ = False
    for number, line in enumerate(token.content.split("\n"), first):
        starts, ends = line.rfind("<!--"), line.rfind("-->")
        if open_ or starts >= 0:
            yield number
        if starts >= 0 or ends >= 0:
            open_ = starts > ends


def _sections(heads: Sequence[tuple[int, str, int, int]], total: int) -> Iterator[Section]:
    lasts = [total] * len(heads)
    open_: list[int] = []
    for index, (level, _, line, _) in enumerate(heads):
        while open_ and heads[open_[-1]][0] >= level:
            lasts[open_.pop()] = line - 1
        open_.append(index)
    for (level, title, line, first), last in zip(heads, lasts, strict=True):
        yield Section(level, title, forms(title), line, first, last)
