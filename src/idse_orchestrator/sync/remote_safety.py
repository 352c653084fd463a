"""Refspecs, and settings of git that would overwrite ledgers or send more than ledgers to the Agency."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.errors import UnsafeRemoteError
from idse_orchestrator.ledger.refs import PUBLISHED, tracking_ref
from idse_orchestrator.sync.remotes import redacted

if TYPE_CHECKING:
    from idse_orchestrator.sync.remotes import RemoteSettings


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
                        "ledgers are brought by idse sync pull; a backup of everything: git clone --mirror",
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
                cause="the Agency gets refs/idse/* under the same names, and never by force",
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
