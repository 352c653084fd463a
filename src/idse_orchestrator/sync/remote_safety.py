"""What in git's configuration would overwrite or delete ledgers, or send more than ledgers to the Agency."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from idse_orchestrator.errors import UnsafeRemoteError
from idse_orchestrator.sync.agency_url import redacted
from idse_orchestrator.sync.refspecs import Refspec, covers_ledgers, is_own_push, parse_refspec

if TYPE_CHECKING:
    from idse_orchestrator.sync.agency import RemoteSettings


def check_fetches(remotes: Iterable[RemoteSettings]) -> None:
    """UnsafeRemoteError for a remote whose fetch would write to, or prune, the ledgers of this repository."""
    for remote in remotes:
        for refspec in map(parse_refspec, remote.fetch):
            if not refspec.negative and covers_ledgers(refspec.destination):
                raise UnsafeRemoteError(
                    f"git fetch {remote.name} would write over your ledgers",
                    where=f"remote.{remote.name}.fetch = {refspec.text}",
                    cause="fetching replaces ledgers unseen, and pruning removes what was never pushed",
                    fix=(
                        _look(f"remote.{remote.name}.fetch"),
                        "ledgers are brought by idse sync pull; a backup of everything: git clone --mirror",
                    ),
                )


def check_pushes(remote: RemoteSettings, *, holds_code: bool) -> None:
    """UnsafeRemoteError where plain ``git push`` to the Agency sends more than ledgers, or forces them."""
    if remote.mirror:
        raise UnsafeRemoteError(
            f"git remote {remote.name} is a mirror",
            where=f"remote.{remote.name}.mirror = true",
            cause="a mirror push sends every branch, and deletes what others pushed",
            fix=(_look(f"remote.{remote.name}.mirror"),),
        )
    for refspec in map(parse_refspec, remote.push):
        if not refspec.negative and not is_own_push(refspec) and not (holds_code and _leaves_alone(refspec)):
            raise UnsafeRemoteError(
                f"git push {remote.name} would send more than ledgers, or not only forward",
                where=f"remote.{remote.name}.push = {refspec.text}",
                cause="the Agency gets refs/idse/* under the same names, and never by force",
                fix=(_look(f"remote.{remote.name}.push"),),
            )


def check_destination(
    name: str, urls: tuple[str, ...], push_urls: tuple[str, ...], place: Callable[[str], str]
) -> None:
    """UnsafeRemoteError unless fetch and push go to one place; `name` is "" for a URL without a remote."""
    key = f"remote.{name}.url" if name else "url.*.insteadOf"
    if len(urls) > 1:
        raise UnsafeRemoteError(
            f"git remote {name} has {len(urls)} URLs",
            where=key,
            cause="a push would go to all of them: " + ", ".join(map(redacted, urls)),
            fix=(_look(key), "keep one of them"),
        )
    if [place(url) for url in push_urls] != [place(url) for url in urls]:
        keys = (f"remote.{name}.pushurl", "url.*.pushInsteadOf") if name else ("url.*.pushInsteadOf",)
        raise UnsafeRemoteError(
            "a push would go elsewhere than a fetch",
            where=" or ".join(keys),
            cause=f"fetched from {_told(urls)}, pushed to {_told(push_urls)}",
            fix=(
                *((_look(keys[0]),) if name else ()),
                "git config --show-origin --get-regexp '^url\\..*insteadof$'",
            ),
        )


def _leaves_alone(refspec: Refspec) -> bool:
    """Whether a refspec of a remote with code has nothing to do with ledgers."""
    return not covers_ledgers(refspec.source) and not covers_ledgers(refspec.destination)


def _told(urls: tuple[str, ...]) -> str:
    return ", ".join(map(redacted, urls)) or "nowhere"


def _look(key: str) -> str:
    return f"git config --show-origin --get-all {key}"
