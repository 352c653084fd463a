"""The words of a statement: what makes two of them the same, and how much of one is found in another.

Everything here is counting words; nothing guesses a meaning, so everybody gets the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import encodable, one_line
from idse_orchestrator.errors import UsageError

THRESHOLD = 75
"""Percent of a claim's words that one statement must have to be evidence of it."""

FEWEST_WORDS = 2
"""A claim of fewer words could not be told from others."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts that put no spaces between words: each of their characters counts as one."""

_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:['\u2019][^\W_{_UNSPACED}]+)*")
_FILLERS = frozenset(
    {
        *("a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "for", "from", "has", "have"),
        *("in", "into", "is", "it", "its", "of", "on", "or", "our", "so", "such", "than", "that", "the"),
        *("their", "them", "then", "there", "these", "they", "this", "those", "to", "was", "we", "were"),
        *("which", "will", "with", "you", "your"),
    }
)
_NEGATIONS = frozenset({"no", "not", "never", "none", "nor", "neither", "without", "cannot"})
_NUMBER = r"-?\d{1,4}(?:\.\d{1,3})*"
_LABEL = re.compile(
    rf"^\s*(?:\[[ xX]?\]\s*)?(?:"
    rf"(?:FR|NFR|AC|US|REQ|CON|DEC|ADR){_NUMBER}(?=\s|$)|"
    rf"(?P<bold>[*_]{{2}})[A-Z]{{1,6}}{_NUMBER}[:.)]?(?P=bold)|"
    rf"[A-Z]{{1,6}}{_NUMBER}(?:[:.)]|(?=\s[\u2013\u2014-]\s))"
    rf")"
)
_ID = re.compile(r"(?<![\w-])c-[0-9a-f]{10}(?![\w-])", re.IGNORECASE)


class Words(NamedTuple):
    """The words of a statement that count, in order, and whether it says no."""

    listed: tuple[str, ...]
    unique: frozenset[str]
    negates: bool


@lru_cache(maxsize=1024)
def words_of(text: str) -> Words:
    """Returns the words of `text` in one form: no case, punctuation, fillers, or label such as ``FR-1:``."""
    plain = _plain(_LABEL.sub("", text))
    found = _WORD.findall(plain)
    negates = any(word in _NEGATIONS or word.endswith("n't") for word in found)
    listed = tuple(word for word in found if word not in _FILLERS)
    return Words(listed, frozenset(listed), negates)


def claim_id(text: str) -> str:
    """Returns the id of the claim that says `text`: equal for equal words in the same order."""
    from hashlib import sha256

    return "c-" + sha256(" ".join(words_of(text).listed).encode()).hexdigest()[:10]


def overlap(claim: Words, statement: Words) -> int:
    """Returns the percent of the claim's words that the statement has; 0 where only one of both says no."""
    if claim.negates != statement.negates:
        return 0
    return shared(claim, statement)


def shared(claim: Words, statement: Words) -> int:
    """Returns how many percent of the claim's words the statement has, whatever it says of them."""
    return len(claim.unique & statement.unique) * 100 // len(claim.unique) if claim.unique else 0


def best_overlap(claim: Words, statements: Iterable[Words]) -> int:
    """Returns the greatest `overlap` of the claim with any of `statements`; 0 where there are none."""
    return max((overlap(claim, each) for each in statements), default=0)


def unlabelled(text: str) -> str:
    """Returns `text` without a box to tick or a label such as ``FR-1:`` in front."""
    return _LABEL.sub("", text, count=1).lstrip(" :.)\u2013\u2014-").strip()


def ids_in(text: str) -> frozenset[str]:
    """Returns the ids of claims that stand in `text`, in lower case."""
    return frozenset(found.lower() for found in _ID.findall(text))


def may_share(claim: Words, data: bytes) -> bool:
    """Tests quickly whether a statement of the document `data` can have enough of the claim's words."""
    text = _plain(data.decode("utf-8", "replace"))
    held = sum(1 for word in claim.unique if word in text)
    return bool(claim.unique) and held * 100 // len(claim.unique) >= NEAR


def _plain(text: str) -> str:
    """Returns `text` in the one form in which words are compared."""
    if not text.isascii():
        from unicodedata import normalize

        text = normalize("NFKC", text)
    return text.casefold().replace("\u2019", "'")


NEAR = 30
"""Documents below so many percent are not looked at closely."""

LONGEST = 500
"""Characters of a claim: it is one statement, not a document."""

_TURNS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""They change the direction of what follows, so that a reader sees another sentence than the one claimed."""
_CONTROL = frozenset(map(chr, (*range(9), 11, 12, *range(14, 32), 127, *_TURNS)))


def claim_text(text: str) -> str:
    """Returns `text` on one line; UsageError for what cannot be a claim."""
    if len(text) > LONGEST * 4:
        raise _unfit(f"the text has {len(text):,} characters", f"a claim has at most {LONGEST}")
    if encodable(text) != text:
        raise _unfit("the text is not UTF-8", "a ledger cannot hold it")
    bad = next((place for place, char in enumerate(text, 1) if char in _CONTROL), 0)
    if bad:
        raise _unfit(f"character {bad} of the text is a control character", "nobody can read it")
    clean = one_line(text)
    if not clean:
        raise _unfit("the text is empty", "a claim is one statement")
    if len(clean) > LONGEST:
        raise _unfit(f"the text has {len(clean):,} characters", f"a claim has at most {LONGEST}")
    if len(words_of(clean).unique) < FEWEST_WORDS:
        raise _unfit(
            f"{clean!r} has too few words to be found again",
            f"a claim has at least {FEWEST_WORDS} words besides fillers such as 'the'",
        )
    return clean


def _unfit(message: str, cause: str) -> UsageError:
    return UsageError(
        message, cause=cause, fix=('idse blueprint declare "Amounts of money are whole cents"',)
    )
