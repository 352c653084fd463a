"""The git remotes of a repository, read from git's configuration at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.sync.agency import RemoteSettings
from idse_orchestrator.sync.agency_url import is_path, path_in, place_of

if TYPE_CHECKING:
    from idse_orchestrator.git.configuration import GitConfiguration
    from idse_orchestrator.git.vault import Vault

_LOCAL = ("local", "worktree")
_TRUE = ("true", "yes", "on", "1", "")


class GitRemoteSettings:
    """The `GitRemotes` port on a repository."""

    def __init__(self, vault: Vault, configuration: GitConfiguration) -> None:
        self._configuration = configuration
        self._top = vault.git.folder

    def all(self) -> Mapping[str, RemoteSettings]:
        """See `GitRemotes.all`."""
        names = dict.fromkeys(
            entry.key[len("remote.") :].rpartition(".")[0]
            for entry in self._configuration.entries
            if entry.key.startswith("remote.") and entry.key.count(".") > 1
        )
        return {name: self._remote(name) for name in names}

    def routes(self, url: str) -> tuple[str, str]:
        """See `GitRemotes.routes`."""
        fetched = _rewritten(url, self._rules(".insteadof")) or url
        return fetched, _rewritten(url, self._rules(".pushinsteadof")) or fetched

    def is_local(self, key: str) -> bool:
        """See `GitRemotes.is_local`."""
        return any(entry.key == key and entry.scope in _LOCAL for entry in self._configuration.entries)

    def absolute(self, url: str, folder: str) -> str:
        """See `GitRemotes.absolute`."""
        return os.path.abspath(os.path.join(folder, url)) if is_path(url) else url

    def place(self, url: str) -> str:
        """See `GitRemotes.place`. Paths are followed to what they really are."""
        path = path_in(url)
        return place_of(os.path.realpath(os.path.join(self._top, path)) if path else url)

    def add(self, key: str, value: str) -> None:
        """See `GitRemotes.add`."""
        self._configuration.add(key, value)

    def forget(self) -> None:
        """See `GitRemotes.forget`."""
        self._configuration.forget()

    def _remote(self, name: str) -> RemoteSettings:
        urls = self._values(f"remote.{name}.url")
        push_urls = self._values(f"remote.{name}.pushurl")
        routes = [self.routes(url) for url in urls]
        pushed = [self.routes(url)[0] for url in push_urls] or [route[1] for route in routes]
        return RemoteSettings(
            name,
            tuple(route[0] for route in routes),
            tuple(pushed),
            tuple(self._values(f"remote.{name}.fetch")),
            tuple(self._values(f"remote.{name}.push")),
            any(value.lower() in _TRUE for value in self._values(f"remote.{name}.mirror")[-1:]),
            "--no-tags" in self._values(f"remote.{name}.tagopt")[-1:],
        )

    def _values(self, key: str) -> list[str]:
        return [entry.value for entry in self._configuration.entries if entry.key == key]

    def _rules(self, ending: str) -> Iterator[tuple[str, str]]:
        """(what a URL may begin with, what stands there instead)."""
        for entry in self._configuration.entries:
            if entry.key.startswith("url.") and entry.key.endswith(ending):
                yield entry.value, entry.key[len("url.") : -len(ending)]


def _rewritten(url: str, rules: Iterator[tuple[str, str]]) -> str:
    """`url` with its longest known beginning replaced; "" where no rule fits."""
    fitting = [rule for rule in rules if url.startswith(rule[0])]
    if not fitting:
        return ""
    beginning, instead = max(fitting, key=lambda rule: len(rule[0]))
    return instead + url[len(beginning) :]
