"""Who is logged in by the word of a proxy: one header, which counts from the proxy's own address alone."""

from __future__ import annotations

import secrets
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from idse_orchestrator.server.api.problems import NOT_AUTHORIZED, Problem, ProblemError
from idse_orchestrator.server.tenants.configuration import SOCKET

if TYPE_CHECKING:
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.tenants.configuration import Configuration
    from idse_orchestrator.server.tenants.issued_keys import IssuedKeys

_FOREIGN = Problem(
    403,
    NOT_AUTHORIZED,
    "a header of this request says who you are, and it is not from the proxy",
    "it counts from the addresses in login_proxies alone",
)
_UNCLEAR = Problem(403, NOT_AUTHORIZED, "the proxy does not say clearly who you are")
_NOBODY = Problem(
    403,
    NOT_AUTHORIZED,
    "the proxy knows you, and this Agency does not",
    "no key that holds is written beside your name",
    fix=("ask who runs it for a line below [logins] in agency.toml",),
)


class ProxyLogins:
    """Tells who comes by a proxy that knows people, as `configuration` says; off where it names no header."""

    def __init__(self, configuration: Configuration, keys: IssuedKeys) -> None:
        self._header = configuration.login_header.lower().encode("ascii")
        self._proxies = configuration.login_proxies
        self._ids = dict(configuration.logins)
        self._keys = keys
        self._own = secrets.token_urlsafe(32)

    def caller(self, scope: Any) -> Caller | None:  # noqa: ANN401 - ASGI's own
        """Returns whom the proxy names; None where it names nobody, as for who pastes a key.

        ProblemError where somebody else says it, where it is said twice, or empty, or of a stranger.
        """
        said = [value for name, value in scope["headers"] if name == self._header] if self._header else []
        if not said:
            return None
        if not self._is_proxy(scope.get("client")):
            raise ProblemError(_FOREIGN)
        try:
            name = said[0].decode("utf-8").strip(" \t")
        except UnicodeDecodeError:
            name = ""
        if len(said) > 1 or not name:
            raise ProblemError(_UNCLEAR)
        ident = self._ids.get(name, "")
        caller = self._keys.caller_by_id(ident) if ident else None
        if caller is None:
            raise ProblemError(_NOBODY)
        return caller

    def secret(self, caller: Caller) -> str:
        """Returns what forms of this caller are made with, in place of a cookie; it ends with the server."""
        return f"{self._own}:{caller.key_id}"

    def _is_proxy(self, client: object) -> bool:
        """Tests whether the one who connects is the proxy, whatever is said of those behind it."""
        address = str(client[0]) if isinstance(client, (tuple, list)) and client and client[0] else SOCKET
        if address == SOCKET:
            return SOCKET in self._proxies
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in ip_network(each) for each in self._proxies if each != SOCKET)
