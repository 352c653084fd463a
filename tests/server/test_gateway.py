"""git over HTTP: who gets in, what git can do there, and what nobody can do, by any protocol."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import json
import pathlib
import socket
import subprocess

import pytest
import uvicorn

from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.ledger.refs import AGENCY_RULES
from idse_orchestrator.server.gateway import connection

PROJECT = "refs/idse/projects/portal"
SESSION = "refs/idse/sessions/portal/login"
ORDER = itertools.count(1)


def grown(repo, session="login", title=""):
    """Appends an event to a session's ledger, which is made; returns its tip."""
    writer = ledger_writer(discover(str(repo.path)))
    key = ("portal", session)
    writer.append(*key, lambda tip: None if tip else Draft("created", {"project": key[0], "session": key[1]}))
    if title:
        writer.append(*key, lambda _: Draft("described", {"title": title}))
    return repo.git("rev-parse", f"refs/idse/sessions/portal/{session}")


@pytest.fixture
def client():
    """The name of a client that no other test has."""
    return f"client-{next(ORDER)}"


@pytest.fixture
def place(client):
    """A repository of that client, which is not made yet."""
    return f"{client}/shop"


@pytest.fixture
def url(server, client, place):
    """Its address with a key that may do all that clones need."""
    return server.url(place, server.key(client))


@pytest.fixture
def pushed(repo, url):
    """The repository with one session, pushed."""
    grown(repo)
    repo.git("push", url, f"{SESSION}:{SESSION}")
    return repo


def refs(repo, url):
    """What is there, by name; the Agency's own rules aside."""
    rows = (line.split("\t") for line in repo.git("ls-remote", url).splitlines())
    return {ref: head for head, ref in rows if ref != AGENCY_RULES}


def refused(repo, url, *refspecs, options=(), settings=()):
    """Pushes what has to be refused; returns what git says."""
    done = repo.run("git", *settings, "push", *options, url, *refspecs)
    assert done.returncode != 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_git_pushes_fetches_and_clones_by_every_protocol(repo, make_repo, url, version):
    git = ("git", "-c", f"protocol.version={version}")
    tip = grown(repo, title="one")
    assert repo.run(*git, "push", url, f"{SESSION}:{SESSION}").returncode == 0
    other = make_repo("other")
    assert other.run(*git, "fetch", url, f"{SESSION}:{SESSION}").returncode == 0
    assert other.git("rev-parse", SESSION) == tip
    new = grown(repo, title="two")
    assert repo.run(*git, "push", url, f"{SESSION}:{SESSION}").returncode == 0
    assert refs(other, url) == {SESSION: new}
    assert repo.run(*git, "clone", "--mirror", url, str(repo.path / "mirror")).returncode == 0
    assert repo.run("git", "rev-parse", SESSION, cwd="mirror").stdout.strip() == new
    assert repo.run(*git, "fetch", "--depth=1", url, SESSION, cwd=other.path).returncode == 0


def test_a_push_that_git_cuts_into_pieces_and_one_that_it_packs(repo, url):
    for number in range(3):
        grown(repo, f"s{number}", title="x" * 100)
    big = ("git", "-c", "http.postBuffer=1", "push", url, "refs/idse/sessions/*:refs/idse/sessions/*")
    assert repo.run(*big).returncode == 0
    assert len(refs(repo, url)) == 3


