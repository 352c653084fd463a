"""Where a git URL leads, told without its secrets. Pure text: nothing is looked up."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_USER = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/\s@]*(?:@[^/\s@]*)*)@")
_SCP = re.compile(r"(?:([^/:@\s]+)@)?(\[[^\]]+\]|[^/:@\s]+):(?!//)(.*)", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_KEEPS_USER = ("ssh", "git+ssh", "ssh+git")


def redacted(text: str) -> str:
    """`text` with passwords and tokens taken out of every URL in it; the user of an ssh URL stays."""
    return _USER.sub(_without_secret, text)


def has_password(url: str) -> bool:
    """Whether `url` carries a password, or what may be one: a token in the place of an https user."""
    return redacted(url) != url


def is_path(url: str) -> bool:
    """Whether git takes `url` for a path of this machine."""
    if _SCHEME.match(url) or "::" in url.partition("/")[0]:
        return False
    return bool(_DRIVE.match(url)) or not _SCP.fullmatch(url)


def path_in(url: str) -> str:
    """The path that `url` stands for; "" where it leads to another machine."""
    if is_path(url):
        return url
    return url[len("file://") :] if url.startswith("file://") else ""


def place_of(url: str) -> str:
    """`url` as it is equal for two spellings of one place: no user, no ``.git``, one scheme for ssh."""
    found = _SCHEME.match(url)
    if is_path(url):
        return _bare(url)
    if found is None:
        scp = _SCP.fullmatch(url)
        return _bare(f"ssh://{scp[2].lower()}/{scp[3].lstrip('/')}") if scp else _bare(url)
    scheme = "ssh" if found[1].lower() in _KEEPS_USER else found[1].lower()
    host, slash, path = url[found.end() :].partition("/")
    if scheme == "file":
        return _bare(host + slash + path)
    return _bare(f"{scheme}://{host.rpartition('@')[2].lower()}{slash}{path.lstrip('/')}")


def _bare(url: str) -> str:
    short = url.rstrip("/")
    return short.removesuffix(".git").rstrip("/") or url


def _without_secret(found: re.Match[str]) -> str:
    scheme, user = found[1], found[2].partition(":")[0]
    return f"{scheme}://{user}@" if scheme.lower() in _KEEPS_USER and user else f"{scheme}://"
