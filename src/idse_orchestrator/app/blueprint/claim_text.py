"""The text of a claim as somebody types it: one statement, on one line, that can be found again."""

from __future__ import annotations

from idse_orchestrator.domain.claims.words import FEWEST_WORDS, words_of
from idse_orchestrator.domain.text import encodable, one_line
from idse_orchestrator.errors import UsageError

LONGEST = 500
"""Characters of a claim: it is one statement, not a document."""

_TURNS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""They change the direction of what follows, so that a reader sees another sentence than the one claimed."""
_CONTROL = frozenset(map(chr, (*range(9), 11, 12, *range(14, 32), 127, *_TURNS)))


def claim_text(text: str) -> str:
    """`text` on one line; UsageError for what cannot be a claim."""
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