def test_code_other_names_and_other_places_are_refused_by_name(pushed, url):
    commit = pushed.commit("code", allow_empty=True)
    for name in ("refs/heads/main", "refs/tags/v1", "refs/idse/other/a/b", "refs/idse-agency/rules"):
        said = refused(pushed, url, f"+{commit}:{name}")
        assert f"idse: refused {name}: error[" in said
    assert "error[" in refused(pushed, url, f"{commit}:{SESSION}-code")
    assert "error[" in refused(pushed, url, f"{SESSION}:refs/idse/sessions/portal/other")
    assert set(refs(pushed, url)) == {SESSION}


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_nothing_is_deleted_or_rewound(pushed, url, version):
    settings = ("-c", f"protocol.version={version}")
    before = pushed.git("rev-parse", SESSION)
    grown(pushed, title="more")
    pushed.git("push", url, SESSION)
    there = refs(pushed, url)
    refused(pushed, url, f":{SESSION}", settings=settings)
    refused(pushed, url, f"+{before}:{SESSION}", settings=settings)
    refused(pushed, url, "--mirror", settings=settings) if False else None
    assert refs(pushed, url) == there


def test_a_refused_object_cannot_be_fetched_by_its_id(pushed, make_repo, server, url, place):
    secret = pushed.commit("code that must not be there", allow_empty=True)
    refused(pushed, url, f"{secret}:refs/heads/main")
    other = make_repo("other")
    for version in ("0", "1", "2"):
        done = other.run("git", "-c", f"protocol.version={version}", "fetch", url, secret)
        assert done.returncode != 0
    objects = server.home.git + f"/{place}.git/objects"
    there = pushed.run("git", "cat-file", "-e", secret, env={"GIT_DIR": objects.removesuffix("/objects")})
    assert there.returncode != 0
    left = subprocess.run(
        ["find", objects, "-name", "tmp_objdir*"], capture_output=True, text=True, check=True
    )
    assert left.stdout == ""


def test_names_that_differ_in_case_are_one_of_them_refused(pushed, server, url):
    grown(pushed, "Login")
    assert "error[" in refused(pushed, url, "refs/idse/sessions/portal/Login")


@pytest.mark.usefixtures("pushed")
class TestWhoGetsIn:
    """No key, another client's, one that is revoked, one without the scope."""

    @pytest.mark.parametrize("service", ["git-upload-pack", "git-receive-pack"])
    def test_without_a_key_every_address_of_git_asks_for_one(self, server, place, service):
        for path in (f"/git/{place}.git/info/refs", "/git/nobody/nothing.git/info/refs"):
            status, body, headers = server.get(f"{path}?service={service}")
            assert (status, body) == (401, "a key is needed\n")
            assert headers["www-authenticate"].startswith("Basic")

    def test_another_client_sees_what_somebody_sees_where_nothing_is(self, server, place):
        stranger = server.key("stranger")
        answers = []
        for there in (place, "stranger-than/fiction"):
            for service in ("git-upload-pack", "git-receive-pack"):
                found = server.get(f"/git/{there}.git/info/refs?service={service}", stranger)
                answers.append((found[0], found[1], sorted(found[2])))
            found = server.get(f"/git/{there}.git/git-receive-pack", stranger, "POST")
            answers.append((found[0], found[1], sorted(found[2])))
        assert len({*map(str, answers)}) == 1
        assert answers[0][0] == 404

    def test_a_revoked_key_is_out_at_once(self, server, client, place):
        key = server.key(client)
        path = f"/git/{place}.git/info/refs?service=git-upload-pack"
        assert server.get(path, key)[0] == 200
        server.admin.keys.revoke(next(each.id for each in server.admin.keys.all(client)[::-1]))
        assert server.get(path, key)[0] == 401

    def test_a_key_does_what_its_scopes_say(self, server, pushed, client, place):
        reader, writer = server.key(client, "read"), server.key(client, "read", "push")
        assert refs(pushed, server.url(place, reader))
        grown(pushed, title="more")
        done = pushed.run("git", "push", server.url(place, reader), SESSION)
        assert done.returncode != 0
        assert "403" in done.stderr
        path = f"/git/{place}.git/info/refs?service=git-receive-pack"
        assert server.get(path, reader)[:2] == (403, "this key may read, and not push\n")
        assert server.get(f"/git/{client}/new.git/info/refs?service=git-receive-pack", writer)[0] == 404
        assert pushed.run("git", "push", server.url(place, writer), SESSION).returncode == 0

    def test_a_key_for_one_repository_knows_no_other(self, server, client):
        key = server.key(client, "read", "push", "create", repositories=("else",))
        path = "info/refs?service=git-upload-pack"
        assert server.get(f"/git/{client}/shop.git/{path}", key)[0] == 404
        assert server.get(f"/git/{client}/else.git/{path}", key)[0] == 200

    def test_a_repository_that_is_not_there_yet_reads_as_empty_and_is_made_by_a_push(
        self, server, repo, client
    ):
        url = server.url(f"{client}/new", server.key(client))
        assert refs(repo, url) == {}
        assert [each.name for each in server.admin.repositories(client)] == ["shop"]
        repo.git("push", url, SESSION)
        assert [each.name for each in server.admin.repositories(client)] == ["new", "shop"]

    def test_an_archived_repository_is_read_only(self, server, pushed, url, place):
        from idse_orchestrator.server.model.names import place_in

        server.admin.archive_repository(place_in(place))
        grown(pushed, title="more")
        assert "403" in refused(pushed, url, SESSION)
        assert refs(pushed, url)

    def test_git_follows_a_repository_to_its_new_name(self, server, pushed, url, client, place):
        from idse_orchestrator.server.model.names import place_in

        server.admin.rename_repository(place_in(place), "store", lambda: None)
        subprocess.run(
            ["mv", f"{server.home.git}/{place}.git", f"{server.home.git}/{client}/store.git"], check=True
        )
        assert set(refs(pushed, url)) == {SESSION}
        grown(pushed, title="more")
        assert pushed.run("git", "push", url, SESSION).returncode == 0
        # Who has a helper asks without a key first. git 2.39 then keeps the old address for what follows.
        (pushed.path / "key").write_text(f"username=any\npassword={server.key(client)}\n")
        pushed.git("config", "credential.helper", f"!cat '{pushed.path}/key' #")
        plain = server.url(place)
        assert set(refs(pushed, plain)) == {SESSION}
        tip = grown(pushed, title="again")
        pushed.git("push", plain, SESSION)
        assert refs(pushed, url) == {SESSION: tip}


