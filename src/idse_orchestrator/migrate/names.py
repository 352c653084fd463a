"""Names of older layouts made into names that a ledger takes, the same ones whenever it is asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from idse_orchestrator.base.names import MAX_LENGTH, check_new_name, is_name
from idse_orchestrator.errors import UsageError
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.migrate.paths import DATABASE, DOT, FLAT, Place, raw_path

_OTHER = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_DOTS = re.compile(r"\.{2,}")
_CUT = 8


def mapped_names(kind: str, names: Iterable[str]) -> Mapping[str, str]:
    """Returns each of `names` and what it is called now; no two of those differ only in case.

    Names that can stay stay, the first of several that collide does, and the others get a number.
    """
    wanted = {name: new_name(kind, name) for name in names}
    taken: set[str] = set()
    found = {}
    for name in sorted(wanted, key=lambda name: (wanted[name] != name, raw_path(name))):
        found[name] = _free(wanted[name], taken)
        taken.add(found[name].casefold())
    return found


def new_name(kind: str, name: str) -> str:
    """Returns `name` if it may name a `kind`, else what is left of it that may."""
    if is_name(name):
        return name
    text = _OTHER.sub("-", _plain_letters(name))
    text = _DOTS.sub(".", text).lstrip(".-").rstrip(".-")
    if text.endswith(".lock"):
        text = text.removesuffix(".lock") + "-lock"
    if len(text) > MAX_LENGTH:
        text = f"{text[: MAX_LENGTH - _CUT - 1].rstrip('.-')}-{_digest(name)}"
    return text if is_name(text) else f"{kind}-{_digest(name)}"


def _plain_letters(name: str) -> str:
    """Returns `name` with its accents taken off, so that more than dashes is left of it."""
    if name.isascii():
        return name
    from unicodedata import combining, normalize

    return "".join(char for char in normalize("NFKD", name) if not combining(char))


def _digest(name: str) -> str:
    from hashlib import sha256

    return sha256(raw_path(name)).hexdigest()[:_CUT]


def _free(name: str, taken: set[str]) -> str:
    number, found = 2, name
    while found.casefold() in taken:
        end = f"-{number}"
        found = name[: MAX_LENGTH - len(end)] + end
        number += 1
    return found


def file_name(name: str) -> str:
    """Returns `name` as a ledger takes it: characters that nobody can type become ``%0A``."""
    from idse_orchestrator.base.text import file_name_problem

    raw = raw_path(name)
    shown = "".join(char if char.isprintable() else _escaped(char) for char in name)
    if file_name_problem(raw_path(shown)) is None:
        return shown
    return f"file-{_digest(name)}" if raw in (b"", b".", b"..") else f"{shown.replace('.', '_')}~"


def _escaped(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in raw_path(char))


_FEW_SESSIONS = 200
"""Up to so many sessions their names are compared for slips of the pen."""
_NEARLY = 0.9

Sessions = Mapping[SessionKey, Mapping[str, Place]]


def new_names(
    sessions: Sessions, wanted: str, projects: Sequence[str], ledgers: Collection[SessionKey]
) -> dict[SessionKey, SessionKey]:
    """Returns each of `sessions` that is taken over, by its names in the source, and what it is called here.

    `wanted` is the project that was asked for ("" : none was), `projects` and `ledgers` are what is here
    already. A session in the very place of one of those keeps its name, and no other name depends on it:
    where the source is this work tree, a run before this one put it there.
    """
    here = {key for key, files in sessions.items() if key in ledgers and _is_in_its_place(files)}
    others = [key for key in sessions if key not in here]
    names = _project_names(others or list(here), wanted, projects)
    found: dict[SessionKey, SessionKey] = {}
    for project, name in names.items():
        named = [session for owner, session in others if owner == project]
        found |= {(project, each): (name, called) for each, called in mapped_names("session", named).items()}
    return found | {key: key for key in here if wanted in ("", key[0])}


def _is_in_its_place(files: Mapping[str, Place]) -> bool:
    layouts = {place.layout for place in files.values()} - {DATABASE}  # which stands in no place
    return bool(layouts) and layouts <= {FLAT, DOT}


def _project_names(sessions: Iterable[SessionKey], wanted: str, existing: Sequence[str]) -> Mapping[str, str]:
    """Returns each project that is taken over, and what it is called here."""
    named = list(dict.fromkeys(project for project, _ in sessions))
    if wanted and len(named) > 1:
        if wanted not in named:
            raise UsageError(
                f"the source has no project {wanted!r}",
                cause="it has " + ", ".join(sorted(named)),
                fix=("name one of those, or leave --project out",),
            )
        named = [wanted]
    names = {named[0]: wanted} if wanted else mapped_names("project", named)
    for name in names.values():
        check_new_name("project", name, [each for each in existing if each != name])
    return names


def similar_names(keys: Iterable[SessionKey]) -> Mapping[SessionKey, tuple[str, ...]]:
    """Doubts about sessions whose names nearly are those of others."""
    known = sorted(keys)
    by_case: dict[SessionKey, list[SessionKey]] = {}
    for key in known:
        by_case.setdefault((key[0], key[1].casefold()), []).append(key)
    found: dict[SessionKey, tuple[str, ...]] = {}
    for twins in by_case.values():
        for key in twins if len(twins) > 1 else ():
            names = ", ".join(repr(other[1]) for other in twins if other != key)
            found[key] = (f"{names} differs only in case: perhaps it is the same session",)
    for key, other in _slips(known) if len(known) <= _FEW_SESSIONS else ():
        words = f"{other[1]!r} is nearly its name: perhaps it is the same session"
        found[key] = (*found.get(key, ()), words)
    return found


def _slips(known: Sequence[SessionKey]) -> Iterable[tuple[SessionKey, SessionKey]]:
    from difflib import SequenceMatcher

    for number, one in enumerate(known):
        for other in known[number + 1 :]:
            names = one[1].casefold(), other[1].casefold()
            if one[0] != other[0] or names[0] == names[1] or _differ_in_digits(*names):
                continue
            match = SequenceMatcher(None, *names, autojunk=False)
            if match.quick_ratio() > _NEARLY and match.ratio() > _NEARLY:
                yield one, other
                yield other, one


def _differ_in_digits(one: str, other: str) -> bool:
    """Tests whether two names count on: such are meant to be alike."""
    return [char for char in one if char.isdigit()] != [char for char in other if char.isdigit()]
