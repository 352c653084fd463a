"""Which regular expressions a repository may bring: those whose matching time is bounded.

Python's matcher goes back and forth; a pattern with nested or open repetition can keep a hook, or a
server, busy for hours on a short text. What is allowed here tries at most MOST_WAYS ways at each place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants as sre  # type: ignore[attr-defined] # the parser's own words; no public door exists
from re import _parser as parser  # type: ignore[attr-defined] # the same
from typing import Any

MOST_WAYS = 4096
MOST_REPEATS = 4000


def problem_with(pattern: str) -> str | None:
    """Why `pattern` may not be used, in words for its author; None where it may."""
    try:
        tree = parser.parse(pattern)
        ways = _ways(tree, inside_repeat=False)
    except (re.error, OverflowError, RecursionError) as error:
        return f"it is no regular expression: {error}"
    except _RefusedError as refused:
        return str(refused)
    return None if ways <= MOST_WAYS else "it can match in too many ways: shorten its {m,n}"


class _RefusedError(Exception):
    """The pattern uses something whose cost has no bound."""


def _ways(tree: Iterable[tuple[object, Any]], *, inside_repeat: bool) -> int:
    ways = 1
    for operator, argument in tree:
        ways *= _ways_of(operator, argument, inside_repeat=inside_repeat)
        if ways > MOST_WAYS:
            return ways
    return ways


def _ways_of(operator: object, argument: Any, *, inside_repeat: bool) -> int:  # noqa: ANN401 - the parser is untyped
    if operator in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
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


def _ways_of_repeat(least: int, most: int, body: Iterable[tuple[object, Any]], *, inside_repeat: bool) -> int:
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