@pytest.mark.parametrize(
    "path",
    [
        "/git/{}.git/HEAD",
        "/git/{}.git/config",
        "/git/{}.git/info/refs",
        "/git/{}.git/info/refs?service=git-upload-archive",
        "/git/{}.git/info/refs?service=git-upload-pack&service=git-receive-pack",
        "/git/{}.git/objects/info/packs",
        "/git/{}/info/refs?service=git-upload-pack",
        "/git/{}.git//info/refs?service=git-upload-pack",
        "/git/{}.git/../shop.git/info/refs?service=git-upload-pack",
        "/git/%2e%2e/{}.git/info/refs?service=git-upload-pack",
        "/git/{}%2egit/info/refs?service=git-upload-pack",
        "/git/{}.git%2finfo/refs?service=git-upload-pack",
        "/GIT/{}.git/info/refs?service=git-upload-pack",
        "//git/{}.git/info/refs?service=git-upload-pack",
        "/git/{}.git/git-upload-pack",
    ],
)
def test_no_other_address_reaches_git(server, pushed, client, place, path):
    key = server.key(client, "read")
    assert server.get(path.format(place), key)[0] == 404


def test_names_in_upper_case_are_nobody_s(server, pushed, client):
    key = server.key(client, "read")
    assert server.get(f"/git/{client.upper()}/shop.git/info/refs?service=git-upload-pack", key)[0] == 404


def test_headers_set_no_variable_of_git(server, pushed, client, place):
    key = server.key(client, "read")
    path = f"/git/{place}.git/info/refs?service=git-upload-pack"
    status, body, _ = server.get(path, key, GIT_DIR="/etc", GIT_PROJECT_ROOT="/", Git_Protocol="version=2")
    assert status == 200
    assert "version 2" in body


