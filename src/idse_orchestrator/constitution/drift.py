"""Drift: which changes of code made something else of what a session built. Pure.

A session is a few lines of a file, not all of it. So a commit counts where it takes away or replaces lines
that the session wrote, or the lines that took their place, and where the code then says something else: not
where it is laid out, commented or typed otherwise. Documents, tests, and what builds and checks the code are
no code here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from idse_orchestrator.base.records import NamedTuple

NOTHING_RECORDED = "its completion recorded no commits: confirm it, or complete it again"


class Span(NamedTuple):
    """Lines `first` to `last`; where `last` is before `first`, the gap between them."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many lines they are."""
        return self.last - self.first + 1


class Hunk(NamedTuple):
    """A place that a commit changed: the lines before it, and those that stand there now."""

    before: Span
    after: Span


class FileChange(NamedTuple):
    """A file that a commit changed: paths `before` and `after`, blobs `was` and `now`, "" for none."""

    before: str
    after: str
    was: str
    now: str
    hunks: tuple[Hunk, ...]


class Commit(NamedTuple):
    """A commit with what it changes against each of its `parents`, by path.

    `sessions` are those of its notes, `at` is an ISO date.
    """

    id: str
    parents: tuple[str, ...]
    at: str
    author: str
    subject: str
    sessions: tuple[str, ...]
    changes: tuple[Mapping[str, FileChange], ...] = ()


class Place(NamedTuple):
    """Lines of a file as they stand after a change."""

    path: str
    lines: Span


def shown(place: Place) -> str:
    """Returns a place as people write it: ``src/greet.py:3-7``."""
    first, last = place.lines
    return f"{place.path}:{first}-{last}" if last > first else f"{place.path}:{min(first, max(last, 1))}"


class Drifted(NamedTuple):
    """A commit that changed what a session built, and where it did."""

    commit: Commit
    places: tuple[Place, ...]


class Drift(NamedTuple):
    """Holds the changes that were made to a session's code since the commit `baseline`.

    `commits` are those that count, oldest first; `others` belong to another session; `quiet` say of
    themselves that they change only types, layout or words. `open` are places that the work tree changes and
    no commit yet. `paths` are all that are looked at; `unseen` says why nothing can be judged here.
    """

    baseline: str = ""
    paths: tuple[str, ...] = ()
    commits: tuple[Drifted, ...] = ()
    others: tuple[Drifted, ...] = ()
    quiet: tuple[Drifted, ...] = ()
    open: tuple[Place, ...] = ()
    unseen: str = ""

    @property
    def is_drifted(self) -> bool:
        """True where anything is no longer as it was accepted."""
        return bool(self.commits or self.open)


_SAYS_SO = re.compile(
    r"^(?:style|docs?|tests?|chore|build|ci|refactor)(?:\([^)]*\))?:|^mov(?:e|es|ed|ing)\b"
    r"|\b(?:typing|mypy|pyright|pyupgrade|isort|flake8|pep ?8|linters?|linting|reformat\w*|whitespace"
    r"|typos?|spelling|docstrings?|annotat\w+|(?:inline|static) types"
    r"|type[- ]?(?:hints?|annotations?|checks?|checking|ignores?)"
    r"|f-?strings?|refactor\w*|clean(?:ed|s|ing)?[- ]?ups?|tid(?:y|ied)|cosmetic|nits?"
    r"|(?:re-?order|sort|avoid|unused)\b.*\bimports?|translations?"
    r"|(?:run|apply|with|use) (?:black|ruff|prettier|gofmt|rustfmt|clang-format))\b",
    re.IGNORECASE,
)


def says_so(subject: str) -> bool:
    """Tests whether a commit says of itself that nothing works otherwise after it."""
    return bool(_SAYS_SO.search(subject))


_NO_CODE_END = re.compile(
    "md|markdown|mdx|rst|adoc|asciidoc|txt|text|org|tex|pdf|odt|docx|html|htm|css|svg|png|jpg|jpeg|gif|ico|webp"
    "|ai|eps|psd|ps|sketch|fig|drawio|puml|dot|mp3|mp4|wav|zip|gz|tar|jar|whl|patch|diff|log"
    "|csv|tsv|dat|pem|crt|key|der|woff|woff2|ttf|map|snap|bin|po|pot|mo"
    "|lock|toml|ini|cfg|yml|yaml|json|xml|in"
)
_NO_CODE_FOLDER = re.compile(
    r"\..*|doc|docs|documentation|man|test|tests|testing|spec|specs|__tests__|ci|_?appveyor|testdata|fixtures"
    r"|examples?|demos?|samples?|bench|benches|benchmarks?|vendor|node_modules|third_party"
)
_NO_CODE_NAME = re.compile(
    "readme|changelog|changes|history|news|authors|contributors|contributing|licen[sc]e|copying|notice|security"
    "|code_of_conduct|codeowners|maintainers|makefile|dockerfile|gemfile|pipfile|rakefile|justfile"
)
_NO_CODE_FILE = re.compile(r"\..*|setup\.py|conftest\.py|noxfile\.py|go\.sum|go\.mod")
_TEST = re.compile(r"(?:^|[/_.-])tests?(?:[_.-]|$)|[a-z]Tests?\.\w+$|\.spec\.\w+$")


