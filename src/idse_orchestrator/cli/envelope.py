"""The one shape of everything machine-readable: a schema name, the data, and diagnostics.

The text is pure ASCII, so it survives every locale and pipe and can do nothing to a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import printable
from idse_orchestrator.cli.layout import from_here, help_command

if TYPE_CHECKING:
    from idse_orchestrator.errors import IdseError

ERROR_SCHEMA = "idse.error/2"


def envelope(schema: str, data: object, diagnostics: Iterable[Mapping[str, object]] = ()) -> str:
    r"""Returns ``{"schema": …, "data": …, "diagnostics": […]}`` as JSON, on one line without a newline.

    `data` is made of JSON's own types, mappings, tuples, sets (sorted) and dataclasses (by field).
    Bytes that were not UTF-8 read as ``\xNN``, since JSON has no way to carry them.
    """
    return ascii_json({"schema": schema, "data": data, "diagnostics": list(diagnostics)})


def error_envelope(error: IdseError, schema: str = ERROR_SCHEMA) -> str:
    """Returns the envelope of a failure: no data, and `error` as its first diagnostic.

    What a gate found comes after it, a diagnostic for each finding.
    """
    return envelope(schema, None, diagnostics_of(error))


def diagnostics_of(error: IdseError) -> list[dict[str, object]]:
    """Returns `error` and what it found, as entries of ``diagnostics``."""
    return [diagnostic(error), *_found_by_gate(error)]


def diagnostic(error: IdseError) -> dict[str, object]:
    """Returns `error` as an entry of ``diagnostics``."""
    return {
        "severity": "error",
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "cause": error.explanation,
        "fix": list(map(from_here, error.fix)),
        "help": help_command(error.code),
        "exit_code": error.exit_code,
    }


def _found_by_gate(error: IdseError) -> list[dict[str, object]]:
    report = getattr(error, "findings", None)
    return [
        {
            "severity": finding.severity,
            "code": finding.rule,
            "message": finding.message,
            "where": ":".join(map(str, filter(None, (finding.path, finding.line, finding.column)))),
            "cause": finding.hint,
            "fix": list(map(from_here, finding.fix)),
            "help": help_command(finding.rule),
        }
        for finding in getattr(report, "findings", ())
    ]


def ascii_json(value: object, indent: int | None = None) -> str:
    """Returns `value` as ASCII JSON that every parser accepts, whatever text is in it."""
    text = json.dumps(value, default=_plain, indent=indent, allow_nan=False)
    if "\\ud" in text:
        legible = json.dumps(value, default=_plain, indent=indent, ensure_ascii=False)
        text = "".join(char if char.isascii() else _escaped(char) for char in legible)
    return text.replace("\x7f", "\\u007f")  # the one control character that JSON lets through


def _escaped(char: str) -> str:
    """Escapes one character; a surrogate of its own has no JSON that parsers agree on."""
    return json.dumps(printable(char) if "\ud800" <= char <= "\udfff" else char)[1:-1]


def _plain(value: object) -> object:
    """Turns what json cannot write into something it can."""
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None:
        return {name: getattr(value, name) for name in fields}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON")
