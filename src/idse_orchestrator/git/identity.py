"""Who git says the person is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.base.identity import Identity, stripped
from idse_orchestrator.base.text import one_line
from idse_orchestrator.errors import InvalidConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.git.configuration import ConfigurationEntry
    from idse_orchestrator.git.program import Git

_VARIABLES = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL")


def identity(git: Git, entries: Sequence[ConfigurationEntry]) -> Identity:
    """The author git would use; InvalidConfigurationError where git does not know one.

    `entries` is git's configuration, which most commands have read already: only an identity that stands
    neither there nor in the environment of `git` costs a process, for git can make one up from the machine.
    """
    given = Identity(*(stripped(git.environment.get(name, "")) for name in _VARIABLES))
    if given.name and given.email:
        return given
    known = _configured(entries)
    if not (known.name and known.email):
        known = _asked(git)
    return Identity(given.name or known.name, given.email or known.email)


def _configured(entries: Sequence[ConfigurationEntry]) -> Identity:
    said = {entry.key: entry.value for entry in entries}
    name, email = (said.get(f"author.{key}", said.get(f"user.{key}", "")) for key in ("name", "email"))
    return Identity(stripped(name), stripped(email))


def _asked(git: Git) -> Identity:
    done = git.attempt("var", "GIT_AUTHOR_IDENT")
    words = done.stdout.decode("utf-8", "replace")
    name, _, rest = words.partition(" <")
    if done.returncode != 0 or not name:
        raise InvalidConfigurationError(
            "git does not know who you are",
            cause="every event in a ledger names its author",
            fix=('git config user.name "Your Name"', "git config user.email you@example.org"),
        )
    return Identity(one_line(name), one_line(rest.partition(">")[0]))
