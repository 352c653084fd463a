"""Tokens: what is none of ours is none at all, whatever it looks like, and is good at no other door."""

from __future__ import annotations

import base64
import json
import os
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from idse_orchestrator.server.mcp.tokens import NOW, OLD, Tokens
from idse_orchestrator.server.model.push import Caller
from rest_bed import Rest

CALLER = Caller("01KEY", "c", "acme", "Ann", ("read",))


@pytest.fixture
def key(server):
    """A key of a client."""
    return server.key("tokens", "read", "push")


def good(server, key):
    """The claims and the head of a good token, and the key that signs here."""
    token = Rest(server, key).token()
    claims = jwt.decode(token, options={"verify_signature": False})
    with open(os.path.join(server.home.secrets, NOW), "rb") as file:
        return claims, jwt.get_unverified_header(token), load_pem_private_key(file.read(), None)


def status(server, token, path="/mcp"):
    ask = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    return Rest(server, token, "").call("POST", path, ask, **headers).status


def plain(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_a_good_one_is_taken_and_says_what_it_must(server, key):
    claims, head, _ = good(server, key)
    assert status(server, Rest(server, key).token()) == 200
    assert head["typ"] == "at+jwt"
    assert head["alg"] == "EdDSA"
    assert claims["exp"] - claims["iat"] == 600
    assert {"iss", "aud", "sub", "client_id", "jti", "scope"} <= set(claims)
    assert claims["aud"].endswith("/mcp")


def forged(server, key):
    """Yields tokens that must not be taken, by what is wrong with them."""
    claims, head, ours = good(server, key)
    other = Ed25519PrivateKey.generate()
    public = ours.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def signed(by=ours, more=None, **changed):
        kept = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        return jwt.encode(kept, by, "EdDSA", {**head, **(more or {})})

    yield "nothing", "x"
    yield "no signature", f"{plain({**head, 'alg': 'none'})}.{plain(claims)}."
    yield "algorithm none, signed", signed().rpartition(".")[0] + "."
    body = f"{plain({**head, 'alg': 'HS256'})}.{plain(claims)}"
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(body.encode(), public)
    yield "HS256 by the public key", f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    yield "another key", signed(other)
    yield "another key with its own name", signed(other, {"kid": "x"})
    yield "a key of its own inside", signed(other, {"jwk": {"kty": "OKP"}})
    yield "another type", signed(more={"typ": "JWT"})
    yield "another audience", signed(aud="https://elsewhere.example/mcp")
    yield "the audience of git", signed(aud="/git")
    yield "another issuer", signed(iss="https://elsewhere.example")
    yield "expired", signed(iat=int(time.time()) - 700, exp=int(time.time()) - 100)
    yield "from tomorrow", signed(iat=int(time.time()) + 86_400, exp=int(time.time()) + 87_000)
    for name in ("iss", "aud", "exp", "iat", "sub"):
        yield f"without {name}", signed(**{name: None})
    yield "another subject", signed(sub="01NOBODY")
    yield (
        "a changed claim",
        ".".join((signed().split(".")[0], plain({**claims, "sub": "x"}), signed().split(".")[2])),
    )


def test_none_that_is_forged_is_taken(server, key):
    found = {what: status(server, token) for what, token in forged(server, key)}
    assert found == dict.fromkeys(found, 401)
    assert len(found) > 15


def test_a_key_is_no_token_and_a_token_no_key(server, key):
    token = Rest(server, key).token()
    assert status(server, key) == 401
    assert Rest(server, token).get("/sessions").status == 401
    code, _, _ = server.get("/git/tokens/shop.git/info/refs?service=git-upload-pack", token)
    assert code == 401
    form = f"grant_type=client_credentials&client_secret={token}".encode()
    assert Rest(server, "", "").call("POST", "/mcp/auth/token", form).status == 401


def test_revoked_is_401_at_once(server):
    key = server.key("revoking", "read")
    token = Rest(server, key).token()
    assert status(server, token) == 200
    server.admin.keys.revoke(server.admin.keys.caller(key).key_id)
    assert status(server, token) == 401
    assert status(server, token, "/mcp/sync/pull") == 401


def test_the_door_for_tokens_says_what_oauth_says(server, key):
    rest = Rest(server, "", "")

    def asked(form, **headers):
        said = rest.call("POST", "/mcp/auth/token", form.encode(), **headers)
        assert said.headers["cache-control"] == "no-store"
        return said.status, said.data.get("error")

    good_one = f"grant_type=client_credentials&client_secret={key}"
    assert asked(good_one) == (200, None)
    assert asked("grant_type=password") == (400, "unsupported_grant_type")
    assert asked("") == (400, "unsupported_grant_type")
    assert asked("grant_type=client_credentials&client_secret=idse_none") == (401, "invalid_client")
    assert asked("grant_type=client_credentials") == (401, "invalid_client")
    assert asked(f"{good_one}&resource=https://elsewhere.example/mcp") == (400, "invalid_target")
    assert asked(f"{good_one}&resource=http://{server.address}/mcp") == (200, None)
    basic = base64.b64encode(f"any:{key}".encode()).decode()
    assert asked("grant_type=client_credentials", Authorization=f"Basic {basic}") == (200, None)
    assert rest.call("POST", "/mcp/auth/token", b"x" * 20_000).status == 413
    assert rest.get("/mcp/auth/token").status == 405


def test_a_page_of_another_site_is_refused(server, key):
    token = Rest(server, key).token()
    rest = Rest(server, token, "")
    assert rest.call("POST", "/mcp/sync/pull", {}, Origin="https://elsewhere.example").status == 403
    assert rest.call("POST", "/mcp/sync/pull", {}, Origin=f"http://{server.address}").status == 422


def test_a_new_signing_key_takes_over_and_the_old_one_is_believed_as_long_as_it_is_kept(tmp_path):
    folder = str(tmp_path)
    first = Tokens(folder, "i", "/mcp")
    token = first.make(CALLER)
    assert (tmp_path / NOW).stat().st_mode & 0o077 == 0
    assert Tokens(folder, "i", "/mcp").key_of(token) == "01KEY"
    (tmp_path / NOW).rename(tmp_path / OLD)
    second = Tokens(folder, "i", "/mcp")
    assert second.key_of(token) == "01KEY"
    assert first.key_of(second.make(CALLER)) == ""
    (tmp_path / OLD).unlink()
    assert Tokens(folder, "i", "/mcp").key_of(token) == ""


def test_a_token_lasts_ten_minutes(tmp_path):
    now = [1_000_000.0]
    tokens = Tokens(str(tmp_path), "i", "/mcp", lambda: now[0])
    token = tokens.make(CALLER)
    now[0] += 599
    assert tokens.key_of(token) == "01KEY"
    now[0] += 1
    assert tokens.key_of(token) == ""
    now[0] -= 700
    assert tokens.key_of(token) == ""
