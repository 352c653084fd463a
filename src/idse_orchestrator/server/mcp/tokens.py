"""Tokens of ten minutes, which a key is exchanged for: signed with Ed25519, and good at one door alone.

A token names its key, and the key is looked up at each request: revoked is gone at once. The signing key
stands in secrets/, and is made where there is none. One that is put aside as OLD is still believed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from idse_orchestrator.base.files import write_new
from idse_orchestrator.errors import HomeError

if TYPE_CHECKING:
    from idse_orchestrator.server.model.push import Caller

SECONDS = 600
ALGORITHM = "EdDSA"
TYPE = "at+jwt"
NOW, OLD = "token-key.pem", "token-key.old.pem"
_LEEWAY = 5
_NEEDED = ["iss", "aud", "exp", "iat", "sub"]


class Tokens:
    """Makes and reads tokens for the door at `audience`, by the keys in the folder `secrets`."""

    def __init__(self, folder: str, issuer: str, audience: str, now: Callable[[], float] = time.time) -> None:
        self._issuer = issuer
        self.audience = audience
        self._now = now
        self._signing = _signing_key(folder)
        self._name, public = _named(self._signing)
        self._known = {self._name: public}
        old = os.path.join(folder, OLD)
        if os.path.exists(old):
            self._known.update([_named(_read(old))])

    def make(self, caller: Caller) -> str:
        """Returns a token for a caller."""
        at = int(self._now())
        claims = {
            "iss": self._issuer,
            "aud": self.audience,
            "sub": caller.key_id,
            "client_id": caller.key_id,
            "scope": " ".join(caller.scopes),
            "iat": at,
            "exp": at + SECONDS,
            "jti": secrets.token_hex(8),
        }
        return jwt.encode(claims, self._signing, ALGORITHM, {"typ": TYPE, "kid": self._name})

    def key_of(self, token: str) -> str:
        """Returns the id of the key that a token stands for; "" for one that is none of ours, or expired."""
        try:
            head = jwt.get_unverified_header(token)
            public = self._known.get(str(head.get("kid")))
            if public is None or head.get("typ") != TYPE or head.get("alg") != ALGORITHM:
                return ""
            claims: dict[str, Any] = jwt.decode(
                token,
                public,
                [ALGORITHM],
                audience=self.audience,
                issuer=self._issuer,
                leeway=_LEEWAY,
                options={"require": _NEEDED, "verify_exp": False, "verify_iat": False},
            )
            at = self._now()
            if not claims["iat"] - _LEEWAY <= at < claims["exp"]:
                return ""
            return str(claims["sub"])
        except (jwt.PyJWTError, ValueError, TypeError, UnicodeError):
            return ""


def _named(key: Ed25519PrivateKey) -> tuple[str, bytes]:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()[:16], public


def _signing_key(folder: str) -> Ed25519PrivateKey:
    path = os.path.join(folder, NOW)
    if not os.path.exists(path):
        made = Ed25519PrivateKey.generate()
        before = os.umask(0o177)
        try:
            write_new(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        finally:
            os.umask(before)
    return _read(path)


def _read(path: str) -> Ed25519PrivateKey:
    try:
        with open(path, "rb") as file:
            key = load_pem_private_key(file.read(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise HomeError(
            "the key that signs tokens cannot be read",
            where=path,
            cause=str(error),
            fix=(f"rm {path}  # the next start makes a new one; agents then ask for new tokens",),
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise HomeError("the key that signs tokens is none of Ed25519", where=path, fix=(f"rm {path}",))
    return key
