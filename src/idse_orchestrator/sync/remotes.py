"""The git remotes of a repository, as they are configured, and what in that is dangerous to ledgers."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import UnsafeRemoteError
from idse_orchestrator.ledger.refs import PUBLISHED, tracking_ref
from idse_orchestrator.redaction import SSH, redacted

if TYPE_CHECKING:
    from idse_orchestrator.git.configuration import GitConfiguration
    from idse_orchestrator.git.vault import Vault

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP = re.compile(r"(?:([^/:@\s]+)@)?(\[[^\]]+\]|[^/:@\s]+):(?!//)(.*)", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def is_path(url: str) -> bool:
    """Tests whether git takes `url` for a path of this machine."""
    if _SCHEME.match(url) or "::" in url.partition("/")[0]:
        return False
    return bool(_DRIVE.match(url)) or not _SCP.fullmatch(url)


def path_in(url: str) -> str:
    """Returns the path that `url` stands for; "" where it leads to another machine."""
    if is_path(url):
        return url
    if not url.startswith("file://"):
        return ""
    # git takes no notice of a host in a file URL, and decodes the rest.
    return decoded("/" + url[len("file://") :].partition("/")[2])


def decoded(url: str) -> str:
    """Returns `url` with the characters that percent signs stand for."""
    raw = _PERCENT.sub(lambda found: bytes.fromhex(found[1].decode()), os.fsencode(url))
    return os.fsdecode(raw)


def place_of(url: str) -> str:
    """Returns `url` without user and ``.git``, with one scheme for ssh: two spellings are equal then."""
    found = _SCHEME.match(url)
    if is_path(url):
        return _bare(url)
    if found is None:
        scp = _SCP.fullmatch(url)
        return _bare(f"ssh://{scp[2].lower()}/{scp[3].lstrip('/')}") if scp else _bare(url)
    scheme = "ssh" if found[1].lower() in SSH else found[1].lower()
    host, slash, path = url[found.end() :].partition("/")
    if scheme == "file":
        return _bare(host + slash + path)
    return _bare(f"{scheme}://{host.rpartition('@')[2].lower()}{slash}{path.lstrip('/')}")


def _bare(url: str) -> str:
    short = url.rstrip("/")
    return short.removesuffix(".git").rstrip("/") or url


class RemoteSettings(NamedTuple):
    """One git remote as it is configured. `urls` and `push_urls` are where git really goes; one is meant."""

    name: str
    urls: tuple[str, ...]
    push_urls: tuple[str, ...]
    fetch: tuple[str, ...] = ()
    push: tuple[str, ...] = ()
    mirror: bool = False
    no_tags: bool = False


_LOCAL = ("local", "worktree")
_TRUE = ("true", "yes", "on", "1", "")


class GitRemotes:
    """The git remotes of a repository. All of its configuration is read at the first question."""

    def __init__(self, vault: Vault, configuration: GitConfiguration) -> None:
        self.configuration = configuration
        self.git = vault.git

    def all(self) -> Mapping[str, RemoteSettings]:
        """Returns every remote by name."""
        names = dict.fromkeys(
            entry.key[len("remote.") :].rpartition(".")[0]
            for entry in self.configuration.entries
            if entry.key.startswith("remote.") and entry.key.count(".") > 1
        )
        return {name: self._remote(name) for name in names}

    def routes(self, url: str) -> tuple[str, str]:
        """Returns where git fetches from and pushes to for `url`, after ``url.*.insteadOf``."""
        fetched = _rewritten(url, self._rules(".insteadof")) or url
        return fetched, _rewritten(url, self._rules(".pushinsteadof")) or fetched

    def is_local(self, key: str) -> bool:
        """Tests whether the git setting `key` is made in this repository, not for all of a user's."""
        return any(entry.key == key and entry.scope in _LOCAL for entry in self.configuration.entries)

    def absolute(self, url: str, folder: str) -> str:
        """Returns `url`, a path made absolute from `folder`."""
        return os.path.abspath(os.path.join(folder, url)) if is_path(url) else url

    def place(self, url: str) -> str:
        """Returns `url` in a form that two spellings of one place share. Links in paths are followed."""
        path = path_in(url)
        return place_of(os.path.realpath(os.path.join(self.git.folder, path)) if path else url)

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
        return [entry.value for entry in self.configuration.entries if entry.key == key]

    def _rules(self, ending: str) -> Iterator[tuple[str, str]]:
        """Yields (beginning of a URL, its replacement)."""
        for entry in self.configuration.entries:
            if entry.key.startswith("url.") and entry.key.endswith(ending):
                yield entry.value, entry.key[len("url.") : -len(ending)]


def _rewritten(url: str, rules: Iterator[tuple[str, str]]) -> str:
    """Returns `url` with its longest known beginning replaced; "" if no rule fits."""
    fitting = [rule for rule in rules if url.startswith(rule[0])]
    if not fitting:
        return ""
    beginning, instead = max(fitting, key=lambda rule: len(rule[0]))
    return instead + url[len(beginning) :]


