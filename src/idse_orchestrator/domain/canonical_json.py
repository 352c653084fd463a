"""Canonical JSON: equal values give equal bytes, so that content ids can be compared instead of meanings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FORMAT = 1
"""The version of everything a ledger holds: ``format`` in ``event.json`` and ``state.json``."""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """`value` as JSON with sorted keys, no spaces and UTF-8: equal values give equal bytes."""
    return _ENCODER.encode(value).encode()
