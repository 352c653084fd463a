"""The configuration of an Agency: the settings that there are, and where each is read from."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.errors import InvalidConfigurationError, StorageError

VARIABLE = "IDSE_AGENCY_HOME"
CONFIGURATION = "agency.toml"


class Configuration(NamedTuple):
    """How an Agency is set up: `SETTINGS` says what each of these is."""

    url: str = ""
    listen: str = "127.0.0.1:8417"
    max_pack_bytes: int = 100 << 20
    gits: int = 8
    connections: int = 256
    pushes_a_minute: int = 60
    requests_a_minute: int = 600
    trusted_proxy: str = ""
    read_only: bool = False
    patience: int = 30
    silence: int = 30
    request_seconds: int = 600
    judge_seconds: int = 60
    client_bytes: int = 0
    client_repositories: int = 0
    checks: tuple[str, ...] = ()
    database: str = "sqlite"
    webhook: str = ""
    login_header: str = ""
    login_proxies: tuple[str, ...] = ()
    logins: tuple[tuple[str, str], ...] = ()


class Setting(NamedTuple):
    """A key of agency.toml: its variable, what it is for, and what makes a value of what is said."""

    variable: str
    summary: str
    check: Callable[[object], Any]


def _number(least: int, most: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"\d{1,18}", value, re.ASCII):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise ValueError(f"it is a number from {least} to {most}")

    return check


_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def size(value: object) -> int:
    """Returns the bytes that a number, or a text such as ``100M``, means; ValueError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1 << 60:
        return value
    found = re.fullmatch(r"(\d{1,15})\s*([kmgt]?)(?:i?b)?", str(value).strip().lower(), re.ASCII)
    if found and not isinstance(value, bool) and int(found[1]) * _UNITS[found[2]] <= 1 << 60:
        return int(found[1]) * _UNITS[found[2]]
    raise ValueError("it is a number of bytes, or one such as 100M or 5G")


def _yes_or_no(value: object) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError("it is true or false")


def _text(value: object) -> str:
    if isinstance(value, str) and value.isprintable():
        return value
    raise ValueError("it is a text on one line")


def _words(value: object) -> tuple[str, ...]:
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if isinstance(words, (list, tuple)) and all(
        isinstance(word, str) and word.isidentifier() for word in words
    ):
        return tuple(words)
    raise ValueError("it is a list of names")


def _listen(value: object) -> str:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.%\w]+\]|[\w.-]+):(\d{1,5})", _text(value), re.ASCII)
    if found and int(found[2]) < 1 << 16:
        return _text(value)
    raise ValueError("it is HOST:PORT, for instance 127.0.0.1:8417")


def _base(value: object) -> str:
    text = _text(value).rstrip("/")
    if not text or re.fullmatch(r"https?://[\w.\-:\[\]]+(/[\w.~/-]+)?", text, re.ASCII):
        return text
    raise ValueError(
        "it is where clients reach the server, such as https://agency.example.org, without a user"
    )


def _engine(value: object) -> str:
    if value in ("sqlite", "postgresql"):
        return str(value)
    raise ValueError("it is sqlite or postgresql; a login stands in secrets/, never here")


def _hook(value: object) -> str:
    text = _text(value)
    if not text or re.fullmatch(r"https?://[^\s/@]+(/\S*)?", text, re.ASCII):
        return text
    raise ValueError("it is an address such as https://example.org/hook, without a user")


def _address(value: object) -> str:
    from ipaddress import ip_network

    text = _text(value)
    if text:
        ip_network(text)  # its ValueError says what is wrong
    return text


SOCKET = "socket"
"""In `login_proxies`: whoever may open the socket that `serve --socket` listens on."""
_TAKEN = frozenset({"authorization", "cookie", "forwarded", "host", "origin", "x-forwarded-for"})


