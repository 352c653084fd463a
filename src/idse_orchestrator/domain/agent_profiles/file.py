"""The file of a compiled profile: its bytes, and whether somebody changed them since idse wrote it.

A file ends with what it was compiled from, under the key `compiled`: the format, the content id of each
source, and a checksum of the whole file in which the checksum itself counts as zeros.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from idse_orchestrator.domain.agent_profiles.spec import AgentProfileSpec
from idse_orchestrator.domain.placed_yaml import NEWER_NUMBER

YAML = "yaml"
JSON = "json"
FORMATS = (YAML, JSON)

FORMAT = 1
"""Of the file as a whole; a reader refuses a number that it does not know."""

COMPILED = "compiled"
_BLANK = "0" * 64
_CHECKSUM = re.compile(rb"""^ +"?checksum"?: ['"]([0-9a-f]{64})['"]\s""", re.MULTILINE)

_NOTICE = "# Compiled by idse from {path}: change it there, then compile again.\n"


def profile_file(spec: AgentProfileSpec, sources: Mapping[str, str], path: str, form: str) -> bytes:
    """The file of `spec`, as YAML or JSON; equal input gives equal bytes.

    `sources` maps what was read ("spec", "blueprint_spec") to content ids; `path` is the first of them.
    """
    compiled = {"format": FORMAT, **sources, "checksum": _BLANK}
    data = {**spec.as_data(), COMPILED: compiled}
    if form == JSON:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    else:
        text = _NOTICE.format(path=path) + _as_yaml(data)
    blank = text.encode()
    return _with_checksum(blank, _BLANK, _checksum(blank))


def _as_yaml(data: Mapping[str, object]) -> str:
    """In block style, one line a text, without anchors; by PyYAML's own writer, never libyaml's."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            del data
            return True

    newer = re.compile(f"(?:{NEWER_NUMBER.pattern})$")  # a text that looks so wants quotes for every reader
    Plain.add_implicit_resolver("tag:yaml.org,2002:float", newer, list("-+.0123456789"))
    text: str = yaml.dump(data, Dumper=Plain, sort_keys=False, allow_unicode=True, width=float("inf"))
    return text


def profile_name(session: str, form: str) -> str:
    """The name of the file that holds the profile of `session`."""
    return f"{session}.profile.{form}"


def session_of(name: str, form: str) -> str | None:
    """The session whose profile stands in a file of that name; None for a file of another kind."""
    session = name.removesuffix(profile_name("", form))
    return session if session and session != name else None


def says_it_is_from(content: bytes, path: str) -> bool:
    """Whether `content` begins by saying that it was compiled from `path`; JSON never does."""
    return with_plain_line_ends(content).startswith(_NOTICE.format(path=path).encode())


def is_as_written(content: bytes) -> bool:
    """Whether `content` is what idse once wrote, whole and unchanged but for line ends."""
    content = with_plain_line_ends(content)
    found = _CHECKSUM.findall(content)
    if not found:
        return False
    told: str = found[-1].decode()  # the profile's own comes last, whatever its texts say
    return _checksum(_with_checksum(content, told, _BLANK)) == told


def with_plain_line_ends(content: bytes) -> bytes:
    """`content` as it was before git turned its line ends into those of Windows."""
    return content.replace(b"\r\n", b"\n")


def _with_checksum(content: bytes, old: str, new: str) -> bytes:
    """`content` in which the last `old` is `new`."""
    before, _, after = content.rpartition(old.encode())
    return before + new.encode() + after


def _checksum(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()
