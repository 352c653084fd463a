"""Finds the Agent Profile in a document: a heading of level 2, and the fenced YAML below it.

Only headings of the Markdown tree count, by their whole name: a mention in prose, in code, in a
quotation or in another heading is none. The cases: no such heading · two with a fence each · no fence ·
a fence that is quoted, of another language, or never closed · two of YAML · the one that is meant.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from idse_orchestrator.documents.markdown import Fence, Outline, Section, normalized

TITLE = "Agent Profile"
LEVEL = 2
LANGUAGES = ("yaml", "yml")

_NAME = normalized(TITLE)
_MOST_LISTED = 5
_FENCED = "put keys and values between a line ```yaml and a line ```, such as  id: …  and  name: …"


class Problem(NamedTuple):
    """Something wrong with a profile, and how to mend it.

    `line` and `column` count from 1; 0 means the whole document.
    """

    line: int
    column: int
    what: str
    fix: str


class Block(NamedTuple):
    """The YAML of a profile: `text`, the line of its opening fence, and that of its heading.

    `indents` says how far each line of `text` stands to the right of where the document has it.
    """

    text: str
    line: int
    heading: int
    indents: tuple[int, ...]


def may_hold_profile(text: str) -> bool:
    """Whether it is worth parsing `text`: both words of the title are in it."""
    folded = text.casefold()
    return all(word in folded for word in _NAME.split())


def find_block(text: str, outline: Outline) -> Block | Problem | None:
    """The profile's block in `text`; what keeps it from being read; or None where there is none."""
    sections = [each for each in named_so(outline) if each.level == LEVEL]
    if not sections:
        return None
    lines = text.split("\n")
    fenced = [each for each in sections if _fences(each, outline)]
    if len(fenced) > 1:
        first, second = fenced[:2]
        what = f'there are two sections "{TITLE}", in lines {first.line} and {second.line}'
        return Problem(second.line, 1, what, "keep one of them, or give the other one another heading")
    section = (fenced or sections)[0]
    return _block(section, _fences(section, outline), lines)


def named_so(outline: Outline) -> Iterator[Section]:
    """The sections called Agent Profile, of any level."""
    return (each for each in outline.sections if each.names[0] == _NAME)


def _fences(section: Section, outline: Outline) -> Sequence[Fence]:
    line = attrgetter("line")
    first = bisect_left(outline.fences, section.first, key=line)
    return outline.fences[first : bisect_right(outline.fences, section.last, key=line)]


def _block(section: Section, fences: Sequence[Fence], lines: Sequence[str]) -> Block | Problem:
    own = [each for each in fences if not lines[each.line - 1].lstrip().startswith(">")]
    blocks = [each for each in own if each.info in LANGUAGES]
    if len(blocks) > 1:
        what = f"it has {len(blocks)} yaml blocks, in lines {_listed(blocks)}, and one is meant"
        return Problem(blocks[1].line, 1, what, "keep one of them as yaml, or move the others away")
    if not blocks:
        return _without(section, fences, own)
    (block,) = blocks
    content = block.content.split("\n")[:-1]
    if not _is_closed(block, len(content), lines):
        return Problem(block.line, 1, "its yaml block is never closed", "end it by a line ```")
    indents = tuple(_indent(lines[block.line + at], line) for at, line in enumerate(content))
    return Block(block.content, block.line, section.line, indents)


def _without(section: Section, fences: Sequence[Fence], own: Sequence[Fence]) -> Problem:
    if own:
        said = f"says {own[0].info}" if own[0].info else "does not say yaml"
        fix = "let the line that opens it read ```yaml"
        return Problem(own[0].line, 1, f"it has no fenced yaml block: the block there {said}", fix)
    if fences:
        what = "it has no fenced yaml block: the block there is a quotation"
        return Problem(fences[0].line, 1, what, "take the > away in front of it")
    return Problem(section.line, 1, "it has no fenced yaml block", _FENCED)


def _listed(blocks: Sequence[Fence]) -> str:
    numbers = [str(each.line) for each in blocks[:_MOST_LISTED]]
    more = len(blocks) - len(numbers)
    return f"{', '.join(numbers)} and {more} more" if more else f"{', '.join(numbers[:-1])} and {numbers[-1]}"


def _is_closed(block: Fence, length: int, lines: Sequence[str]) -> bool:
    """Markdown lets a fence that nobody closes run on to the end of the document."""
    after = block.line + length
    return after < len(lines) and lines[after].strip(" \t")[:3] in ("```", "~~~")


def _indent(line: str, content: str) -> int:
    return len(line) - len(content) if line.endswith(content) else 0