def asking(server, place, key, body):
    """Sends what git would, packed, to ask for objects; returns the status of the answer."""
    with socket.create_connection(server.address.split(":"), timeout=60) as line:
        head = (
            f"POST /git/{place}.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/x-git-upload-pack-request\r\nContent-Encoding: gzip\r\n"
            f"Git-Protocol: version=2\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        line.sendall(head.encode() + body)
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # the server has heard enough
            while more := line.recv(1 << 16):
                answer += more
    return answer.split(b" ")[1], answer


def test_a_body_that_grows_when_it_is_unpacked_is_bounded(server, pushed, client, place):
    key = server.key(client, "read")
    begin, have = b"0012command=fetch\n0001", b"0032have " + b"1" * 40 + b"\n"
    begin += b"0032want " + refs(pushed, server.url(place, key))[SESSION].encode() + b"\n"
    assert b"NAK" in asking(server, place, key, gzip.compress(begin + have * 3000 + b"0000"))[1]
    bomb = gzip.compress(begin + have * 2_000_000 + b"0000")
    assert len(bomb) < 1 << 20
    assert b"NAK" not in asking(server, place, key, bomb)[1]
    assert refs(pushed, server.url(place, key))


def test_a_packed_body_that_is_cut_off_or_damaged_harms_nothing(server, pushed, client, place):
    key = server.key(client, "read")
    whole = gzip.compress(b"0014command=ls-refs\n00010015ref-prefix refs/\n0000")
    assert SESSION.encode() in asking(server, place, key, whole)[1]
    for body in (whole[:-20], whole[:5], whole[:15] + b"\xff" * 20, b"no gzip at all", whole + b"more"):
        assert asking(server, place, key, body)[0] in (b"200", b"500")
    assert refs(pushed, server.url(place, key))


ENDLESS = {
    "a header": b"GET /healthz HTTP/1.1\r\nX: ",
    "headers": b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
    "a trailer": b"POST /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: ",
    "the extension of a chunk": b"POST /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;",
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_never_becomes_a_request_is_not_kept(server, what):
    portion = b"X: a\r\n" * 10_000 if what == "headers" else b"x" * 60_000
    with socket.create_connection(server.address.split(":"), timeout=20) as line:
        line.sendall(ENDLESS[what])
        with pytest.raises(ConnectionError):
            line.sendall(portion * 500)


def test_headers_that_never_end_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)

    async def ended(data):
        config = uvicorn.Config(lambda: None, http=connection.Connection, log_config=None)
        config.load()
        state = uvicorn.server.ServerState()
        loop = asyncio.get_running_loop()
        there = await loop.create_server(lambda: connection.Connection(config, state, {}), "127.0.0.1", 0)
        async with there:
            reader, writer = await asyncio.open_connection(*there.sockets[0].getsockname())
            writer.write(data)
            said = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            return said

    for data in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n"):
        assert asyncio.run(ended(data)) == b""


def test_a_client_that_goes_away_leaves_nothing(server, pushed, client, place):
    key = server.key(client)
    before = refs(pushed, server.url(place, key))
    for sent in (b"", b"0", b"00a0" + b"0" * 40):
        with socket.create_connection(server.address.split(":"), timeout=60) as line:
            head = (
                f"POST /git/{place}.git/git-receive-pack HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {key}\r\n"
                "Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 100000\r\n\r\n"
            )
            line.sendall(head.encode() + sent)
    server.until(
        lambda: sum(entry["method"] == "POST" and place in entry["path"] for entry in server.entries()) >= 4
    )
    assert refs(pushed, server.url(place, key)) == before
    objects = f"{server.home.git}/{place}.git/objects"
    left = subprocess.run(["find", objects, "-name", "tmp_*"], capture_output=True, text=True, check=True)
    assert left.stdout == ""


def test_the_log_has_a_line_for_each_request_and_no_secret(server, pushed, client, place):
    key = server.key(client)
    assert refs(pushed, server.url(place, key))
    text = server.log.read_text()
    assert key not in text
    last = server.entries()[-1]
    assert (last["client"], last["path"], last["status"]) == (client, f"{place} git-upload-pack", 200)


def test_the_audit_says_which_key_brought_what(server, repo, client, place):
    key = server.key(client)
    tip = grown(repo)
    repo.git("push", server.url(place, key), SESSION)
    refused(repo, server.url(place, key), f"{tip}:refs/heads/main")
    rows = [row for row in server.admin.audit.rows(server.admin.client(client).id) if row["action"] == "push"]
    assert [row["outcome"] for row in rows] == ["ok", "refused"]
    assert json.loads(rows[0]["detail"])["refs"] == [[SESSION, "", tip]]
    assert rows[0]["key_id"] == server.admin.keys.all(client)[0].id
    assert not server.admin.audit.verify()


class TestWhatTheServerSaysOfItself:
    """Health, readiness, metrics, and a key that a client renews."""

    def test_health_and_readiness(self, server):
        assert server.get("/healthz")[0] == 200
        status, body, headers = server.get("/readyz")
        assert status == 200
        assert headers["content-type"] == "application/json"
        assert set(json.loads(body).values()) == {"ok"}

    @pytest.mark.usefixtures("pushed")
    def test_metrics_are_for_operators_and_name_no_client(self, server, client, pushed):
        del pushed
        assert server.get("/metrics")[0] == 401
        assert server.get("/metrics", server.key(client))[0] == 403
        status, body, _ = server.get("/metrics", server.key(""))
        assert status == 200
        counted = dict(line.rpartition(" ")[::2] for line in body.splitlines())
        pushes = float(counted['idse_pushes_total{result="ok",rule=""}'])
        assert 1 <= pushes <= float(counted["idse_judge_seconds_count"])
        assert client not in body

    def test_a_client_renews_its_key_by_itself(self, server, pushed, client, place):
        old = server.key(client)
        status, body, _ = server.get("/api/v1/keys/rotate", old, "POST")
        assert status == 200
        new = json.loads(body)["key"]
        assert refs(pushed, server.url(place, new)) == refs(pushed, server.url(place, old))
        assert server.get("/api/v1/keys/rotate", "idse_wrong", "POST")[0] == 401
        assert server.get("/api/v1/keys/rotate", new)[0] == 405


def test_where_signed_pushes_are_required_only_signers_that_are_listed_get_in(own_server, repo, tmp_path):
    bed = own_server
    rules = pathlib.Path(bed.home.rules)
    (rules / "agency.yaml").write_text("policy:\n  signed: required\n")
    for name in ("ann", "bob"):
        repo.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name))
    public = (tmp_path / "ann.pub").read_text()
    (rules / "signers").write_text(f"ann@example.org {public}")
    secret = bed.key("acme")
    bed.start()
    url = bed.url("acme/shop", secret)
    grown(repo)
    signed = ("-c", "gpg.format=ssh", "-c")

    def push(*options, flags=()):
        return repo.run("git", *options, "push", *flags, url, SESSION)

    plain = push()
    assert (plain.returncode, "error[unsigned]" in plain.stderr) == (1, True)
    stranger = push(*signed, f"user.signingKey={tmp_path / 'bob'}", flags=["--signed"])
    assert (stranger.returncode, "is not known here" in stranger.stderr) == (1, True)
    known = push(*signed, f"user.signingKey={tmp_path / 'ann'}", flags=["--signed"])
    assert known.returncode == 0, known.stderr
    rows = [row for row in bed.admin.audit.rows(bed.admin.client("acme").id) if row["action"] == "push"]
    assert rows[-1]["certificate"].startswith("certificate version 0.1\n")
    assert SESSION in rows[-1]["certificate"]
