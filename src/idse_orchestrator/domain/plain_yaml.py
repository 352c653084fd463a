"""Writes YAML that every parser reads alike: no anchors, no folding, nothing that depends on a library.

The same value gives the same bytes on every platform and in every release. A text stands plain only where
neither YAML 1.1 nor 1.2 could take it for something else; otherwise it is quoted as JSON would.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z](?:[\w ./()+*%@^&=!?;,'\"-]|:(?=\S)|#(?<=\S#))*", re.ASCII)
_ID = re.compile(r"[0-9a-f]{40}")
_WORDS = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null", "nan", "inf"})
_LINE = re.compile("[^\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]*")
_WIDE = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff\U0001fffe-\U0010ffff]")


def plain_yaml(value: Mapping[str, object]) -> str:
    """`value`, made of JSON's own types, as YAML in block style that ends in a line feed; {} as ``{}``."""
    return "\n".join(_mapping(value, "")) + "\n" if value else "{}\n"


def _mapping(value: Mapping[str, object], indent: str) -> Iterator[str]:
    for key, each in value.items():
        yield from _entry(f"{indent}{_scalar(key)}:", each, indent)


def _list(value: Sequence[object], indent: str) -> Iterator[str]:
    for each in value:
        yield from _entry(f"{indent}-", each, indent)


def _entry(head: str, value: object, indent: str) -> Iterator[str]:
    """What follows `head`: in its line, or below it and further in."""
    deeper = indent + "  "
    if isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(value, deeper)
    elif isinstance(value, list | tuple) and value:
        yield head
        yield from _list(value, deeper)
    elif isinstance(value, str) and _fits_block(value):
        yield f"{head} {'|' if value.endswith(chr(10)) else '|-'}"
        yield from (f"{deeper}{line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _fits_block(text: str) -> bool:
    """Whether a literal block keeps `text` exactly: some lines, and nothing at their ends that gets lost."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and lines[0] == lines[0].strip() != ""
        and lines[-1] != ""
        and all(_LINE.fullmatch(line) and line == line.rstrip() for line in lines)
    )


def _scalar(value: object) -> str:
    if isinstance(value, str) and _stands_plain(value):
        return value
    written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if isinstance(value, float) and "." not in written:
        return written.replace("e", ".0e")  # for YAML 1.1 it is no number without a point
    return _WIDE.sub(_escaped, written)


def _stands_plain(text: str) -> bool:
    """Whether `text` is read back as itself without quotes; ids never do, so that all of them look alike."""
    if text != text.strip() or text.lower() in _WORDS or _ID.fullmatch(text):
        return False
    return bool(_PLAIN.fullmatch(text))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
