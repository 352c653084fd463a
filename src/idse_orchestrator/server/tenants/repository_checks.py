"""Checks of the bare repositories of an Agency, as git has them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from idse_orchestrator.base.checkup import NOTE, OK, PROBLEM, WARNING, Check, Diagnosis
from idse_orchestrator.base.text import counted, few, one_word
from idse_orchestrator.errors import BusyError
from idse_orchestrator.git.program import Git
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.tenants.home import BARE_FILES, Home
from idse_orchestrator.server.tenants.tenancy import DELETED

STALE_SECONDS = 86_400.0
"""A quarantine that nothing touched for so long belongs to no push: one takes ten minutes at most."""
_LOCK_SECONDS = 3600.0
_QUARANTINE = re.compile(r"(tmp_objdir-)?incoming-\w+")
_HARMLESS = re.compile(
    r"core\.(repositoryformatversion=0|filemode=(true|false)|bare=true|(ignorecase|precomposeunicode)=\w+)"
)
_NOT_OURS = (
    *("objects/info/alternates", "objects/info/http-alternates", "info/grafts", "info/attributes"),
    *("config.worktree", "shallow", "refs/replace"),
)
"""Files that change what git reads or serves."""


def repository_checks(
    home: Home, git: Git, now: Callable[[], float], fsck: Callable[[str], int] | None = None
) -> Iterator[Check]:
    """Yields every check; with `fsck`, which counts defects, ledgers are read as well."""
    yield Check("settings", lambda: _settings(home, git))
    yield Check("quarantines", lambda: _quarantines(home, now), lambda: _sweep(home, now))
    yield Check("leftovers", lambda: _leftovers(home, now), lambda: _remove_leftovers(home, now))
    yield Check("locks", lambda: _locks(home, now))
    if fsck is not None:
        yield Check("ledgers", lambda: _ledgers(home, fsck))


def sweep_quarantines(home: Home, now: float, older: float = STALE_SECONDS) -> list[str]:
    """Removes what pushes that were killed left of themselves; returns the folders."""
    found = _stale(home, now, older)
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return found


def _settings(home: Home, git: Git) -> Diagnosis:
    odd = [f"{place}: {what}" for place in home.places() for what in _odd(git.at(home.git_dir(place)))]
    if not odd:
        return Diagnosis(OK, "no repository has settings or hooks of its own")
    return Diagnosis(
        PROBLEM,
        f"{few(odd)}: it could change what is judged, or what is served",
        ("take it out: a repository here holds nothing but refs and objects",),
    )


def _odd(git: Git) -> Iterator[str]:
    """Yields what in a repository could change how git treats it."""
    with suppress(FileNotFoundError), open(os.path.join(git.folder, "config"), "rb") as file:
        if file.read() != BARE_FILES["config"]:
            for line in git.lines("config", "--file", "config", "--list"):
                if not _HARMLESS.fullmatch(line):
                    yield f"setting {line.partition('=')[0]}"
    hooks = os.path.join(git.folder, "hooks")
    if os.path.isdir(hooks):
        yield from (f"hooks/{name}" for name in sorted(os.listdir(hooks)) if not name.endswith(".sample"))
    yield from (name for name in _NOT_OURS if os.path.lexists(os.path.join(git.folder, name)))


def _stale(home: Home, now: float, older: float) -> list[str]:
    found = []
    for place in home.places():
        objects = os.path.join(home.git_dir(place), "objects")
        with suppress(FileNotFoundError):
            found += [
                path
                for path in (
                    os.path.join(objects, name) for name in os.listdir(objects) if _QUARANTINE.fullmatch(name)
                )
                if now - _touched(path) > older
            ]
    return found


def _touched(folder: str) -> float:
    """Returns when something below `folder` was last written."""
    newest = os.lstat(folder).st_mtime
    for above, _, names in os.walk(folder):
        for name in (".", *names):
            with suppress(FileNotFoundError):
                newest = max(newest, os.lstat(os.path.join(above, name)).st_mtime)
    return newest


def _quarantines(home: Home, now: Callable[[], float]) -> Diagnosis:
    found = _stale(home, now(), STALE_SECONDS)
    if not found:
        return Diagnosis(OK, "pushes that were killed left nothing")
    says = f"{counted(len(found), 'folder')} of pushes that were killed more than a day ago"
    return Diagnosis(WARNING, says)


def _sweep(home: Home, now: Callable[[], float]) -> str:
    return f"removed {counted(len(sweep_quarantines(home, now())), 'folder')}"


def _leftover_folders(home: Home, now: float) -> list[str]:
    found = []
    for client in home.client_folders():
        for name in sorted(os.listdir(home.client_dir(client))):
            path = os.path.join(home.client_dir(client), name)
            if (
                name.startswith(".")
                and name.endswith((".tmp", DELETED))
                and now - os.lstat(path).st_mtime > _LOCK_SECONDS
            ):
                found.append(path)
    return found


def _leftovers(home: Home, now: Callable[[], float]) -> Diagnosis:
    found = _leftover_folders(home, now())
    if not found:
        return Diagnosis(OK, "nothing is half made or half removed")
    return Diagnosis(
        WARNING, f"half made or half removed: {few([os.path.relpath(path, home.git) for path in found])}"
    )


def _remove_leftovers(home: Home, now: Callable[[], float]) -> str:
    found = _leftover_folders(home, now())
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return f"removed {counted(len(found), 'folder')}"


def _locks(home: Home, now: Callable[[], float]) -> Diagnosis:
    """Tells who is at work, and locks that a git left: those keep its refs from moving."""
    left = []
    for place in home.places():
        for above, folders, names in os.walk(home.git_dir(place)):
            if above == home.git_dir(place):
                folders[:] = [name for name in folders if name != "objects"]
            for name in names:
                path = os.path.join(above, name)
                with suppress(FileNotFoundError):
                    if name.endswith(".lock") and now() - os.lstat(path).st_mtime > _LOCK_SECONDS:
                        left.append(path)
    if left:
        steps: Sequence[str] = [f"rm {one_word(path)}  # if no git is at work there" for path in left[:3]]
        return Diagnosis(PROBLEM, f"git left {counted(len(left), 'lock')} behind", tuple(steps))
    held = [str(place) for place in home.places() if _is_held(home, place)]
    return Diagnosis(NOTE, f"at work: {few(held)}") if held else Diagnosis(OK, "nothing is held")


def _is_held(home: Home, place: Place) -> bool:
    try:
        with home.locked(place, timeout=0):
            return False
    except BusyError:
        return True


def _ledgers(home: Home, fsck: Callable[[str], int]) -> Diagnosis:
    places = home.places()
    counts = {str(place): fsck(home.git_dir(place)) for place in places}
    bad = {name: count for name, count in counts.items() if count}
    if not bad:
        return Diagnosis(
            OK, f"no defects in {len(places)} {'repository' if len(places) == 1 else 'repositories'}"
        )
    name, count = next(iter(bad.items()))
    steps = tuple(
        f"cd {one_word(os.path.join(home.git, f'{each}.git'))} && idse fsck" for each in list(bad)[:3]
    )
    return Diagnosis(
        PROBLEM, f"{counted(count, 'defect')} in {name}; in all, {len(bad)} of {len(places)} have some", steps
    )
