"""What a YAML parser complains of, in words that help the author of an Agent Profile."""

from __future__ import annotations

from collections.abc import Sequence

from idse_orchestrator.base.safe_yaml import YamlProblem
from idse_orchestrator.profiles.block import Problem
from idse_orchestrator.profiles.values import quoted

_SECOND_COLON = "mapping values are not allowed"
_SECOND_DOCUMENT = "but found another document"
_FIXES = (
    ("occurs twice", "keep one of them"),
    ("the tag ", "take the tag out"),
    ("an alias leads back", "write the value itself there"),
    ("nested too deeply", "nest it less; what is long belongs beside the spec"),
    ("a key is no text", "write one text in front of the colon"),
)
_QUOTE = "mend the YAML there; a text that holds one of : # [ ] { } & * wants quotes"
_SMALLER = "make the block smaller; what is long belongs beside the spec"


def explained(problem: YamlProblem, lines: Sequence[str]) -> Problem:
    """`problem` in the YAML of these `lines`: a tab, a conflict, or a colon in a text is often behind it."""
    line = lines[problem.line - 1] if 0 < problem.line <= len(lines) else ""
    known = _conflict(problem, lines) or _tab(problem, lines, line)
    if known is not None:
        return known
    if problem.what.startswith(_SECOND_COLON):
        key, colon, rest = line.partition(": ")
        what = "a second colon in this line makes YAML look for another key"
        fix = f"quote the text:  {key.strip()}{colon}{quoted(rest.strip())}"
        return Problem(problem.line, problem.column, what, fix)
    if problem.what == _SECOND_DOCUMENT:
        what = "a second document begins here"
        return Problem(problem.line, problem.column, what, "keep one document in the block")
    return Problem(problem.line, problem.column, problem.what, _fix(problem))


def _fix(problem: YamlProblem) -> str:
    if not problem.line:
        return _SMALLER
    return next((fix for words, fix in _FIXES if words in problem.what), _QUOTE)


def _conflict(problem: YamlProblem, lines: Sequence[str]) -> Problem | None:
    for number, text in enumerate(lines[: problem.line + 1], 1):
        if text.startswith(("<<<<<<< ", ">>>>>>> ")):
            return Problem(number, 1, "a merge conflict stands here", "resolve it, in every document")
    return None


def _tab(problem: YamlProblem, lines: Sequence[str], line: str) -> Problem | None:
    """A tab that begins a line, or stands where the parser stopped; others may be a part of a long text."""
    for number, text in enumerate(lines[: problem.line + 1], 1):
        if text.startswith("\t") or (number == problem.line and "\t" in _indentation(text)):
            what = "a tab indents this line, YAML wants spaces"
            return Problem(number, text.index("\t") + 1, what, "replace it by spaces")
    if line[problem.column - 1 : problem.column] == "\t":
        what = "a tab stands here, YAML wants spaces"
        return Problem(problem.line, problem.column, what, "replace it by spaces")
    return None


def _indentation(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]