def is_code(path: str) -> bool:
    """Tests whether the file at `path` is code that a session can be about.

    Documents, tests and what builds, checks and configures code stand beside it.
    """
    *folders, name = path.lower().split("/")
    stem, _, end = name.rpartition(".")
    return not (
        any(map(_NO_CODE_FOLDER.fullmatch, folders))
        or _NO_CODE_FILE.fullmatch(name)
        or _NO_CODE_NAME.fullmatch((stem or name).partition(".")[0])
        or (stem and _NO_CODE_END.fullmatch(end))
        or _TEST.search(path.rpartition("/")[2])
    )


Owned = Mapping[str, tuple[Span, ...]]
"""Lines of files that are a session's, in order, by path."""


def carried(spans: Sequence[Span], hunks: Sequence[Hunk], kept: Collection[Hunk]) -> tuple[Span, ...]:
    """Returns where lines stand after `hunks`. Of those in `kept`, what took their place is among them."""
    found: list[Span] = []
    rest = list(spans)
    moved = 0
    for hunk in hunks:
        before, rest = _cut(rest, hunk.before)
        found += [Span(each.first + moved, each.last + moved) for each in before]
        if hunk.after.size and hunk in kept and touches(spans, hunk):
            found.append(hunk.after)
        moved += hunk.after.size - hunk.before.size
    return _joined([*found, *(Span(each.first + moved, each.last + moved) for each in rest)])


def united(*several: Sequence[Span]) -> tuple[Span, ...]:
    """Returns the lines that are in any of `several`."""
    return _joined(sorted(span for spans in several for span in spans))


def touches(spans: Sequence[Span], hunk: Hunk) -> bool:
    """Tests whether `hunk` takes lines of `spans` away; what it only puts in has to stand between two."""
    first, last = hunk.before
    return any(each.first <= last and first <= each.last for each in spans)


def _cut(spans: Sequence[Span], at: Span) -> tuple[list[Span], list[Span]]:
    """Returns what of `spans` is before and what is behind the lines, or the gap, `at`."""
    before = [Span(each.first, min(each.last, at.first - 1)) for each in spans if each.first < at.first]
    behind = [Span(max(each.first, at.last + 1), each.last) for each in spans if each.last > at.last]
    return before, behind


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    found: list[Span] = []
    for span in spans:
        if found and span.first <= found[-1].last + 1:
            found[-1] = Span(found[-1].first, max(found[-1].last, span.last))
        else:
            found.append(span)
    return tuple(found)


def changing(hunks: Iterable[Hunk], owned: Sequence[Span], before: Reader, after: Reader) -> list[Hunk]:
    """Returns those of `hunks` after which lines of `owned` do not say any more what they said."""
    return [hunk for hunk in hunks if _says_else(hunk, owned, before, after)]


def saying(hunks: Iterable[Hunk], before: Reader, after: Reader) -> list[Hunk]:
    """Returns those of `hunks` after which a file says something else there."""
    return [hunk for hunk in hunks if "".join(before(hunk.before)) != "".join(after(hunk.after))]


def _says_else(hunk: Hunk, owned: Sequence[Span], before: Reader, after: Reader) -> bool:
    new = after(hunk.after)
    if not hunk.before.size:
        return not _BEGINS.match(new[0] if new else "")
    mine = (
        Span(max(each.first, hunk.before.first), min(each.last, hunk.before.last))
        for each in owned
        if each.first <= hunk.before.last and hunk.before.first <= each.last
    )
    return not set(new).issuperset(words for span in mine for words in before(span))


def is_moved(gone: Iterable[str], put: Iterable[str], added: Counter[str]) -> bool:
    """Tests whether nearly all of the lines `gone` in one place came again in others.

    `put` are lines that stand in their place now; `added` are all that the commit adds anywhere.
    """
    elsewhere = added - Counter(row.strip() for row in put)
    lines = [line for row in gone if len(line := row.strip()) > _SHORT]
    return len(lines) > 1 and sum(elsewhere[line] > 0 for line in lines) >= _MOVED * len(lines)


_SHORT = 3
_MOVED = 0.8
"""Which part of lines has to come again elsewhere for them to be moved."""

Reader = Callable[[Span], list[str]]
"""Returns what a span says, in statements or lines."""


def reader(path: str, data: bytes) -> Reader:
    """Returns what tells what the lines of a file say."""
    text = data.decode("utf-8", "replace")
    if path.endswith((".py", ".pyi")):
        from idse_orchestrator.constitution.python_code import read_python

        found = read_python(text)
        if found is not None:
            return found
    rows = text.split("\n")
    return lambda span: [words for row in rows[span.first - 1 : span.last] if (words := _plain(row))]


_BEGINS = re.compile(
    r"(?:[^()]*/)?(?:Async)?(?:FunctionDef|ClassDef)\("
    r"|(?:export|pub|async|static|public|private|default)*(?:def|class|function|fn|func|struct|interface|impl)\w"
)
"""Matches the beginning of a function or class: new ones between old lines change none of those."""
_COMMENT = re.compile(
    r"^\s*(?:#(?!include|define|if|el|end|undef|pragma)|//|/?\*|\*/|--\s|;;|<!--|%).*$|\s//\s.*$|\s#\s.*$"
)


def _plain(row: str) -> str:
    """Returns a line of code without comment and layout."""
    return re.sub(r"\s+", "", _COMMENT.sub("", row))
