"""Tests whether two URLs may lead to one place, however they are spelled.

`GitRemotes.place` answers the opposite question: two places that it gives alike are one. The guard asks this
one, and where it cannot be told, the answer is yes: code that was sent to the Agency cannot be called back.
The pre-push script asks first, with less; what it lets pass unseen must be two places here, too.
"""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.sync.remotes import decoded, path_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from idse_orchestrator.git.configuration import GitConfiguration
    from idse_orchestrator.git.program import Git

_HELPER = re.compile(r"([A-Za-z0-9+.-]+)::(.*)", re.DOTALL)
_URL = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/]*@)?(\[[^\]/]*\]|[^/:]*)(?::([0-9]*))?(/.*)?", re.DOTALL
)
_SCP = re.compile(r"(?:[^/@]*@)?(\[[^\]/]*\]|[^/:]*):(.*)", re.DOTALL)
_SSH = ("ssh", "git+ssh", "ssh+git")
_WEB = ("http", "https", "ftp", "ftps", "git")
_PORTS = {"ssh": "22", "http": "80", "https": "443", "git": "9418"}
_FOLDERS = ("/.git", "", ".git/.git", ".git")
"""What git tries behind a path, in this order."""
_HOME = re.compile(r"/(?:~[^/]*|home/[^/]+|users/[^/]+)(?=/)")
_FORGES = re.compile(r"^/(?:a|scm|v3)(?=/)|/_git(?=/)")
"""Words that a forge puts into its paths for one protocol, and not for another."""
_PATIENCE = 5.0


class Spelled(NamedTuple):
    """A place as one URL spells it. `path` is a folder of this machine where `scheme` is ""."""

    scheme: str
    host: str
    port: str
    path: str


class Places:
    """Compares URLs as git takes them at the top of one work tree."""

    def __init__(self, git: Git, configuration: GitConfiguration) -> None:
        self._git, self._configuration = git, configuration

    def may_be_same(self, one: str, other: str) -> bool:
        """Tests whether a push to `one` may arrive at `other`."""
        if one == other:
            return True
        seen, wanted = self._spelled(one), self._spelled(other)
        if seen is None or wanted is None:
            return _words_alike(one, other)
        if not seen.scheme and not wanted.scheme:
            return _same_folder(seen.path, wanted.path)
        if not seen.scheme or not wanted.scheme:
            remote = seen if seen.scheme else wanted
            return remote.host == "localhost" and _last_word(seen.path) == _last_word(wanted.path)
        if _bare(seen.path) != _bare(wanted.path):
            return False
        return _same_host(seen, wanted) or _same_host(self._resolved(seen), self._resolved(wanted))

    def _spelled(self, url: str) -> Spelled | None:
        """Returns None for what only a program that the URL names can tell."""
        helper = _HELPER.fullmatch(url) if "::" in url.partition("/")[0] and "[" not in url else None
        if helper:
            return self._spelled(helper[2]) if helper[1] in _WEB else None
        if path_in(url):
            return Spelled("", "", "", self._folder(path_in(url)))
        found = _URL.fullmatch(url)
        if found:
            scheme = "ssh" if found[1].lower() in _SSH else found[1].lower()
            host, port, path = decoded(found[2]), found[3] or "", decoded(found[4] or "")
            if scheme != "ssh":
                path = re.split(r"[?#]", path, maxsplit=1)[0]
        else:
            scp = _SCP.fullmatch(url)
            if scp is None:
                return None
            scheme, host, port, path = "ssh", scp[1], "", scp[2]
            if not path.startswith("/"):
                path = f"/{path}" if path.startswith("~") else f"/~/{path}"
        named = _usual(Spelled(scheme, _host(host), port, path))
        return self._here(named) if scheme == "ssh" and named.host == "localhost" else named

    def _folder(self, path: str) -> str:
        return _git_folder(os.path.join(self._git.folder, self._expanded(path)))

    def _expanded(self, path: str) -> str:
        """Returns `path` with the home that its first word names, as git's server programs take it."""
        first, slash, rest = path.partition("/")
        if first == "~":
            return self._git.environment.get("HOME", first) + slash + rest
        if not first.startswith("~"):
            return path
        try:
            import pwd

            return pwd.getpwnam(first[1:]).pw_dir + slash + rest
        except (ImportError, KeyError):  # Windows has no such list
            return path

    def _here(self, place: Spelled) -> Spelled:
        """Returns the folder of this machine that an ssh URL to it leads to, where there is one."""
        path = place.path.removeprefix("/") if place.path.startswith("/~") else place.path
        folder = self._folder(path)
        return Spelled("", "", "", folder) if os.path.exists(folder) else place

    def _resolved(self, place: Spelled) -> Spelled:
        """Returns `place` with the host that ssh really calls, as the user's configuration of ssh says."""
        if place.scheme != "ssh" or place.host.startswith("-"):
            return place
        command = [entry.value for entry in self._configuration.entries if entry.key == "core.sshcommand"]
        words = self._git.environment.get("GIT_SSH_COMMAND") or (command[-1] if command else "")
        program = self._git.environment.get("GIT_SSH", "ssh")
        start = ["sh", "-c", f'{words} "$@"', words] if words else [program]
        said = self._git.helper([*start, "-G", place.host], _PATIENCE)
        told = dict(line.partition(" ")[::2] for line in said.splitlines())
        if "hostname" not in told:
            return place
        host, port = _host(told["hostname"]), place.port or told.get("port", "")
        return _usual(place._replace(host=host, port=port))


