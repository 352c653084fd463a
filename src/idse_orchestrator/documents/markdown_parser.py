"""The only door to markdown-it-py: CommonMark blocks, without inline markup.

Importing this module imports the parser (some 45 ms), so it is imported where a document is read.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markdown_it.parser_block import ParserBlock

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

_STARTERS = {
    "fence": "`~",
    "blockquote": ">",
    "hr": "-*_",
    "list": "-*+0123456789",
    "reference": "[",
    "html_block": "<",
    "heading": "#",
}
"""The characters a block of each kind can start with; other kinds start with any."""


_UNDERLINES = ("lheading", "hr")
_UNDERLINED = re.compile(r"[=-][ \t]*$|([*_])[ \t]*\1[ \t]*\1[ \t]*$", re.MULTILINE)
"""Where this finds nothing, no line is a ruler or underlines a heading."""


def parsed_blocks(text: str) -> list[Token]:
    """Returns the block tokens of `text`: the same as markdown-it's own, in two thirds of the time.

    Lines of `text` end in a line feed.
    """
    return _parser(underlines=_UNDERLINED.search(text) is not None).parse(text)


@cache
def _parser(*, underlines: bool) -> MarkdownIt:
    stock = MarkdownIt("commonmark")
    blocks = _BlocksByFirstCharacter()
    blocks.ruler.enableOnly(stock.block.ruler.get_active_rules())
    if not underlines:
        blocks.ruler.disable(list(_UNDERLINES))
    blocks.learn()
    stock.block = blocks
    return stock.disable(["inline", "text_join"])


class _BlocksByFirstCharacter(ParserBlock):
    """Asks only the rules that a line's first character allows; the stock parser asks all of them."""

    def learn(self) -> None:
        """Takes note of the active rules, in their order."""
        active = list(zip(self.ruler.get_active_rules(), self.ruler.getRules(""), strict=True))
        self._all = [rule for _, rule in active]
        self._default = [rule for name, rule in active if name not in _STARTERS and name != "code"]
        self._by_character = {
            character: [r for n, r in active if n != "code" and character in _STARTERS.get(n, character)]
            for character in set("".join(_STARTERS.values()))
        }

    def tokenize(self, state: StateBlock, startLine: int, endLine: int) -> None:  # noqa: N803 - as the base names them
        line = startLine
        blank_seen = False
        while line < endLine:
            state.line = line = state.skipEmptyLines(line)
            if line >= endLine or state.sCount[line] < state.blkIndent:
                break
            if state.level >= state.md.options.maxNesting:
                state.line = endLine
                break
            self._one_block(state, line, endLine)
            state.tight = not blank_seen
            line = state.line
            if line - 1 < endLine and state.isEmpty(line - 1):
                blank_seen = True
            if line < endLine and state.isEmpty(line):
                blank_seen = True
                line += 1
                state.line = line

    def _one_block(self, state: StateBlock, line: int, end: int) -> None:
        if state.is_code_block(line):
            rules = self._all
        else:
            first = state.src[state.bMarks[line] + state.tShift[line]]
            rules = self._by_character.get(first, self._default)
        for rule in rules:
            if rule(state, line, end, False):  # noqa: FBT003 - markdown-it passes it so
                return
        state.line = line + 1
