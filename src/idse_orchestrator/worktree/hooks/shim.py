"""The text of an installed hook: the shipped script with what it shares, the path of idse and a seal.

The seal is a digest of everything else in the file. It tells our own hooks, of whatever release,
from those that somebody changed by hand, and those are never overwritten or removed.
"""

from __future__ import annotations

import os
import sys
from functools import cache

from idse_orchestrator.resources import shipped_folder

_MARK = b"# idse-hook"
_PROGRAM = b"idse_program=''"
_DIGEST_LENGTH = 32


def shim(name: str, program: str) -> bytes:
    """The hook `name`, which starts `program` (absolute path of idse; "" for the one on PATH)."""
    script = _shipped(name).replace(_PROGRAM, b"idse_program=" + _quoted(program), 1)
    return script.replace(_MARK + b"\n", _sealed_mark(script), 1)


def is_ours(content: bytes) -> bool:
    """Whether this is a hook of idse, edited or not."""
    return _mark_line(content) is not None


def is_sealed(content: bytes) -> bool:
    """Whether this is a hook exactly as idse wrote it, in any release and for any path."""
    line = _mark_line(content)
    if line is None:
        return False
    plain = content.replace(line + b"\n", _MARK + b"\n", 1)
    return line + b"\n" == _sealed_mark(plain)


def find_program() -> str:
    """Absolute path of the idse that runs now, or of the one beside this Python; "" when there is none."""
    names = ("idse.exe", "idse") if os.name == "nt" else ("idse",)
    beside = [os.path.join(os.path.dirname(sys.executable), name) for name in names]
    running = [sys.argv[0]] if os.path.basename(sys.argv[0]) in names and os.path.dirname(sys.argv[0]) else []
    for path in (*running, *beside):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.abspath(path)
    return ""


@cache
def _shipped(name: str) -> bytes:
    script = _read(name)
    for text in _read("shared.sh").rstrip(b"\n").split(b"\n\n"):
        function = text.partition(b"() {\n")[0].rpartition(b"\n")[2]
        script = script.replace(b"# shared: " + function + b"\n", text + b"\n")
    return script


def _read(name: str) -> bytes:
    with open(os.path.join(shipped_folder("hooks"), name), "rb") as file:
        return file.read().replace(b"\r\n", b"\n")


def _quoted(program: str) -> bytes:
    """One word of sh. Backslashes of Windows become slashes, which Git's sh wants."""
    plain = program.replace("\\", "/") if os.name == "nt" else program
    return b"'" + os.fsencode(plain).replace(b"'", b"'\\''") + b"'"


def _sealed_mark(plain: bytes) -> bytes:
    import hashlib  # only whoever installs hooks pays for it

    digest = hashlib.sha256(plain).hexdigest()[:_DIGEST_LENGTH].encode()
    return _MARK + b" " + digest + b"\n"


def _mark_line(content: bytes) -> bytes | None:
    lines = content[:200].split(b"\n")
    return lines[1] if len(lines) > 2 and lines[1].startswith(_MARK) else None
