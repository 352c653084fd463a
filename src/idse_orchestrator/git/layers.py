"""Where settings come from: the file in the home folder, git's configuration, the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.app.configuration import Stated
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.git.program import failure

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

_FILE = ".idseconfig.json"
_SECTION = "idse."
_NOT_SET = 1


class GitLayers:
    """The `Layers` port: git run in some folder, and an environment."""

    def __init__(self, git: Git, environment: Mapping[str, str]) -> None:
        self._git = git
        self._environment = environment
        self._said: Sequence[Stated] | None = None

    def home(self) -> Sequence[Stated]:
        """See `Layers.home`."""
        folder = self._environment.get("HOME") or os.path.expanduser("~")
        path = os.path.join(folder, _FILE)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise InvalidConfigurationError(
                f"{_FILE} cannot be read", where=path, cause=error.strerror
            ) from error
        from idse_orchestrator.app.home_configuration import parse_home

        return parse_home(data, path)

    def git(self) -> Sequence[Stated]:
        """See `Layers.git`. Asked once: a process costs more than everything else here."""
        if self._said is None:
            self._said = self._ask()
        return self._said

    def _ask(self) -> Sequence[Stated]:
        done = self._git.attempt("config", "--show-origin", "--null", "--get-regexp", r"^idse\.")
        if done.returncode == _NOT_SET:
            return ()
        if done.returncode != 0:
            words = done.stderr.decode("utf-8", "replace").strip()
            raise InvalidConfigurationError("git's configuration cannot be read", cause=words)
        fields = done.stdout.decode("utf-8", "surrogateescape").split("\0")
        return [_stated(origin, entry) for origin, entry in zip(fields[:-1:2], fields[1::2], strict=True)]

    def environment(self) -> Mapping[str, str]:
        """See `Layers.environment`."""
        return self._environment

    def write(self, key: str, value: str) -> None:
        """See `Layers.write`."""
        self._said = None
        done = self._git.attempt("config", "--local", "--replace-all", _SECTION + key, value)
        if done.returncode != 0:
            raise failure(("config",), done)


def _stated(origin: str, entry: str) -> Stated:
    key, _, value = entry.partition("\n")
    return Stated(key.removeprefix(_SECTION), value, origin.removeprefix("file:"))
