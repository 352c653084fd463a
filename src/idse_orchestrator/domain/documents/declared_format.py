"""Which format a file of a ledger declares: a newer idse may have written it."""

from __future__ import annotations

import json
import re

from idse_orchestrator.domain.canonical_json import FORMAT

_DECLARED = f'"format":{FORMAT}'.encode()
_OTHERWISE = re.compile(rf'"format":(?!{FORMAT}[,}}])'.encode())


def newer_format(data: bytes) -> int | None:
    """The format that `data` declares when it is newer than ours; None otherwise."""
    if _DECLARED in data and _OTHERWISE.search(data) is None:
        return None  # as idse writes it; parsing would double the time of a replay
    try:
        declared = json.loads(data)["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_number = isinstance(declared, int) and not isinstance(declared, bool)
    return declared if is_number and declared > FORMAT else None
