"""Settings where there is no git: the file in the home folder, and the environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from idse_orchestrator.app.configuration import Stated
from idse_orchestrator.errors import NeedsGitError
from idse_orchestrator.git.layers import GitLayers


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