def _header(value: object) -> str:
    text = _text(value)
    if not text or (re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", text) and text.lower() not in _TAKEN):
        return text
    raise ValueError("it is the name of a header that says nothing else, such as X-Forwarded-User")


def _addresses(value: object) -> tuple[str, ...]:
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if isinstance(words, (list, tuple)) and all(isinstance(word, str) and word for word in words):
        return tuple(word if word == SOCKET else _address(word) for word in words)
    raise ValueError("it is a list of addresses or networks")


def _logins(value: object) -> tuple[tuple[str, str], ...]:
    pairs = dict(value) if isinstance(value, tuple) else value
    if isinstance(value, str):
        pairs = dict(each.strip().rpartition("=")[::2] for each in value.split(",") if each.strip())
    if isinstance(pairs, dict) and all(
        isinstance(one, str) and one.strip() == one != "" and re.fullmatch(r"[\w-]+", str(ident), re.ASCII)
        for one, ident in pairs.items()
    ):
        return tuple((name, str(ident)) for name, ident in pairs.items())
    raise ValueError(
        'it is a table: "ann@example.org" = "the id of a key", as idse agency key list prints it'
    )


SETTINGS: Mapping[str, Setting] = {
    "url": Setting("IDSE_AGENCY_BASE_URL", "Where clients reach the server, for what is printed.", _base),
    "listen": Setting("IDSE_AGENCY_LISTEN", "The address that serve listens on.", _listen),
    "max_pack_bytes": Setting("IDSE_AGENCY_MAX_PACK_BYTES", "The largest push.", size),
    "gits": Setting(
        "IDSE_AGENCY_GITS", "Gits that run at once, half of them for one client.", _number(1, 1000)
    ),
    "connections": Setting(
        "IDSE_AGENCY_CONNECTIONS", "Connections of one address at once.", _number(1, 65_536)
    ),
    "pushes_a_minute": Setting(
        "IDSE_AGENCY_PUSHES_A_MINUTE", "Pushes of one key in a minute.", _number(1, 100_000)
    ),
    "requests_a_minute": Setting(
        "IDSE_AGENCY_REQUESTS_A_MINUTE",
        "Requests of one key to REST and MCP in a minute.",
        _number(1, 1_000_000),
    ),
    "trusted_proxy": Setting(
        "IDSE_AGENCY_TRUSTED_PROXY",
        "The proxy's address or network, whose word on the caller's address counts.",
        _address,
    ),
    "read_only": Setting("IDSE_AGENCY_READ_ONLY", "Whether pushes are turned away.", _yes_or_no),
    "patience": Setting(
        "IDSE_AGENCY_PATIENCE", "Seconds that a request waits for its turn.", _number(0, 3600)
    ),
    "silence": Setting(
        "IDSE_AGENCY_SILENCE", "Seconds without progress that end a request.", _number(1, 3600)
    ),
    "request_seconds": Setting(
        "IDSE_AGENCY_REQUEST_SECONDS", "Seconds that a request may take.", _number(1, 86_400)
    ),
    "judge_seconds": Setting(
        "IDSE_AGENCY_JUDGE_SECONDS", "Seconds that a judgement may take.", _number(1, 3600)
    ),
    "client_bytes": Setting(
        "IDSE_AGENCY_CLIENT_BYTES", "Bytes that a new client may keep; 0: no limit.", size
    ),
    "client_repositories": Setting(
        "IDSE_AGENCY_CLIENT_REPOSITORIES",
        "Repositories that a new client may have; 0: no limit.",
        _number(0, 1_000_000),
    ),
    "checks": Setting("IDSE_AGENCY_CHECKS", "Check verbs of installed packages that rules may use.", _words),
    "database": Setting(
        "IDSE_AGENCY_DATABASE",
        "Where the projection is kept: sqlite, or postgresql by the logins in secrets/.",
        _engine,
    ),
    "webhook": Setting(
        "IDSE_AGENCY_WEBHOOK", "The address that is told of refused pushes and completed stages.", _hook
    ),
    "login_header": Setting(
        "IDSE_AGENCY_LOGIN_HEADER", "The header by which a proxy says who looks at pages.", _header
    ),
    "login_proxies": Setting(
        "IDSE_AGENCY_LOGIN_PROXIES",
        "Addresses or networks of proxies whose login_header counts, or socket.",
        _addresses,
    ),
    "logins": Setting("IDSE_AGENCY_LOGINS", "Whose key counts for a value of login_header.", _logins),
}

_EXAMPLES = {
    "url": "https://agency.example.org",
    "trusted_proxy": "127.0.0.1",
    "login_header": "X-Forwarded-User",
    "login_proxies": ["127.0.0.1"],
}

_OF_OTHERS = frozenset(
    {
        *("IDSE_AGENCY_URL", "IDSE_AGENCY_REMOTE", "IDSE_AGENCY_TIMEOUT", "IDSE_AGENCY_TOKEN", VARIABLE),
        *("IDSE_AGENCY_DATABASE_APP", "IDSE_AGENCY_DATABASE_ADMIN"),
    }
)
"""Variables of this form that `idse sync` reads, the one that names the home, and those with secrets."""


def read_configuration(
    path: str, environment: Mapping[str, str], options: Mapping[str, object] | None = None
) -> Configuration:
    """Returns agency.toml at `path` < IDSE_AGENCY_* < `options`. Raises InvalidConfigurationError."""
    said = dict(_from_file(path))
    said.update(_from_environment(environment))
    said.update({key: (value, f"--{key.replace('_', '-')}") for key, value in (options or {}).items()})
    return Configuration(**{key: _checked(key, value, where) for key, (value, where) in said.items()})


def _from_file(path: str) -> Mapping[str, tuple[object, str]]:
    try:
        with open(path, "rb") as file:
            found = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageError("the configuration cannot be read", where=path, cause=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfigurationError(
            f"{CONFIGURATION} is no TOML",
            where=path,
            cause=str(error),
            fix=("a text stands in quotes: url = 'https://agency.example.org'",),
        ) from error
    for key in found:
        if key not in SETTINGS:
            raise InvalidConfigurationError(
                f"there is no setting {key!r}",
                where=f"{path} → {key}",
                cause="settings: " + ", ".join(SETTINGS),
                fix=did_you_mean(key, SETTINGS) or ("take the line out",),
            )
    return {key: (value, f"{path} → {key}") for key, value in found.items()}


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, tuple[object, str]]]:
    variables = {setting.variable: key for key, setting in SETTINGS.items()}
    for name, value in environment.items():
        if not name.startswith("IDSE_AGENCY_") or name in _OF_OTHERS:
            continue
        if name not in variables:
            raise InvalidConfigurationError(
                f"there is no variable {name}",
                where="the environment",
                cause="variables: " + ", ".join(variables),
                fix=did_you_mean(name, variables) or (f"unset {name}",),
            )
        yield variables[name], (value, name)


def _checked(key: str, value: object, where: str) -> Any:  # noqa: ANN401 - each setting has its own type
    try:
        return SETTINGS[key].check(value)
    except ValueError as error:
        example = getattr(Configuration(), key) or _EXAMPLES.get(key, "")
        raise InvalidConfigurationError(
            f"setting {key} cannot be {value!r}",
            where=where,
            cause=str(error),
            fix=(f"for instance {key} = {json.dumps(example)}",),
        ) from error


def first_configuration(url: str, database: str = "") -> bytes:
    """Returns the text of a new agency.toml. Raises InvalidConfigurationError where `url` is none."""
    own = {"database": database} if database else {}
    return _toml({"url": _checked("url", url, "--url"), **own})


def _toml(values: Mapping[str, str]) -> bytes:
    lines = [
        "# How this Agency is set up: docs/reference/agency-home.md has all keys. No secrets belong here."
    ]
    for key, value in values.items():
        lines.append(f"{key} = {json.dumps(value)}" if value else f'# {key} = "https://agency.example.org"')
    return ("\n".join(lines) + "\n").encode()