def _usual(place: Spelled) -> Spelled:
    """Returns `place` without the names and ports that forges offer where port 22 is closed."""
    host, port = place.host.removeprefix("www."), place.port
    short = host.removeprefix("altssh.").removeprefix("ssh.")
    if place.scheme == "ssh" and short != host:
        host, port = short, "" if port == "443" else port
    return place._replace(host=host, port=port)


def _host(name: str) -> str:
    """Returns a host's name in the one form that all its spellings share."""
    plain = name.strip("[]").rstrip(".").lower()
    if not plain.isascii():
        try:
            plain = plain.encode("idna").decode()
        except UnicodeError:
            return plain
    import socket

    own = socket.gethostname().lower()
    if plain in ("localhost", "", own, own.partition(".")[0]) or plain.endswith(".localhost"):
        return "localhost"
    number = _address(plain)
    return "localhost" if number in _LOOPBACK or number.startswith("127.") else number or plain


_LOOPBACK = ("::1", "::", "0.0.0.0")  # noqa: S104 - compared with, not bound to


def _address(text: str) -> str:
    """Returns an address in its usual form; "" for a name."""
    import socket

    try:
        return socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        pass
    try:
        packed = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except OSError:
        return ""
    mapped = packed.startswith(b"\0" * 10 + b"\xff\xff")
    return socket.inet_ntoa(packed[12:]) if mapped else socket.inet_ntop(socket.AF_INET6, packed)


def _same_host(one: Spelled, other: Spelled) -> bool:
    if one.scheme == other.scheme and _port(one) != _port(other):
        return False  # two ports are two services; a port means nothing to another protocol
    if one.host == other.host:
        return True
    numbers = [_address(one.host), _address(other.host)]
    if all(numbers) or not any((*numbers, "localhost" in (one.host, other.host))):
        return False
    return bool({*_addresses(one.host)} & {*_addresses(other.host)})


def _port(place: Spelled) -> str:
    return (place.port or _PORTS.get(place.scheme, "")).lstrip("0")


def _addresses(host: str) -> Iterator[str]:
    """Yields the addresses of a host. git has just asked for those of the one that it pushes to."""
    import socket

    names = ("localhost", socket.gethostname()) if host == "localhost" else (host,)
    for name in names:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            continue
        yield from (str(address[4][0]) for address in found)


def _bare(path: str) -> str:
    """Returns the path of a remote repository without what servers take for the same."""
    plain = posixpath.normpath("/" + path.lower()).replace("//", "/")
    plain = _FORGES.sub("", _HOME.sub("", plain, count=1))
    while plain.endswith((".git", "/")):
        plain = plain.removesuffix(".git").rstrip("/")
    return plain


def _last_word(path: str) -> str:
    return _bare(path).rpartition("/")[2]


def _words_alike(one: str, other: str) -> bool:
    """Tests whether the last word of one URL is a word of the other: a program may do anything with it."""
    words = [
        {_last_word(word) for word in re.split(r"[\s'\"]+", decoded(url))} - {""} for url in (one, other)
    ]
    return bool(words[0] & words[1])


def _git_folder(path: str) -> str:
    """Returns the git directory, shared by all work trees, that git finds for `path`; else `path` itself."""
    plain = path.rstrip("/") or "/"
    for ending in _FOLDERS:
        folder = plain + ending
        if os.path.isfile(folder):
            folder = os.path.join(os.path.dirname(folder), _line(folder).removeprefix("gitdir: "))
        if os.path.lexists(os.path.join(folder, "HEAD")):
            return os.path.realpath(os.path.join(folder, _line(os.path.join(folder, "commondir"))))
    return os.path.realpath(path)


def _line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(1 << 16).rstrip("\n")
    except OSError:
        return ""


def _same_folder(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
