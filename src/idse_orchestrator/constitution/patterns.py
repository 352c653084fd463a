"""Regular expressions of a constitution: which may be used, how they run, and what one costs on a document.

Python's matcher goes back and forth; a pattern with nested or open repetition can keep a hook, or a
server, busy for hours on a short text. Of what a project may use the cost at one place of a text is
bounded, fixed repetition counted as well. What it then costs on one document is worked out before it runs
there: cost at a place times places where it can begin. What runs is what was compiled at loading.

Costs are counted in units of some 5 ns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined] # the parser's own words; no public door exists
from re import _parser as parser  # type: ignore[attr-defined] # the same
from typing import Any

from idse_orchestrator.base.records import NamedTuple

MOST_WAYS = 4096
MOST_REPEATS = 4000
MOST_UNITS = 100_000
"""What a project's pattern may cost at one place."""

MOST_RANGE = 200_000
"""Characters in the ranges of a project's pattern: each of them costs when it is compiled."""

_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_SINGLE = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN)
_FLAGS = re.compile(r"(?:\(\?[a-zA-Z]+\))*")
_NOT_WITHIN = r"(?<![A-Za-z0-9_-])"

Tree = Iterable[tuple[object, Any]]


def problem_with(pattern: str) -> str | None:
    """Returns why `pattern` may not be used, in words for its author; None where it may."""
    try:
        tree = parser.parse(pattern, re.MULTILINE)
        ways = _ways(tree, inside_repeat=False)
        if ways > MOST_WAYS:
            return "it can match in too many ways: shorten its {m,n}"
        if _Cost(dotall=bool(tree.state.flags & re.DOTALL)).of(tree)[0] > MOST_UNITS:
            return "it takes too many steps at one place: shorten its {m,n}"
        if _in_ranges(tree) > MOST_RANGE:
            return "its ranges hold too many characters: name fewer"
        for whole_word in (False, True):
            pattern_of(pattern, whole_word=whole_word)
    except (re.error, OverflowError, RecursionError) as error:
        return f"it is no regular expression: {error}"
    except _RefusedError as refused:
        return str(refused)
    return None


class Pattern:
    """A pattern ready to run, as `matcher`.

    Every match holds the texts `needs`, and begins with the text `begins` ("" where that is not fixed);
    `by_line` tells that it begins at the beginning of a line.
    """

    def __init__(self, matcher: re.Pattern[str], tree: Tree, scan: int) -> None:
        self.matcher = matcher
        self._tree = tuple(tree)
        self._scan = scan
        first = self._tree[0] if self._tree else (None, None)
        exact = not matcher.flags & re.IGNORECASE
        self.needs = tuple(_needed(self._tree)) if exact else ()
        self.begins = self.needs[0] if exact and first[0] is sre.LITERAL else ""
        self.by_line = first == (sre.AT, sre.AT_BEGINNING)
        self._known: dict[int, int] = {}

    def may_match(self, text: str) -> bool:
        """Tests whether `text` holds what each match has to."""
        return all(need in text for need in self.needs)

    def units(self, text: str, longest_line: int) -> int:
        """Returns at most how many units it takes to look through `text`."""
        at_one = self._units_at(1 << longest_line.bit_length())
        if self.by_line:
            return (3 + self._scan) * len(text) + at_one * (text.count("\n") + 1)
        if self.begins:
            overlaps = 1 if _borderless(self.begins) else len(self.begins)
            return (1 + self._scan) * len(text) + at_one * overlaps * text.count(self.begins)
        return (5 + self._scan + at_one) * len(text)

    def _units_at(self, longest_line: int) -> int:
        if longest_line not in self._known:
            cost = _Cost(longest_line, dotall=bool(self.matcher.flags & re.DOTALL))
            self._known[longest_line] = cost.of(self._tree)[0]
        return self._known[longest_line]


@lru_cache(maxsize=1024)
def pattern_of(pattern: str, *, whole_word: bool = False) -> Pattern:
    """Returns `pattern` as checks run it: ``^`` and ``$`` are those of lines; re.error where it is none.

    With `whole_word` no match begins inside of a word.
    """
    tree = parser.parse(pattern, re.MULTILINE)
    flags = tree.state.flags
    body = pattern[len(_FLAGS.match(pattern)[0]) :]  # type: ignore[index] # it matches nothing, too
    if whole_word:
        body = f"{_NOT_WITHIN}(?:{body}\n)" if flags & re.VERBOSE else f"{_NOT_WITHIN}(?:{body})"
    return Pattern(re.compile(body, flags), tree, 9 if whole_word else 0)


def _needed(tree: Tree) -> Iterator[str]:
    """Yields the runs of characters that are in every match, in their order."""
    run = ""
    for operator, argument in tree:
        if operator is sre.LITERAL:
            run += chr(argument)
            continue
        if run:
            yield run
        run = ""
        if operator is sre.SUBPATTERN and not argument[1]:  # without flags of its own
            yield from _needed(argument[3])
        elif operator in _REPEATS and argument[0] > 0:
            yield from _needed(argument[2])
    if run:
        yield run


def _borderless(text: str) -> bool:
    return not any(text.startswith(text[at:]) for at in range(1, len(text)))


