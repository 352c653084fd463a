"""Text made safe to store: what people and agents type can hold anything.

Free text first, then the names of files, then those of people as git writes them. A ledger is written
on one system and its folders are written out on another: macOS ignores some characters and case,
Windows ignores case, trailing dots and spaces, and knows short names and streams.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import UsageError

# Compiled when they are first used, and kept by `re`: most commands need none, and all of them cost 2 ms.
_BREAKS = r"[\s\x00-\x1f\x7f\u2028\u2029]+"
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f]"
_SEPARATOR = r"(?m)^-{3,}(?=\s|$)"
_TRAILER = r"(?mi)^(idse-[a-z]+):"


def is_unicode(text: str) -> bool:
    """Tests whether `text` holds no lone surrogate: a name that came from bytes which are UTF-8."""
    return encodable(text) == text


def encodable(text: str) -> str:
    """Returns `text` without lone surrogates (bytes that were not UTF-8), which JSON and git cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def one_line(text: str) -> str:
    """Returns `text` on one line: every run of white space and control characters becomes one space."""
    if text.isprintable() and "  " not in text:
        return text.strip(" ")
    return re.sub(_BREAKS, " ", encodable(text)).strip()


MAX_LABEL = 10_000
"""Characters of a title or a name of somebody: it stands in one line of lists, and in every state."""


def label(what: str, text: str) -> str:
    """Returns `text` on one line, as `what` (a title) may be. UsageError where it is too long for one."""
    line = one_line(text)
    if len(line) > MAX_LABEL:
        raise UsageError(
            f"{what} is too long: it has {len(line):,} characters, and the limit is {MAX_LABEL:,}",
            fix=("say it in fewer words; a document is the place for long ones",),
        )
    return line


def unique_lines(texts: Iterable[str]) -> tuple[str, ...]:
    """Returns `texts` on one line each, without repetitions and empty ones."""
    return tuple(dict.fromkeys(text for text in map(one_line, texts) if text))


def one_word(text: str) -> str:
    """Returns `text` as one word of a shell, for a command that somebody may copy.

    A name can hold a command.
    """
    from shlex import quote  # only errors pay for it

    return quote(text)


def paragraphs(text: str) -> str:
    """`text` as the body of a commit message, in which no line can pass for a trailer or a separator."""
    if text.isprintable() and text[:3] != "---" and text[:5].lower() != "idse-":
        return text.strip()
    clean = re.sub(_CONTROL, "", encodable(text).replace("\r\n", "\n").replace("\r", "\n"))
    clean = re.sub(_SEPARATOR, lambda found: found.group().replace("-", "–"), clean)  # noqa: RUF001 - the dash git does not read
    clean = re.sub(_TRAILER, r"\1 :", clean)
    return "\n".join(line.rstrip() for line in clean.strip().split("\n"))


def few(names: Sequence[str]) -> str:
    """Returns `names` as a list that stays short: four and more are named by the first two."""
    if len(names) < 4:
        return ", ".join(names)
    return f"{names[0]}, {names[1]} and {len(names) - 2} more"


