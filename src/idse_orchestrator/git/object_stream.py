"""Objects of a repository, read from one `git cat-file --batch` that stays open.

Questions are sent ahead of their answers. What is unanswered never exceeds what the smallest pipe
holds, so neither side can end up waiting for the other.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self

from idse_orchestrator.errors import GitFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from idse_orchestrator.git.program import Child, Git

CAP = 8 * 1024 * 1024
"""Objects larger than this many bytes are passed by, not loaded, unless the caller says otherwise."""

_WINDOW = 4096
_CHUNK = 1 << 16
_ANSWER_FIELDS = 3
KINDS = ("blob", "tree", "commit", "tag")

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""Id of the tree without entries: known to every git, whether or not the repository holds it."""


class GitObject(NamedTuple):
    """An object: full id, kind ("blob", "tree", "commit", "tag"), content, size in bytes.

    `data` is empty where `size` is above the stream's cap.
    """

    id: str
    kind: str
    data: bytes
    size: int


class _Question:
    """A name on its way through git; `answer` counts once `answered` is true."""

    __slots__ = ("answer", "answered", "line")

    def __init__(self, name: str) -> None:
        self.line = name.encode("utf-8", "surrogateescape") + b"\n"
        self.answer: GitObject | None = None
        self.answered = b"\n" in self.line[:-1] or b"\0" in self.line


class ObjectStream:
    """Reads objects by any name that git understands: an id, a ref, ``<rev>:<path>``, ``<rev>^{commit}``.

    Use it in a ``with`` block; git starts with the first question and ends with the block. One
    thread at a time. GitFailedError when git ends in the middle, as it does on a corrupt object.
    """

    def __init__(self, git: Git, *, cap: int = CAP) -> None:
        self._git = git
        self._cap = cap
        self._child: Child | None = None
        self._waiting: deque[_Question] = deque()
        self._in_flight = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, name: str) -> GitObject | None:
        """The object `name` stands for; None where there is none, or where the name is ambiguous.

        A name with a line break or NUL cannot be asked for, and counts as missing.
        """
        question = _Question(name)
        self._send([question])
        return self._answer(question)

    def read_all(self, names: Iterable[str]) -> Iterator[GitObject | None]:
        """`read` of each name, in order. Other reads may come in between, and it may be left early."""
        for questions in _windows(names):
            self._send(questions)
            while questions:
                yield self._answer(questions.popleft())

    def close(self) -> None:
        """End git; it only reads, so it can be ended at any instant."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            try:
                pipe.close()  # type: ignore[union-attr] # both were asked for
            except BrokenPipeError:
                continue
        child.wait()

    def _send(self, questions: Iterable[_Question]) -> None:
        asked = [question for question in questions if not question.answered]
        if not asked:
            return
        lines = b"".join(question.line for question in asked)
        while self._waiting and self._in_flight + len(lines) > _WINDOW:
            self._receive()
        self._waiting.extend(asked)
        self._in_flight += len(lines)
        try:
            pipe = self._running().stdin
            pipe.write(lines)  # type: ignore[union-attr] # a pipe was asked for
            pipe.flush()  # type: ignore[union-attr]
        except BrokenPipeError as error:
            raise _ended(self._waiting[0]) from error

    def _running(self) -> Child:
        if self._child is None:
            self._child = self._git.start("cat-file", "--batch")
        return self._child

    def _answer(self, question: _Question) -> GitObject | None:
        while not question.answered:
            self._receive()
        return question.answer

    def _receive(self) -> None:
        """Take the next answer off the pipe and give it to the question that waited longest."""
        question = self._waiting.popleft()
        self._in_flight -= len(question.line)
        header = self._running().stdout.readline()  # type: ignore[union-attr] # a pipe was asked for
        if not header:
            raise _ended(question)
        fields = header.decode("utf-8", "surrogateescape").split()
        if len(fields) == _ANSWER_FIELDS and fields[2].isdecimal():
            size = int(fields[2])
            question.answer = GitObject(fields[0], fields[1], self._body(size, question), size)
        question.answered = True

    def _body(self, size: int, question: _Question) -> bytes:
        pipe = self._running().stdout
        left = size if size > self._cap else 0
        while left:
            skipped = len(pipe.read(min(left, _CHUNK)))  # type: ignore[union-attr]
            if not skipped:
                raise _ended(question)
            left -= skipped
        data = b"" if size > self._cap else pipe.read(size)  # type: ignore[union-attr]
        if pipe.read(1) != b"\n":  # type: ignore[union-attr]
            raise _ended(question)
        return data


def object_sizes(git: Git, ids: Iterable[str]) -> dict[str, int]:
    """Size in bytes of each object that is here, by id; none of them is loaded."""
    wanted = dict.fromkeys(ids)
    if not wanted:
        return {}
    stdin = "".join(f"{name}\n" for name in wanted).encode()
    out = git.bytes("cat-file", "--batch-check=%(objectname) %(objectsize)", "--buffer", stdin=stdin)
    rows = (line.split() for line in out.decode().splitlines())
    return {row[0]: int(row[1]) for row in rows if row[1].isdecimal()}


def find(git: Git, name: str) -> tuple[str, str] | None:
    """Id and kind of the object that `name` stands for, or None. No name can be taken for an option."""
    if "\n" in name or "\0" in name:
        return None
    stdin = f"{name}\n".encode("utf-8", "surrogateescape")
    out = git.bytes("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=stdin)
    fields = out.decode("utf-8", "surrogateescape").split()
    return (fields[0], fields[1]) if fields[-1] in KINDS else None


def find_commit(git: Git, name: str) -> str | None:
    """The id of the commit that `name` leads to, through tags if need be; None where there is none."""
    found = find(git, f"{name}^{{commit}}")
    return found[0] if found else None


def _windows(names: Iterable[str]) -> Iterator[deque[_Question]]:
    window: deque[_Question] = deque()
    size = 0
    for question in map(_Question, names):
        if window and size + len(question.line) > _WINDOW:
            yield window
            window, size = deque(), 0
        window.append(question)
        size += len(question.line)
    if window:
        yield window


def _ended(question: _Question) -> GitFailedError:
    return GitFailedError(
        "git stopped in the middle of reading objects",
        where=question.line[:-1].decode("utf-8", "replace"),
        cause="an object of this repository may be damaged",
        fix=("git fsck",),
    )
