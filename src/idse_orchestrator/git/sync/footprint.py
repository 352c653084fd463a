"""What syncing left in a repository: settings of the Agency's remote, and the refs that track it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.app.sync.setup_agency import MADE
from idse_orchestrator.domain.sync.refspecs import PUBLISHING, tracking

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

LOCAL_REFS = "refs/idse-local/"
"""Never published: what is there can be fetched again, or speaks of a push that is over."""
_OWN = ("url", "fetch", "push", "tagopt", "skipfetchall", MADE.lower())


def remote_settings(git: Git) -> Iterator[tuple[str, str]]:
    """(key, value) of every setting of a git remote that ``idse sync setup`` wrote.

    The mark that says so comes last, so that a removal that was stopped can go on.
    """
    done = git.attempt("config", "--local", "--null", "--get-regexp", r"^remote\.")
    entries = [
        (key, value)
        for key, _, value in (
            entry.partition("\n") for entry in done.stdout.decode("utf-8", "surrogateescape").split("\0")
        )
    ]
    made = {_name(key) for key, _ in entries if key.endswith(f".{MADE.lower()}")}
    for key, value in sorted(entries, key=lambda entry: entry[0].endswith(MADE.lower())):
        name, variable = _name(key), key.rpartition(".")[2]
        added = (variable, value) in (("fetch", tracking(name)), ("push", PUBLISHING))
        if added or (name in made and variable in _OWN and variable not in ("fetch", "push")):
            yield key, value


def remove_setting(git: Git, key: str, value: str) -> None:
    """Take one value of a setting away; that it is gone already is no error."""
    git.attempt("config", "--local", "--fixed-value", "--unset-all", key, value)


def has_local_refs(git: Git) -> bool:
    """Whether there is any ref that is never published."""
    return bool(git.lines("for-each-ref", "--count=1", "--format=%(refname)", LOCAL_REFS))


def remove_local_refs(git: Git) -> None:
    """Remove every ref that is never published."""
    names = git.lines("for-each-ref", "--format=delete %(refname)", LOCAL_REFS)
    git.bytes("update-ref", "--no-deref", "--stdin", stdin="".join(f"{name}\n" for name in names).encode())


def _name(key: str) -> str:
    """The remote in ``remote.<name>.<variable>``."""
    return key.partition(".")[2].rpartition(".")[0]
