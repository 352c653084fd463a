"""The closed words of tasks: states, why an attempt ended, what evidence is made of."""

WAITING = "waiting"
READY = "ready"
HELD = "held"
REVIEW = "review"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"
STATES = (WAITING, READY, HELD, REVIEW, DONE, FAILED, CANCELLED)
"""`waiting` is for a person's approval, `review` for the judgement of a result."""
UNFINISHED = (WAITING, READY, HELD, REVIEW)

MAX_ATTEMPTS = 3
TICKED = "ticked"
"""Why a task is cancelled whose box was ticked by hand: by the document it is done."""


FAILED_BECAUSE = (
    "failed",  # it ended with an error, or said so
    "no-final",  # it ended without a last word
    "no-evidence",  # it says done, and a fact is missing
    "refused",  # a tool was denied, or it would not
    "killed",
    "timeout",
    "idle",
    "budget",
    "conflict",  # it does not merge
    "unsafe",  # the result holds what is never taken
    "check",  # the user's check does not pass
    "workspace",  # there was no place to work in
)
RELEASED_BECAUSE = ("limit", "drain", "auth", "base-gone", "budget", "no-agent", "workspace")
EXPIRED_BECAUSE = ("worker-gone", "lease-over")
REJECTED_BECAUSE = ("", "conflict", "no-evidence", "check")
CANCELLED_BECAUSE = ("", "gone", TICKED)
"""Closed words: why something happened. "" is a person's own reason."""
FACTS = ("final", "changed", "touched", "within", "check", "markers", "secrets", "modes", "valid", "output")
"""What evidence is made of."""
VERDICTS = ("ok", "missing", "not asked")
SANDBOXES = ("", "bwrap", "unshare", "seatbelt", "container", "none")
TOKENS = ("input_uncached", "cache_read", "cache_write", "output", "reasoning")
BASES = ("reported", "priced", "unknown")
"""Where the cost of an attempt comes from."""
