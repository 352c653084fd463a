"""What an attempt is told of its surroundings: an allow-list of the user's, and its task. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

KEPT = (
    "PATH", "LANG", "LANGUAGE", "TERM", "TZ", "COLORTERM", "NO_COLOR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
    "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
"""Variables that every attempt gets, as all that begin with LC_: no key, no login, none of git's."""

NO_PATH = "/usr/local/bin:/usr/bin:/bin"


def allowed(
    environment: Mapping[str, str], home: str, keys: Iterable[str] = (), more: Mapping[str, str] = {}
) -> dict[str, str]:
    """Returns what of `environment` an attempt gets: the allow-list, `keys`, its `home`, and `more`."""
    found = {name: environment[name] for name in (*KEPT, *keys) if name in environment}
    found.update((name, value) for name, value in environment.items() if name.startswith("LC_"))
    found.setdefault("PATH", NO_PATH)
    return {**found, "HOME": home, "GIT_TERMINAL_PROMPT": "0", **more}
