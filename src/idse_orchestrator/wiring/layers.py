"""Where settings come from: the file in the home folder, git's configuration, the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.errors import InvalidConfigurationError, NeedsGitError
from idse_orchestrator.sessions.configuration import Stated

if TYPE_CHECKING:
    from idse_orchestrator.git.configuration import GitConfiguration

_FILE = ".idseconfig.json"
_SECTION = "idse."


class GitLayers:
    """The `Layers` port: a file, git's configuration, and an environment."""

    def __init__(self, configuration: GitConfiguration, environment: Mapping[str, str]) -> None:
        self._configuration = configuration
        self._environment = environment

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
        from idse_orchestrator.wiring.home_configuration import parse_home

        return parse_home(data, path)

    def git(self) -> Sequence[Stated]:
        """See `Layers.git`."""
        return [
            Stated(entry.key.removeprefix(_SECTION), entry.value, entry.origin)
            for entry in self._configuration.entries
            if entry.key.startswith(_SECTION)
        ]

    def environment(self) -> Mapping[str, str]:
        """See `Layers.environment`."""
        return self._environment

    def write(self, key: str, value: str) -> None:
        """See `Layers.write`."""
        self._configuration.set(_SECTION + key, value)


class PlainLayers(GitLayers):
    """The `Layers` port without git."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def git(self) -> Sequence[Stated]:
        """See `Layers.git`: it says nothing."""
        return ()

    def write(self, key: str, value: str) -> None:
        """See `Layers.write`."""
        raise NeedsGitError(
            f"the setting {key} cannot be written",
            cause="settings of one project are kept in git's configuration, and there is none here",
            fix=(
                f"export IDSE_{key.upper().replace('-', '_').replace('.', '_')}={value}",
                "~/.idseconfig.json",
            ),
        )


class GivenLayers:
    """The `Layers` port on `settings`, whatever surrounds the process."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings

    def home(self) -> Sequence[Stated]:
        """See `Layers.home`: it says nothing."""
        return ()

    def git(self) -> Sequence[Stated]:
        """See `Layers.git`: what was given."""
        return [Stated(key, value, "given") for key, value in self._settings.items()]

    def environment(self) -> Mapping[str, str]:
        """See `Layers.environment`: it says nothing."""
        return {}

    def write(self, key: str, value: str) -> None:
        """See `Layers.write`. Who gave the settings changes them."""
        raise InvalidConfigurationError(f"the setting {key} cannot be {value!r}: settings are given here")
