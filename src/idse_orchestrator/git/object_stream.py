"""Reads objects by name: whole ones from a `git cat-file --batch` that stays open, or only their headers.

Questions are sent ahead of their answers. What is unanswered never exceeds what the smallest pipe
holds, so neither side can end up waiting for the other.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Self

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import CAP
from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.program import TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from idse_orchestrator.git.program import Child, Git

LARGEST = 8 * CAP
"""Nothing of a ledger is larger; what is, counts as damaged and is not loaded."""
FEW = 64
"""Ids up to this number fit into the smallest pipe together with their answers."""

_WINDOW = 4096
_CHUNK = 1 << 16
_HEADER_FIELDS = 3
_HEADERS = ("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)")
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

    __slots__ = ("answer", "answered", "line", "name")

    def __init__(self, name: str) -> None:
        self.name = name
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
        """Returns the object `name` stands for; None if there is none, or if the name is ambiguous.

        A name with a line break or NUL cannot be asked for, and counts as missing.
        """
        question = _Question(name)
        self._send([question])
        return self._answer(question)

    def read_all(self, names: Iterable[str]) -> Iterator[GitObject | None]:
        """Yields `read` of each name, in order. Other reads may come in between, and it may be left early."""
        for questions in _windows(names):
            self._send(questions)
            while questions:
                yield self._answer(questions.popleft())

    def close(self) -> None:
        """Ends git; it only reads, so it can be ended at any instant."""
        child, self._child = self._child, None
        _end(child)

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
            raise _ended(self._waiting[0].name) from error

    def _running(self) -> Child:
        if self._child is None:
            self._child = self._git.start("cat-file", "--batch")
        return self._child

    def _answer(self, question: _Question) -> GitObject | None:
        while not question.answered:
            self._receive()
        return question.answer

    def _receive(self) -> None:
        """Takes the next answer off the pipe and gives it to the question that waited longest."""
        question = self._waiting.popleft()
        self._in_flight -= len(question.line)
        header = self._running().stdout.readline()  # type: ignore[union-attr] # a pipe was asked for
        if not header:
            raise _ended(question.name)
        fields = header.decode("utf-8", "surrogateescape").split()
        if len(fields) == _HEADER_FIELDS and fields[2].isdecimal():
            size = int(fields[2])
            question.answer = GitObject(fields[0], fields[1], self._body(size, question), size)
        question.answered = True

    def _body(self, size: int, question: _Question) -> bytes:
        pipe = self._running().stdout
        left = size if size > self._cap else 0
        while left:
            skipped = len(pipe.read(min(left, _CHUNK)))  # type: ignore[union-attr]
            if not skipped:
                raise _ended(question.name)
            left -= skipped
        data = b"" if size > self._cap else pipe.read(size)  # type: ignore[union-attr]
        if pipe.read(1) != b"\n":  # type: ignore[union-attr]
            raise _ended(question.name)
        return data


class Header(NamedTuple):
    """An object that is not loaded: full id, kind, size in bytes."""

    id: str
    kind: str
    size: int


def headers(git: Git, names: Iterable[str], timeout: float = TIMEOUT_SECONDS) -> list[Header | None]:
    """Returns the header of each object, in order; None for one that is not here."""
    stdin = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    out = git.bytes(*_HEADERS, "--buffer", stdin=stdin, timeout=timeout) if stdin else b""
    return [_header(line) for line in out.split(b"\n")[:-1]]


def object_sizes(git: Git, ids: Iterable[str]) -> dict[str, int]:
    """Returns the size in bytes of each object that is here, by id; none of them is loaded."""
    return {found.id: found.size for found in headers(git, dict.fromkeys(ids)) if found is not None}


def find(git: Git, name: str) -> Header | None:
    """Returns the header of the object that `name` stands for. No name can be taken for an option."""
    return None if "\n" in name or "\0" in name else headers(git, (name,))[0]


def find_commit(git: Git, name: str) -> str | None:
    """Returns the id of the commit that `name` leads to, through tags if need be."""
    found = find(git, f"{name}^{{commit}}")
    return found.id if found else None


def is_ancestor(git: Git, ancestor: str, commit: str) -> bool:
    """Tests whether `commit` is, or comes after, `ancestor`; False if either is missing."""
    return git.attempt("merge-base", "--is-ancestor", ancestor, commit).returncode == 0


class ObjectFinder:
    """Finds objects by any name that git understands, by one git that stays open. One thread at a time.

    Starting git costs more than ten answers. It only reads, so it can be ended at any instant.
    """

    def __init__(self, git: Git) -> None:
        self._git = git
        self._child: Child | None = None

    def find(self, name: str) -> Header | None:
        """Returns the header of the object that `name` stands for; None too if git ended by itself."""
        try:
            return None if "\n" in name or "\0" in name else self.find_all((name,))[0]
        except GitFailedError:
            return None

    def find_all(self, names: Sequence[str]) -> list[Header | None]:
        """Returns the header of each object, in order, of FEW at most. Raises GitFailedError if git ended."""
        if self._child is None:
            self._child = self._git.start(*_HEADERS)
        try:
            pipe = self._child.stdin
            pipe.write("".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape"))  # type: ignore[union-attr] # a pipe was asked for
            pipe.flush()  # type: ignore[union-attr]
        except BrokenPipeError as error:
            raise _ended(names[0]) from error
        return [_header(self._child.stdout.readline()) for _ in names]  # type: ignore[union-attr]

    def close(self) -> None:
        """Ends git; the next question starts it again."""
        child, self._child = self._child, None
        _end(child)

    def __del__(self) -> None:
        self.close()


def _header(line: bytes) -> Header | None:
    fields = line.decode("utf-8", "surrogateescape").split()
    if len(fields) == _HEADER_FIELDS and fields[1] in KINDS and fields[2].isdecimal():
        return Header(fields[0], fields[1], int(fields[2]))
    return None


def _end(child: Child | None) -> None:
    if child is None:
        return
    child.kill()
    for pipe in (child.stdin, child.stdout):
        try:
            pipe.close()  # type: ignore[union-attr] # both were asked for
        except BrokenPipeError:
            continue
    child.wait()


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


def _ended(name: str) -> GitFailedError:
    return GitFailedError(
        "git stopped in the middle of reading objects",
        where=name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        cause="an object of this repository may be damaged",
        fix=("git fsck",),
    )


_ALSO = "GIT_ALTERNATE_OBJECT_DIRECTORIES"


def reading_also(git: Git, folder: str) -> Git:
    """Returns a git that finds objects in `folder`, too."""
    return git.with_environment({_ALSO: quoted(folder)})


def writing_to(folder: str, store: str) -> dict[str, str]:
    """Returns the environment of a git that writes objects to `folder`, and finds those of `store`, too."""
    return {"GIT_OBJECT_DIRECTORY": folder, _ALSO: quoted(store)}


def quoted(path: str) -> str:
    """Returns `path` as git reads it in lists: backslashes, quotes and line ends escaped."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
