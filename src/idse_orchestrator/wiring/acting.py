"""Who acts, and with which settings: from the home folder, git, the environment, or as given."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.errors import InvalidConfigurationError, NeedsGitError
from idse_orchestrator.ledger.events import Actor
from idse_orchestrator.sessions.configuration import Stated

if TYPE_CHECKING:
    from collections.abc import Callable

    from idse_orchestrator.git.configuration import GitConfiguration
    from idse_orchestrator.git.vault import Vault

IDSE = ("idse", "idse@localhost")


class GitActing:
    """Says who acts in `vault`, each time it is called; `agent` is asked then for the agent in force."""

    def __init__(self, vault: Vault, configuration: GitConfiguration, agent: Callable[[], str]) -> None:
        self._vault = vault
        self._configuration = configuration
        self._agent = agent

    def __call__(self) -> Actor:
        """Returns the actor. InvalidConfigurationError where git does not know who that is."""
        from idse_orchestrator.base.files import replica_id
        from idse_orchestrator.git.configuration import identity

        who = identity(self._vault.git, self._configuration.entries)
        replica = replica_id(self._vault.private, int(time.time() * 1000))
        return Actor(who.name, who.email, self._agent(), replica)

    def anybody(self) -> Actor:
        """Returns the actor; idse itself where git knows nobody: for what claims nothing for anybody."""
        from idse_orchestrator.base.files import replica_id

        try:
            return self()
        except InvalidConfigurationError:
            return Actor(*IDSE, "", replica_id(self._vault.private, int(time.time() * 1000)))

    def as_agent(self, agent: str) -> GitActing:
        """Returns the same person, for whom `agent` acts ("" : nobody)."""
        return GitActing(self._vault, self._configuration, lambda: agent)


class GivenActing:
    """Says that `actor` acts, whatever surrounds the process."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def __call__(self) -> Actor:
        """Returns the actor."""
        return self._actor

    def anybody(self) -> Actor:
        """Returns the actor."""
        return self._actor

    def as_agent(self, agent: str) -> GivenActing:
        """Returns the same person, for whom `agent` acts ("" : nobody)."""
        return GivenActing(self._actor._replace(agent=agent))


class PlainActing:
    """Says who acts without git: IDSE_AUTHOR_NAME and _EMAIL, else git's variables, else the user.

    `private` is where the folder keeps what belongs to it alone.
    """

    def __init__(self, private: str, environment: Mapping[str, str], agent: Callable[[], str]) -> None:
        self._private = private
        self._environment = environment
        self._agent = agent

    def __call__(self) -> Actor:
        """Returns the actor. InvalidConfigurationError where nothing says a name."""
        from idse_orchestrator.base.files import replica_id

        replica = replica_id(self._private, int(time.time() * 1000))
        return Actor(*identity_without_git(self._environment), self._agent(), replica)

    def as_agent(self, agent: str) -> PlainActing:
        """Returns the same person, for whom `agent` acts ("" : nobody)."""
        return PlainActing(self._private, self._environment, lambda: agent)


def identity_without_git(environment: Mapping[str, str]) -> tuple[str, str]:
    """Name and email of who writes where no git says so. InvalidConfigurationError."""
    user, full = _user(environment)
    name = environment.get("IDSE_AUTHOR_NAME") or environment.get("GIT_AUTHOR_NAME") or full or user
    email = environment.get("IDSE_AUTHOR_EMAIL") or environment.get("GIT_AUTHOR_EMAIL")
    if not name:
        raise InvalidConfigurationError(
            "nobody knows who you are",
            cause="every event in a ledger names its author",
            fix=('export IDSE_AUTHOR_NAME="Your Name" IDSE_AUTHOR_EMAIL=you@example.org',),
        )
    return name, email or f"{user or 'nobody'}@{os.uname().nodename}"


def _user(environment: Mapping[str, str]) -> tuple[str, str]:
    """Login and full name of the user of this process, as far as the system knows them."""
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return environment.get("USER") or environment.get("LOGNAME") or "", ""
    return entry.pw_name, entry.pw_gecos.split(",")[0]


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
