"""The outline of a Markdown document: its sections, its code, its comments.

markdown-it-py parses the blocks; inline markup is left alone, since only code spans matter here
and `code_spans` finds them in the few blocks that somebody asks about.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.documents.headings import forms

if TYPE_CHECKING:
    from markdown_it.token import Token

COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
"""An HTML comment that is closed."""

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
        """First and last line of the running text that holds `line`; just `line` where none does."""
        at = bisect_right(self.blocks, line, key=itemgetter(0)) - 1
        if at >= 0 and self.blocks[at][0] <= line <= self.blocks[at][1]:
            return self.blocks[at]
        return line, line


def outline_of(text: str) -> Outline:
    """The outline of `text`, whose lines end in a line feed."""
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
    """Start and end offsets of the inline code in `text`, one block of running text."""
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