class _Cost(NamedTuple):
    """What matching costs at one place of a text whose lines have at most `longest_line` characters."""

    longest_line: int = MOST_REPEATS
    dotall: bool = False

    def of(self, tree: Tree) -> tuple[int, int]:
        """Returns (units, ways): the units of all tries, and in how many ways it can go on from here."""
        units, ways = 0, 1
        for operator, argument in tree:
            own, more = self._one(operator, argument)
            units += ways * own
            ways = min(ways * more, MOST_WAYS)
        return units, ways

    def _one(self, operator: object, argument: Any) -> tuple[int, int]:  # noqa: ANN401 - the parser is untyped
        if operator in _REPEATS:
            return self._repeat(*argument)
        if operator is sre.SUBPATTERN:
            units, ways = self.of(argument[3])
            return units + 3, ways
        if operator is sre.BRANCH:
            found = [self.of(branch) for branch in argument[1]]
            return sum(units + 4 for units, _ in found), max(1, sum(ways for _, ways in found))
        if operator in (sre.ASSERT, sre.ASSERT_NOT):
            return self.of(argument[1])[0] + 6, 1
        if operator is sre.ATOMIC_GROUP:
            return self.of(argument)[0] + 6, 1
        return (4 if operator is sre.IN else 2), 1

    def _repeat(self, least: int, most: int, body: Sequence[tuple[object, Any]]) -> tuple[int, int]:
        count = most if self._crosses_lines(body) else min(most, self.longest_line + 1)
        tries = max(count - least, 0) + 1
        units, inner = self.of(body)
        if len(body) == 1 and body[0][0] in _SINGLE:
            return 3 + count + tries, tries
        once = units + 8
        if inner == 1:
            return 8 + count * once, tries
        return 8 + once * min(inner ** min(count, 16), MOST_WAYS) * max(count, 1), min(
            inner ** min(count, 16), MOST_WAYS
        )

    def _crosses_lines(self, body: Tree) -> bool:
        """Tests whether `body` may match a line break, or nothing at all."""
        return any(self._may_be_break(*each) for each in body) or _may_be_empty(body)

    def _may_be_break(self, operator: object, argument: Any) -> bool:  # noqa: ANN401 - the parser is untyped
        if operator is sre.LITERAL:
            return bool(argument == ord("\n"))
        if operator is sre.NOT_LITERAL:
            return bool(argument != ord("\n"))
        if operator is sre.ANY:
            return self.dotall
        if operator is sre.IN:
            return _class_holds_break(argument)
        return operator not in (sre.ASSERT, sre.ASSERT_NOT, sre.AT)


def _class_holds_break(argument: Sequence[tuple[object, Any]]) -> bool:
    negated = argument[0][0] is sre.NEGATE
    return _class_names_break(argument) != negated


def _class_names_break(argument: Sequence[tuple[object, Any]]) -> bool:
    for operator, value in argument:
        if operator is sre.LITERAL and value == ord("\n"):
            return True
        if operator is sre.RANGE and value[0] <= ord("\n") <= value[1]:
            return True
        if operator is sre.CATEGORY and value in (
            sre.CATEGORY_SPACE,
            sre.CATEGORY_NOT_DIGIT,
            sre.CATEGORY_NOT_WORD,
        ):
            return True
    return False


def _may_be_empty(body: Tree) -> bool:
    return all(
        operator in (sre.AT, sre.ASSERT, sre.ASSERT_NOT)
        or (operator in _REPEATS and (argument[0] == 0 or _may_be_empty(argument[2])))
        or (operator is sre.SUBPATTERN and _may_be_empty(argument[3]))
        or (operator is sre.BRANCH and any(map(_may_be_empty, argument[1])))
        for operator, argument in body
    )


def _in_ranges(tree: Tree) -> int:
    """Returns how many characters the ranges of all classes in `tree` hold."""
    found = 0
    for operator, argument in tree:
        if operator is sre.IN:
            found += sum(value[1] - value[0] for kind, value in argument if kind is sre.RANGE)
        elif operator is sre.BRANCH:
            found += sum(map(_in_ranges, argument[1]))
        elif operator in _REPEATS:
            found += _in_ranges(argument[2])
        elif operator is sre.SUBPATTERN:
            found += _in_ranges(argument[3])
        elif operator in (sre.ASSERT, sre.ASSERT_NOT):
            found += _in_ranges(argument[1])
    return found


class _RefusedError(Exception):
    """The pattern uses something whose cost has no bound."""


def _ways(tree: Tree, *, inside_repeat: bool) -> int:
    ways = 1
    for operator, argument in tree:
        ways *= _ways_of(operator, argument, inside_repeat=inside_repeat)
        if ways > MOST_WAYS:
            return ways
    return ways


def _ways_of(operator: object, argument: Any, *, inside_repeat: bool) -> int:  # noqa: ANN401 - the parser is untyped
    if operator in _REPEATS:
        return _ways_of_repeat(*argument, inside_repeat=inside_repeat)
    if operator is sre.SUBPATTERN:
        return _ways(argument[3], inside_repeat=inside_repeat)
    if operator is sre.BRANCH:
        return sum(_ways(branch, inside_repeat=inside_repeat) for branch in argument[1])
    if operator in (sre.ASSERT, sre.ASSERT_NOT):
        return _ways(argument[1], inside_repeat=inside_repeat)
    if operator in (sre.GROUPREF, sre.GROUPREF_EXISTS, sre.ATOMIC_GROUP):
        raise _RefusedError("it refers back to a group, which has no bound")
    return 1


def _ways_of_repeat(least: int, most: int, body: Tree, *, inside_repeat: bool) -> int:
    if most > MOST_REPEATS:
        raise _RefusedError("it repeats without a bound: write {m,n} instead of * or +")
    if most == least == 1:
        return _ways(body, inside_repeat=inside_repeat)
    inner = _ways(body, inside_repeat=True)
    if inside_repeat and most != least:
        raise _RefusedError("it repeats something that repeats")
    if inner > 1 and most > 1:
        return int(min(inner**most, MOST_WAYS + 1)) if most < 16 else MOST_WAYS + 1
    return most - least + 1
