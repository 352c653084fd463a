"""A document as a check verb sees it, and what a verb answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from idse_orchestrator.domain.artifact_reader import EXECUTABLE, REGULAR, FileEntry
from idse_orchestrator.domain.markdown import Outline, outline_of
from idse_orchestrator.domain.pipeline_artifacts import STAGE_OF


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing a check verb noticed. `line` and `column` count from 1; 0 means the whole file.

    `params` fill the placeholders of the rule's message and hint.
    """

    line: int = 0
    column: int = 0
    params: Mapping[str, object] = field(default_factory=dict)


class Document:
    """One file of a session. Its text and outline are made when first asked for, and once."""

    def __init__(self, path: str, entry: FileEntry, data: bytes) -> None:
        self.path = path
        self.entry = entry
        self.data = data
        self.stage = STAGE_OF.get(path, "")
        """The stage whose artifact this is; "" for a side file."""

    @property
    def is_regular(self) -> bool:
        """Whether git would record a plain file, executable or not."""
        return self.entry.mode in (REGULAR, EXECUTABLE)

    @cached_property
    def text(self) -> str:
        """The content with ``\\n`` line ends and no byte order mark; bytes that are not UTF-8 become U+FFFD."""
        text = self.data.decode("utf-8", "replace").removeprefix("\ufeff")
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    @cached_property
    def lines(self) -> list[str]:
        """The lines of `text`; line number n is ``lines[n - 1]``."""
        return self.text.split("\n")

    @cached_property
    def outline(self) -> Outline:
        """The Markdown structure of `text`."""
        return outline_of(self.text)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character of `text`, both from 1."""
        line = self.text.count("\n", 0, offset)
        return line + 1, offset - self.text.rfind("\n", 0, offset)


Check = Callable[[Document, Mapping[str, object]], Iterable[Notice]]
"""A check verb: the document and the rule's options in, notices out. It must be pure."""


def words_pattern(words: Iterable[str]) -> re.Pattern[str]:
    """A pattern for any of `words` standing alone, whatever their case."""
    return re.compile(
        "|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words) or r"(?!)", re.IGNORECASE
    )
