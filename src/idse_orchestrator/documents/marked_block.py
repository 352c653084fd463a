"""One block of ours in a file of somebody else: found, put in, renewed and taken out to the byte.

::

    <!-- idse:begin 1 9f3ab2c41d7e +2 -->
    the body
    <!-- idse:end -->

The begin marker says the block's version, the content id of the body as it was written (so a body that
was edited by hand is noticed), and how the block came here: ``+2`` line breaks were put before it, or
``new``: the file was made for it. So the block can be taken out again in any clone.

A file that is all ours has one line instead, which says version and content id of all the rest::

    <!-- idse:file 1 9f3ab2c41d7e -->
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from idse_orchestrator.base.records import NamedTuple

VERSION = 1

_BOM = b"\xef\xbb\xbf"
_BEGIN = b"<!-- idse:begin"
_END = b"<!-- idse:end"
_HEAD = re.compile(rb"<!-- idse:begin (\d{1,6}) ([0-9a-f]{12}) (new|\+[0-2]) -->")
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_FILE = b"idse:file"
_WHOLE = re.compile(rb"^(?:<!-- |# )idse:file \d{1,6} ([0-9a-f]{12})(?: -->)?\n", re.MULTILINE)


class BlockTrouble(NamedTuple):
    """Why the block of a file cannot be told apart: the line to look at, and what is wrong there."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Block:
    """A block as it stands at ``content[start:end]``, with its markers and the line break after them.

    `joined` counts the line breaks that were put before it; None: the file was made for the block. `id`
    is what the marker says, "" where the marker itself was changed; `body` has plain line breaks.
    """

    start: int
    end: int
    line: int
    version: int
    id: str
    joined: int | None
    body: bytes

    @property
    def is_edited(self) -> bool:
        """True if somebody changed what was written."""
        return self.id != content_id(self.body)


class _Marker(NamedTuple):
    line: int
    start: int
    end: int
    text: bytes


def content_id(body: bytes) -> str:
    """Twelve hexadecimal digits that tell one body from another; `body` has plain line breaks."""
    from hashlib import sha256

    return sha256(body).hexdigest()[:12]


def find_block(content: bytes) -> Block | BlockTrouble | None:
    """Returns the block in `content`; None where there is none."""
    begins = list(_markers(content, _BEGIN))
    ends = list(_markers(content, _END))
    if not begins and not ends:
        return None
    return _trouble(begins, ends) or _block(content, begins[0], ends[0])


def with_block(content: bytes | None, body: bytes, front: bytes = b"") -> bytes:
    """Returns `content`, which has no block, with one at its end.

    None: a new file that begins with `front`.
    """
    if content is None:
        return front + _text(body, "new", b"\n") + b"\n"
    line_break = _line_break(content)
    joined = _missing_breaks(content)
    return content + line_break * joined + _text(body, f"+{joined}", line_break) + line_break


def renewed(content: bytes, block: Block, body: bytes) -> bytes:
    """Returns `content` with `body` in the place of what its `block` holds."""
    line_break = _line_break(content[block.start : block.end])
    joined = "new" if block.joined is None else f"+{block.joined}"
    last = line_break if content[block.start : block.end].endswith(b"\n") else b""
    return content[: block.start] + _text(body, joined, line_break) + last + content[block.end :]


def without_block(content: bytes, block: Block, front: bytes = b"") -> bytes | None:
    """Returns `content` without its `block`.

    None where the file was made for it and nothing else is in it.
    """
    before, after = content[: block.start], content[block.end :]
    if block.joined is None and not after.strip() and before.replace(b"\r\n", b"\n") in (b"", front):
        return None
    kept, line_break = before, _line_break(content[block.start : block.end])
    for _ in range(block.joined or 0):
        kept = kept.removesuffix(line_break)
    if after and kept and not kept.endswith(b"\n"):
        kept = before  # somebody wrote below the block: their line must not join the one above
    return kept + after


def marked_file(before: bytes, after: bytes, mark: str = "<!-- {} -->") -> bytes:
    """Returns a file that is all ours, its mark between two parts of it; `mark` is how a comment looks."""
    text = mark.format(f"{_FILE.decode()} {VERSION} {content_id(before + after)}")
    return before + text.encode() + b"\n" + after


def is_as_written(content: bytes) -> bool | None:
    """Tests whether a file that is all ours is as some idse wrote it; None where it has no mark of ours."""
    if _FILE not in content:
        return None
    plain = content.replace(b"\r\n", b"\n")
    marks = list(_WHOLE.finditer(plain))
    if len(marks) != 1:
        return False
    rest = plain[: marks[0].start()] + plain[marks[0].end() :]
    return content_id(rest) == marks[0][1].decode()


def _markers(content: bytes, sign: bytes) -> Iterator[_Marker]:
    """Whole lines that are a marker, whatever blanks stand around it."""
    if sign not in content:
        return
    for number, found in enumerate(_LINE.finditer(content), 1):
        line = found[0]
        skipped = len(_BOM) if number == 1 and line.startswith(_BOM) else 0
        if line[skipped:].strip().startswith(sign):
            yield _Marker(number, found.start() + skipped, found.end(), line[skipped:].strip())


def _trouble(begins: Sequence[_Marker], ends: Sequence[_Marker]) -> BlockTrouble | None:
    if len(begins) > 1:
        return BlockTrouble(
            begins[1].line, f"a second block begins here; the first is at line {begins[0].line}"
        )
    if not begins:
        return BlockTrouble(ends[0].line, "a block ends here that begins nowhere")
    if not ends:
        return BlockTrouble(begins[0].line, "the block that begins here has no end marker")
    if len(ends) > 1:
        return BlockTrouble(ends[1].line, f"a second end marker; the first is at line {ends[0].line}")
    if ends[0].start < begins[0].start:
        return BlockTrouble(
            ends[0].line, f"the end marker stands before the begin marker, line {begins[0].line}"
        )
    return None


def _block(content: bytes, begin: _Marker, end: _Marker) -> Block:
    body = content[begin.end : end.start].replace(b"\r\n", b"\n")
    head = _HEAD.fullmatch(begin.text)
    if head is None:
        return Block(begin.start, end.end, begin.line, 0, "", 0, body)
    joined = None if head[3] == b"new" else int(head[3])
    return Block(begin.start, end.end, begin.line, int(head[1]), head[2].decode(), joined, body)


def _text(body: bytes, joined: str, line_break: bytes) -> bytes:
    head = f"<!-- idse:begin {VERSION} {content_id(body)} {joined} -->\n".encode()
    return (head + body + b"<!-- idse:end -->").replace(b"\n", line_break)


def _line_break(content: bytes) -> bytes:
    first = content.find(b"\n")
    return b"\r\n" if first > 0 and content[first - 1 : first] == b"\r" else b"\n"


def _missing_breaks(content: bytes) -> int:
    """How many line breaks `content` needs at its end so that an empty line separates what follows."""
    text = content.removeprefix(_BOM).replace(b"\r\n", b"\n")
    if not text or text.endswith(b"\n\n"):
        return 0
    return 1 if text.endswith(b"\n") else 2