def near(word: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Returns those of `known` that `word` may have been meant to be, the likeliest first, `most` at most."""
    from difflib import get_close_matches  # slow, and only mistakes ask

    return get_close_matches(word, list(known), most)


def did_you_mean(word: str, known: Iterable[str], most: int = 1, form: str = "{}") -> tuple[str, ...]:
    """Returns the question after a mistyped `word`, each name written as `form`; empty where none is near."""
    names = ", ".join(form.format(name) for name in near(word, known, most))
    return (f"did you mean {names}?",) if names else ()


def counted(number: int, noun: str, form: str = "") -> str:
    """Returns ``1 session``, ``2 sessions``; `form` is that of the number, "," for groups of thousands."""
    return f"{number:{form}} {noun}" if number == 1 else f"{number:{form}} {noun}s"


def is_past(day: str, today: str) -> bool:
    """Tests whether `day` lies before `today`, both ISO dates; what is no date is past.

    They are compared as numbers: as text, the year 10000 comes before the year 2026.
    """
    found, now = (re.fullmatch(r"(\d{4,6})-(\d\d)-(\d\d)", text, re.ASCII) for text in (day, today))
    if found is None or now is None:
        return True
    return [*map(int, found.groups())] < [*map(int, now.groups())]


MAX_ARTIFACT_BYTES = 1024 * 1024
"""A document larger than this never enters a ledger."""
MAX_FILES = 10_000
"""Files in one session's folder; more is no set of documents."""
MAX_DEPTH = 32
MAX_NAME_BYTES = 255
"""So long a name is at most on the file systems of Linux and macOS: no clone could write a longer one."""
"""Folders within folders, counted from the session's own."""

_IGNORED_BY_HFS = "[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]"
_GIT_FOLDER = r"(?is)(\.git|git~1)[ .]*(:.*)?"


@lru_cache(maxsize=4096)
def file_name_problem(name: bytes) -> str | None:  # noqa: PLR0911 - one return for each case
    """Returns what keeps `name` from being a file or folder in a ledger; None when nothing does."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return "its name is not UTF-8"
    if name in (b"", b".", b".."):
        return "it leads out of its folder"
    if b"/" in name:
        return "its name holds a slash"
    if len(name) > MAX_NAME_BYTES:
        return f"its name has {len(name):,} bytes, and the limit is {MAX_NAME_BYTES}"
    if b"\0" in name:
        return "its name holds a NUL byte"
    if name.isalnum():
        return None
    seen = re.sub(_IGNORED_BY_HFS, "", text) if not name.isascii() else text
    if any(re.fullmatch(_GIT_FOLDER, part) for part in seen.split("\\")):
        return "some system takes it for git's own folder"
    if any(part in (".", "..") for part in text.split("\\")):
        return "some system takes it for a way out of its folder"
    return None


@lru_cache(maxsize=4096)
def same_file(name: bytes) -> str:
    """Equal for names that are one file where case, or the way an accent is written, does not count."""
    if name.isascii():
        return name.decode().lower()
    from unicodedata import normalize  # only names beyond ASCII pay for the table

    text = re.sub(_IGNORED_BY_HFS, "", name.decode("utf-8", "replace"))
    return normalize("NFC", normalize("NFC", text).casefold())


def name_problems(names: Iterable[bytes]) -> Iterator[tuple[str, bytes, str]]:
    """Yields (code, name, what) for each of the `names` in one folder that a ledger may not hold."""
    seen: dict[str, bytes] = {}
    for name in names:
        problem = file_name_problem(name)
        if problem is not None:
            yield "artifact-name", name, problem
            continue
        key = same_file(name)
        if key in seen:
            shown = seen[key].decode("utf-8", "replace")
            yield "artifact-case", name, f"it is the same file as {shown} where case does not count"
        seen[key] = name


def first_problem(paths: Iterable[str]) -> tuple[str, str] | None:
    """Returns (path, what) of the first of a folder's files `paths` that no ledger may hold.

    None without one.
    """
    folders: dict[str, dict[str, None]] = {}
    known = list(paths)
    if len(known) > MAX_FILES:
        return known[MAX_FILES], f"it is one of {len(known):,} files, and the limit is {MAX_FILES:,}"
    for path in known:
        parts = path.split("/")
        if len(parts) > MAX_DEPTH:
            return path, f"it lies {len(parts) - 1} folders deep, and the limit is {MAX_DEPTH - 1}"
        for depth, name in enumerate(parts):
            folders.setdefault("/".join(parts[:depth]), {})[name] = None
    for folder, names in folders.items():
        for _, odd, what in name_problems(name.encode("utf-8", "surrogateescape") for name in names):
            shown = odd.decode("utf-8", "surrogateescape")
            return f"{folder}/{shown}" if folder else shown, what
    return None


_AROUND = " .,:;\"'\\"
_NOBODY = "unknown"


class Identity(NamedTuple):
    """Name and email as git would put them on a commit."""

    name: str
    email: str


def as_written(name: str, email: str) -> Identity:
    """Name and email of anybody, as git would write them; it takes no empty ones."""
    return Identity(stripped(name) or stripped(email) or _NOBODY, stripped(email) or _NOBODY)


def stripped(text: str) -> str:
    """Returns `text` as git puts it on a commit.

    Without angle brackets, and without punctuation around it.
    """
    return one_line(text).replace("<", "").replace(">", "").strip(_AROUND)


_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_NONCHARACTERS = range(0xFDD0, 0xFDF0)
_LAST_OF_PLANE = 0xFFFE
_UNDECODED = range(0xDC80, 0xDD00)
"""How Python carries a byte that it could not decode: 0xDC00 more than the byte."""

_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0\ufff0-\ufff8"
_VARIANTS = "\u180b-\u180f\ufe00-\ufe0f"
_UNSEEN = f"[{_FILLERS}{_VARIANTS}\U000e0000-\U000e0fff]"
"""Characters that show nothing, though Python calls them printable. The last range is tags and variants."""
_CHOOSES = f"[{_VARIANTS}\U000e0100-\U000e01ef]"
"""Chooses a form of the character before it, as in emoji. A second one has nothing to choose."""
_JOINERS = "\u200c\u200d"
"""Persian words and many emoji are written with them; between letters of other scripts they only hide."""
_JOINED = frozenset({"Lo", "Lm", "Mn", "Mc", "So", "Sk"})


def printable(text: str, *, lines: bool = False) -> str:
    r"""Returns `text` with every character a terminal could obey or hide written out, as `in_sight` does.

    That is control and format characters (those that reorder text included), line and paragraph
    separators, what has no glyph, private-use and non-characters, and surrogates. A joiner stays where it
    joins. With `lines`, newlines and tabs stay. The result is Unicode.
    """
    if text.isprintable() and (text.isascii() or not re.search(_UNSEEN, text)):
        return text
    if lines:
        return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))
    shown: list[str] = []
    for char, after in zip(text, (*text[1:], ""), strict=True):
        before = shown[-1] if shown else ""
        shown.append(char if _is_seen(char, before, after) else in_sight(char))
    return "".join(shown)


def in_sight(char: str) -> str:
    r"""Returns `char` as its code point, ``<U+202E>``.

    A control character and a byte that was not UTF-8 show as ``\x1b``, as everybody knows them.
    """
    point = ord(char)
    if point in _UNDECODED:
        return f"\\x{point - 0xDC00:02x}"
    if point < 0x20 or 0x7F <= point < 0xA0:
        return char.encode("unicode_escape").decode("ascii")
    return f"<U+{point:04X}>"


def _is_seen(char: str, before: str, after: str) -> bool:
    if char.isascii():
        return char.isprintable()
    from unicodedata import category  # only odd text pays for this

    if char in _JOINERS:
        return _is_joined(before) and _is_joined(after) and not re.match(_UNSEEN, after)
    if re.match(_UNSEEN, char):
        return bool(re.match(_CHOOSES, char)) and len(before) == 1 and _may_vary(before)
    point = ord(char)
    hidden = category(char) in _HIDDEN
    return not (hidden or point in _NONCHARACTERS or point & _LAST_OF_PLANE == _LAST_OF_PLANE)


def _is_joined(char: str) -> bool:
    from unicodedata import category, east_asian_width

    kind = category(char) if len(char) == 1 else ""
    return kind in _JOINED and not (kind == "Lo" and east_asian_width(char) in "WF")


def _may_vary(char: str) -> bool:
    """Tests whether there may be other forms of `char`: not of a letter, but of digits, for keys."""
    return char in "#*0123456789" or not (char.isascii() or re.match(_UNSEEN, char) or char in _JOINERS)
