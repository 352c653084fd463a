"""Git's configuration, asked once; the settings that idse makes; and who acts, as git has it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import Identity, one_line, stripped
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.git.program import failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.git.program import Git

_LIST = ("config", "--list", "--show-scope", "--show-origin", "--null")
_FIELDS = 3
_NOT_SET = 5
"""What `git config --unset` ends with where there is nothing to take out."""


class ConfigurationEntry(NamedTuple):
    """One value. `key` is as git prints it, section and variable in lower case; `origin` is mostly a file."""

    scope: str
    origin: str
    key: str
    value: str


class GitConfiguration:
    """The entries of `git config` in a repository, weakest first."""

    def __init__(self, git: Git) -> None:
        self._git = git

    @cached_property
    def entries(self) -> Sequence[ConfigurationEntry]:
        """Every value. Raises InvalidConfigurationError, in git's own words, if a file cannot be read."""
        done = self._git.attempt(*_LIST)
        if done.returncode != 0:
            words = done.stderr.decode("utf-8", "replace").strip()
            raise InvalidConfigurationError("git's configuration cannot be read", cause=words)
        fields = done.stdout.decode("utf-8", "surrogateescape").split("\0")
        rows = zip(*(fields[start::_FIELDS] for start in range(_FIELDS)), strict=False)
        return [_entry(*row) for row in rows]

    def add(self, key: str, value: str) -> None:
        """Adds a value to a setting of this repository."""
        self._write("--add", key, value)

    def set(self, key: str, value: str) -> None:
        """Makes `value` the only one of a setting of this repository."""
        self._write("--replace-all", key, value)

    def unset(self, key: str) -> None:
        """Takes a setting out of this repository; one that is not there is no error."""
        done = self._git.attempt("config", "--local", "--unset-all", key)
        if done.returncode not in (0, _NOT_SET):
            raise failure(("config",), done)
        self.forget()

    def forget(self) -> None:
        """Reads everything again at the next question."""
        self.__dict__.pop("entries", None)

    def _write(self, how: str, key: str, value: str) -> None:
        done = self._git.attempt("config", "--local", how, key, value)
        if done.returncode != 0:
            raise failure(("config",), done)
        self.forget()


def _entry(scope: str, origin: str, text: str) -> ConfigurationEntry:
    key, _, value = text.partition("\n")
    return ConfigurationEntry(scope, origin.removeprefix("file:"), key, value)


_VARIABLES = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL")


def identity(git: Git, entries: Sequence[ConfigurationEntry]) -> Identity:
    """Returns the author git would use; InvalidConfigurationError where git does not know one.

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
            fix=('git config user.name "Your Name" && git config user.email you@example.org',),
        )
    return Identity(one_line(name), one_line(rest.partition(">")[0]))