class Refspec(NamedTuple):
    """``+source:destination``. `destination` is "" where none is given, `negative` one that only excludes."""

    source: str
    destination: str
    force: bool
    negative: bool
    text: str


def parse_refspec(text: str) -> Refspec:
    """Returns the parts of `text`; git itself may refuse it."""
    force = text.startswith("+")
    plain = text[1:] if force or text.startswith("^") else text
    source, _, destination = plain.rpartition(":") if ":" in plain else (plain, "", "")
    return Refspec(source, destination, force, text.startswith("^"), text)


def covers_ledgers(pattern: str) -> bool:
    """Tests whether the ref or pattern can name something under ``refs/idse/``."""
    fixed, star, _ = pattern.partition("*")
    if fixed.startswith(PUBLISHED):
        return True
    return bool(star) and PUBLISHED.startswith(fixed)


def is_own_push(refspec: Refspec) -> bool:
    """Tests whether `refspec` sends ledgers to their own names and nothing else, forward only."""
    same = refspec.destination in ("", refspec.source)
    return refspec.source.startswith(PUBLISHED) and same and not refspec.force


def tracking(remote: str) -> str:
    """Returns the refspec that fetches what a remote has to where it harms nothing."""
    return f"+{PUBLISHED}*:{tracking_ref(remote, '')}*"


PUBLISHING = f"{PUBLISHED}*:{PUBLISHED}*"
"""The refspec that sends all ledgers, forward only."""


def check_fetches(remotes: Iterable[RemoteSettings]) -> None:
    """Raises UnsafeRemoteError for a remote whose fetch would write to, or prune, the ledgers here."""
    for remote in remotes:
        for refspec in map(parse_refspec, remote.fetch):
            if not refspec.negative and covers_ledgers(refspec.destination):
                raise UnsafeRemoteError(
                    f"git fetch {remote.name} would write over your ledgers",
                    where=f"remote.{remote.name}.fetch = {refspec.text}",
                    cause="fetching replaces ledgers unseen, and pruning removes what was never pushed",
                    fix=(
                        _show(f"remote.{remote.name}.fetch"),
                        "ledgers are brought by idse sync pull, a backup of everything by git clone --mirror",
                    ),
                )


def check_pushes(remote: RemoteSettings, *, holds_code: bool) -> None:
    """Raises UnsafeRemoteError where plain ``git push`` would send more than ledgers, or force them."""
    if remote.mirror:
        raise UnsafeRemoteError(
            f"git remote {remote.name} is a mirror",
            where=f"remote.{remote.name}.mirror = true",
            cause="a mirror push sends every branch, and deletes what others pushed",
            fix=(_show(f"remote.{remote.name}.mirror"),),
        )
    for refspec in map(parse_refspec, remote.push):
        if not refspec.negative and not is_own_push(refspec) and not (holds_code and _leaves_alone(refspec)):
            raise UnsafeRemoteError(
                f"git push {remote.name} would send more than ledgers, or not only forward",
                where=f"remote.{remote.name}.push = {refspec.text}",
                cause=f"the Agency gets {PUBLISHED}* under the same names, and never by force",
                fix=(_show(f"remote.{remote.name}.push"),),
            )


def check_destination(
    name: str, urls: tuple[str, ...], push_urls: tuple[str, ...], place: Callable[[str], str]
) -> None:
    """Raises UnsafeRemoteError unless fetch and push go to one place; `name` is "" for a bare URL."""
    key = f"remote.{name}.url" if name else "url.*.insteadOf"
    if len(urls) > 1:
        raise UnsafeRemoteError(
            f"git remote {name} has {len(urls)} URLs",
            where=key,
            cause="a push would go to all of them: " + ", ".join(map(redacted, urls)),
            fix=(_show(key), "keep one of them"),
        )
    if [place(url) for url in push_urls] != [place(url) for url in urls]:
        keys = (f"remote.{name}.pushurl", "url.*.pushInsteadOf") if name else ("url.*.pushInsteadOf",)
        raise UnsafeRemoteError(
            "a push would go elsewhere than a fetch",
            where=" or ".join(keys),
            cause=f"fetched from {_listed(urls)}, pushed to {_listed(push_urls)}",
            fix=(
                *((_show(keys[0]),) if name else ()),
                "git config --show-origin --get-regexp '^url\\..*insteadof$'",
            ),
        )


def _leaves_alone(refspec: Refspec) -> bool:
    """Tests whether a refspec of a remote with code has nothing to do with ledgers."""
    return not covers_ledgers(refspec.source) and not covers_ledgers(refspec.destination)


def _listed(urls: tuple[str, ...]) -> str:
    return ", ".join(map(redacted, urls)) or "nowhere"


def _show(key: str) -> str:
    return f"git config --show-origin --get-all {key}"
