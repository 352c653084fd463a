"""Ledgers that a client keeps on a forge come in by the same door, from where the operator meant."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import pwd
import shutil
import socket
import types

import pytest

from idse_orchestrator.errors import (
    BusyError,
    NotAuthorizedError,
    QuotaError,
    StorageError,
    UnreachableError,
    UnsafeRemoteError,
    UsageError,
)
from idse_orchestrator.server.gateway import mirror
from idse_orchestrator.server.gateway.mirror import import_mirror, source_of
from idse_orchestrator.server.model.names import Place, check_place
from idse_orchestrator.server.tenants.bundles import agency_git
from idse_orchestrator.wiring.serving import agency_at
from pushes import GOOD, Clone, ref_of
from ssh_daemon import new_key
from web import certificate_for, served

HOST = "forge.invalid"
BAD = GOOD["intent"].replace("The log.", "[REQUIRES INPUT]")
REFSPEC = "refs/idse/*:refs/idse/*"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificate_for(HOST, tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def forge(server, make_repo, certificate, monkeypatch):
    """A forge with one repository, known as HOST to this process alone; git itself cannot look it up."""
    bare = make_repo("forge/team/shop.git", bare=True)
    clone = Clone(make_repo("clone"))
    clone.create()
    clone.complete("intent")
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **named: real("127.0.0.1" if host == HOST else host, *more, **named),
    )
    shutil.copy(certificate, os.path.join(server.home.secrets, "ca.pem"))
    with served(bare.path.parents[1], certificate) as web:
        made = types.SimpleNamespace(bare=bare, clone=clone, web=web)
        made.url = f"https://{HOST}:{web.port}/team/shop.git"
        made.push = lambda *words: clone.repo.git("push", "-q", *words, str(bare.path), REFSPEC)
        made.push()
        yield made


@pytest.fixture
def agency(server):
    made = agency_at(server.home.path, os.environ)
    yield made
    made.admin.close()


@pytest.fixture
def place(server, request):
    client = f"m-{abs(hash(request.node.name)) % 10**9}"
    server.admin.add_client(client)
    return check_place(f"{client}/shop")


def there(agency, place, ref=""):
    git = agency_git(os.environ).at(agency.home.git_dir(place))
    return git.text("for-each-ref", "--format=%(objectname)", ref or ref_of())


def bring(agency, forge, place):
    return import_mirror(agency, source_of(forge.url, allow_private=True), place)


def test_what_is_on_the_forge_comes_in_and_comes_in_again(agency, forge, place):
    assert bring(agency, forge, place).moved == (ref_of(),)
    assert there(agency, place) == forge.clone.tip(ref_of())
    assert bring(agency, forge, place).moved == ()
    forge.clone.create("other")
    forge.clone.save(context=GOOD["context"])
    forge.push()
    assert bring(agency, forge, place).moved == (ref_of(), ref_of("other"))
    keys = agency.admin.keys.all(place.client)
    assert [(key.name, key.repositories) for key in keys] == [(f"mirror of {place}", ("shop",))]
    assert not os.path.exists(os.path.join(agency.home.run, "mirrors", f"{place}.git"))


def test_a_broken_promise_is_recorded_and_an_unsound_ledger_refused(agency, forge, place):
    forge.clone.save(intent=BAD)
    forge.clone.create("other")
    forge.push()
    assert bring(agency, forge, place).moved == (ref_of(), ref_of("other"))
    rows = agency.admin.audit.rows(agency.admin.client(place.client).id)
    [entry] = [json.loads(row["detail"]) for row in rows if row["action"] == "push"]
    assert {code for _, code, _ in entry["recorded"]} == {"IDSE301", "IDSE402"}
    forge.bare.git("update-ref", ref_of("code"), _code_commit(forge.clone.repo, forge.bare))
    found = bring(agency, forge, place)
    assert (found.moved, list(found.refused)) == ((), [ref_of("code")])
    assert there(agency, place, ref_of("code")) == ""


def _code_commit(repo, bare):
    repo.write("code.py", "print()\n")
    repo.commit("code")
    repo.git("push", "-q", str(bare.path), "HEAD:refs/heads/main")
    return repo.git("rev-parse", "HEAD")


def test_what_was_rewritten_on_the_forge_is_refused(agency, forge, place):
    forge.clone.create("other")
    forge.push()
    bring(agency, forge, place)
    before = there(agency, place)
    forge.bare.git("update-ref", ref_of(), f"{before}~1")
    forge.clone.save("other", context=GOOD["context"])
    forge.clone.repo.git("push", "-q", str(forge.bare.path), f"{ref_of('other')}:{ref_of('other')}")
    found = bring(agency, forge, place)
    assert list(found.refused) == [ref_of()]
    assert there(agency, place) == before


def test_a_revoked_key_or_an_archive_ends_it(agency, forge, place):
    bring(agency, forge, place)
    agency.tenants.archive_repository(place)
    with pytest.raises(QuotaError, match="not let in"):
        bring(agency, forge, place)


def test_credentials_are_those_of_the_home(agency, forge, place):
    forge.web.password = base64.b64encode(b"bot:s3cret").decode()
    with pytest.raises(NotAuthorizedError):
        bring(agency, forge, place)
    secret = pathlib.Path(agency.home.secrets, f"mirror-{place.client}.shop")
    secret.write_text("username=bot\npassword=s3cret\n")
    assert bring(agency, forge, place).moved
    assert secret.read_text() == "username=bot\npassword=s3cret\n"
    forge.web.password = "another"
    with pytest.raises(NotAuthorizedError):
        bring(agency, forge, place)
    assert secret.exists()


def test_no_redirect_is_followed(agency, forge, place):
    other = {"Location": f"{forge.web.url}/team/shop.git/info/refs?service=git-upload-pack"}
    forge.web.first.append(("info/refs", 302, other))
    with pytest.raises(UnreachableError):
        bring(agency, forge, place)


def test_more_than_a_push_may_bring_is_cut_off(agency, forge, place, monkeypatch):
    monkeypatch.setattr(agency, "configuration", agency.configuration._replace(max_pack_bytes=1000))
    monkeypatch.setattr(mirror, "_LOOK", 0.001)
    with pytest.raises(StorageError, match="too much"):
        bring(agency, forge, place)
    assert there(agency, place) == ""


def test_two_at_once_do_not_meet(agency, forge, place, monkeypatch):
    async def meanwhile(*_given):
        with pytest.raises(BusyError):
            bring(agency, forge, place)
        return mirror.Imported((), {})

    monkeypatch.setattr(mirror, "_import", meanwhile)
    bring(agency, forge, place)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.git",
        "file:///srv/a.git",
        "/srv/a.git",
        "git@example.org:a.git",
        "ext::sh -c true",
        "https://example.org",
        "https:///a.git",
        "https://example.org:99999/a.git",
        "https://bot:secret@example.org/a.git",
        "https://-oProxyCommand=x/a.git",
        "ssh://-oProxyCommand=x@example.org/a.git",
        "https://example.org/a.git?x=1",
        "https://example.org/a.git\nx",
    ],
)
def test_what_is_no_address_of_a_mirror(url):
    with pytest.raises(UsageError):
        source_of(url, allow_private=True)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "10.0.0.5",
        "192.168.1.1",
        "169.254.169.254",
        "localhost",
        "2130706433",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:a00:5::1]",
        "224.0.0.1",
    ],
)
def test_private_addresses_are_left_alone(host):
    with pytest.raises(UnsafeRemoteError):
        source_of(f"https://{host}/a.git", allow_private=False)


def test_one_private_address_among_public_ones_is_enough(monkeypatch):
    def both(*_given, **_named):
        return [(2, 1, 6, "", (each, 443)) for each in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(UnsafeRemoteError, match="private"):
        source_of("https://example.org/a.git", allow_private=False)


def test_over_ssh_the_host_is_known_or_nothing_comes(agency, forge, place, sshd, tmp_path):
    key = new_key(tmp_path / "key")
    with (sshd.folder / "authorized_keys").open("a") as file:
        file.write(key.with_suffix(".pub").read_text())
    user = pwd.getpwuid(os.geteuid()).pw_name
    forge.url = f"ssh://{user}@{HOST}:{sshd.port}{forge.bare.path}"
    secrets = pathlib.Path(agency.home.secrets)
    shutil.copy(key, secrets / f"mirror-{place.client}.shop.key")
    with pytest.raises(UnreachableError) as raised:
        bring(agency, forge, place)
    assert "Host key verification" in raised.value.cause
    words = (sshd.folder / "host.pub").read_text().split()
    (secrets / "known_hosts").write_text(
        f"[{HOST}]:{sshd.port} {words[0]} {words[1]}\n{HOST} {words[0]} {words[1]}\n"
    )
    try:
        assert bring(agency, forge, place).moved == (ref_of(),)
    finally:
        (secrets / "known_hosts").unlink()


def test_the_command(server, repo, place, forge):
    idse = ("agency", "--home", server.home.path, "import-mirror")
    private = repo.idse(*idse, f"{forge.web.url}/team/shop.git", str(place))
    assert (private.returncode, "--allow-private" in private.stderr) == (2, True), private.stderr
    nobody = repo.idse(*idse, "https://idse.invalid/shop.git", str(place))
    assert (nobody.returncode, "has no address" in nobody.stderr) == (5, True), nobody.stderr
    odd = repo.idse(*idse, "https://idse.invalid/shop.git", "shop")
    assert (odd.returncode, "CLIENT/REPOSITORY" in odd.stderr) == (2, True)


def test_no_other_mirror_reads_the_secret_of_one():
    places = (Place("a-b", "c"), Place("a", "b-c"))
    assert len({mirror._secret_of(place) for place in places}) == 2
