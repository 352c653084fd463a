"""What a server says to `idse sync`: refusals by name, busy answers, what it cannot do, and who is let in."""

from __future__ import annotations

import json
import os
import re
import time

import pytest

from web import served

FOLDER = ".idse/projects/portal/sessions"
LOGIN = "refs/idse/sessions/portal/login"
PAY = "refs/idse/sessions/portal/pay"
LONG_AGO = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.fixture
def agency(bare_remote):
    bare_remote.git("config", "http.receivepack", "true")
    return bare_remote


@pytest.fixture
def web(agency):
    with served(agency.path.parent) as handler:
        handler.url += f"/{agency.path.name}"
        yield handler


@pytest.fixture
def one(begun, agency):
    """A clone with the sessions login and pay, both on the Agency, and news in both."""
    assert begun.idse("session", "new", "pay").returncode == 0
    assert begun.idse("sync", "setup", str(agency.path)).returncode == 0
    assert begun.idse("sync", "push").returncode == 0
    for session in ("login", "pay"):
        edit(begun, session)
    return begun


@pytest.fixture
def far(one, web):
    """The same, with the Agency over http."""
    one.git("remote", "set-url", "agency", web.url)
    web.seen.clear()
    return one


def edit(repo, session):
    repo.write(f"{FOLDER}/{session}/intent.md", f"# A title\n\nText {os.urandom(4).hex()}.\n")
    assert repo.idse("save", session).returncode == 0


def pushed(repo, code, *more, **options):
    done = repo.idse("sync", "push", *more, **options)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def results(repo, code):
    data = json.loads(pushed(repo, code, "--json").stdout)["data"]
    return {ref["ref"]: ref for ref in data["refs"] if "/sync/" not in ref["ref"]}


def hook(repo, *lines):
    """A pre-receive hook that reads what comes, and refuses where one of the refs is that of login."""
    path = repo.path / "hooks/pre-receive"
    body = "\n".join(lines)
    path.write_text(f"#!/bin/sh\ngrep -q {LOGIN} || exit 0\n{body}\nexit 1\n")
    path.chmod(0o755)
    return path


def says(*lines):
    return "\n".join(f"printf '%s\\n' '{line}' >&2" for line in lines)


def tip(repo, ref):
    return repo.git("rev-parse", ref)


# --- refusals by name ---


@pytest.mark.parametrize("prefix", ["", "idse: "])
@pytest.mark.parametrize("how", ["path", "http"])
def test_a_ref_that_the_agency_names_is_rejected_alone_with_its_words(one, agency, request, how, prefix):
    if how == "http":
        request.getfixturevalue("far")
    why = "error[IDSE402] intent.md changed after intent was completed"
    hook(agency, says(f"{prefix}refused {LOGIN}: {why}", f"{prefix}  idse stage reopen intent"))
    done = pushed(one, 1)
    assert re.search(r"pushed +portal/pay\b", done.stdout)
    assert re.search(
        rf"rejected +portal/login.*\n +{re.escape(why)}\n +idse stage reopen intent\n", done.stdout
    )
    assert done.stdout.count("IDSE402") == 1
    assert tip(agency, PAY) == tip(one, PAY)
    assert tip(agency, LOGIN) != tip(one, LOGIN)
    again = results(one, 1)
    assert (again[LOGIN]["why"], again[LOGIN]["hint"]) == (why, "idse stage reopen intent")
    assert list(again) == [LOGIN]


def test_who_names_none_of_our_refs_rejects_all_of_them(one, agency):
    hook(agency, says("refused refs/idse/sessions/other/x: error[IDSE402] no", "closed today"))
    found = results(one, 1)
    assert {ref: each["result"] for ref, each in found.items()} == {LOGIN: "rejected", PAY: "rejected"}
    assert all("closed today" in each["why"] for each in found.values())


def test_who_names_every_ref_is_asked_once(one, agency):
    hook(agency, "echo x >>asked", says(*(f"refused {ref}: error[IDSE101] no" for ref in (LOGIN, PAY))))
    found = results(one, 1)
    assert {each["why"] for each in found.values()} == {"error[IDSE101] no"}
    assert agency.read("asked").count(b"x") == 1


def test_what_an_agency_says_reaches_no_terminal_as_a_command(one, agency):
    hook(agency, f"printf 'refused {LOGIN}: error[X] \\033]0;owned\\007\\033[2J\\n  \\033[31mred\\n' >&2")
    done = pushed(one, 1)
    assert "owned" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout + done.stderr


def test_a_flood_of_words_hides_nothing_and_ends(one, agency):
    flood = (
        "i=0; while [ $i -lt 100000 ]; do echo 'refused refs/idse/x/'$i': error[X] no'; i=$((i+1)); done >&2"
    )
    hook(agency, says(f"refused {LOGIN}: error[IDSE402] " + "x" * 5_000), flood)
    done = pushed(one, 1)
    assert tip(agency, PAY) == tip(one, PAY)
    assert "IDSE402" in done.stdout
    assert len(done.stdout) < 5_000


def test_an_agency_that_refuses_another_ref_each_time_is_not_asked_for_ever(one, agency):
    for number in range(8):
        assert one.idse("session", "new", f"more-{number}").returncode == 0
    path = agency.path / "hooks/pre-receive"
    path.write_text(
        '#!/bin/sh\necho x >>asked\nread old new ref\necho "refused $ref: error[IDSE402] no" >&2\nexit 1\n'
    )
    path.chmod(0o755)
    found = results(one, 1)
    assert {each["result"] for each in found.values()} == {"rejected"}
    assert len(found) == 10
    assert agency.read("asked").count(b"x") < 8


def test_an_agency_that_is_too_old_is_told_as_that(one, agency):
    hook(agency, says(f"refused {LOGIN}: error[newer-format] format 9 is newer", "  install a newer idse"))
    found = results(one, 1)
    assert "newer-format" in found[LOGIN]["why"]
    assert "the Agency must be upgraded first" in found[LOGIN]["hint"]
    assert "install" not in found[LOGIN]["hint"]
    assert found[PAY]["result"] == "pushed"


# --- a server that has no time ---


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "part", ["info/refs?service=git-upload-pack", "info/refs?service=git-receive-pack", "/git-receive-pack"]
)
def test_a_server_that_asks_to_come_back_is_asked_again_then(far, web, agency, status, part):
    web.first.append((part, status, {"Retry-After": "2"}))
    begin = time.monotonic()
    pushed(far, 0)
    assert time.monotonic() - begin >= 2
    assert tip(agency, LOGIN) == tip(far, LOGIN)


def test_a_fetch_that_has_to_wait_waits(far, web, agency, make_repo):
    pushed(far, 0)
    other = make_repo("other")
    assert other.idse("sync", "setup", web.url).returncode == 0
    web.first.append(("/git-upload-pack", 503, {"Retry-After": "1"}))
    web.first.append(("/git-upload-pack", 429, {"retry-after": "1"}))
    assert other.idse("sync", "pull").returncode == 0
    assert web.first == []
    assert tip(other, LOGIN) == tip(far, LOGIN)


@pytest.mark.parametrize(("status", "words"), [(429, "asks for less"), (503, "is busy")])
def test_a_server_that_asks_for_a_long_time_is_told_at_once_as_busy(far, web, status, words):
    web.first += [("", status, {"Retry-After": "3600"})] * 9
    begin = time.monotonic()
    done = pushed(far, 75)
    assert time.monotonic() - begin < 20
    assert f"the Agency {words}" in done.stderr
    assert "come back in 3600 s" in done.stderr
    assert "cannot be reached" not in done.stderr
    assert far.idse("sync", "status").returncode == 75


def test_a_date_says_when_too_and_one_that_is_over_is_no_wait(far, web):
    web.first.append(("", 503, {"Retry-After": LONG_AGO}))
    pushed(far, 0)


def test_a_server_that_never_has_time_is_given_up_within_bounds(far, web):
    web.answer = 503
    begin = time.monotonic()
    done = pushed(far, 75, env={"GIT_TRACE_CURL": str(far.path / "trace")})
    assert time.monotonic() - begin < 30
    assert "does not say when" in done.stderr
    assert 3 <= len(web.seen) <= 5


def test_no_secret_of_a_request_is_written_anywhere(far, web):
    web.password = "c2VjcmV0"
    web.first.append(("", 429, {"Retry-After": "9999"}))
    settings = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": "Authorization: Basic c2VjcmV0",
        "GIT_TRACE_REDACT": "0",
    }
    done = pushed(far, 75, env=settings)
    assert "c2VjcmV0" not in done.stdout + done.stderr
    assert far.run("grep", "-r", "c2VjcmV0", ".").stdout == ""
    assert not list(far.path.rglob("*trace*"))


@pytest.mark.parametrize(("status", "words"), [(413, "has no room"), (507, "has no room")])
def test_a_server_without_room_is_told_as_that(far, web, status, words):
    web.first.append(("/git-receive-pack", status, {}))
    done = pushed(far, 2)
    assert words in done.stderr


# --- what a server cannot do ---


@pytest.mark.parametrize("how", ["path", "http"])
def test_a_server_that_takes_no_signed_push_is_told_as_that(one, request, how):
    if how == "http":
        request.getfixturevalue("far")
    one.git("config", "push.gpgSign", "true")
    done = pushed(one, 2)
    assert "takes no signed pushes" in done.stderr
    assert "git config push.gpgSign if-asked" in done.stderr
    assert "cannot be reached" not in done.stderr
    one.git("config", "push.gpgSign", "if-asked")
    pushed(one, 0)


def test_a_server_that_takes_no_push_options_is_told_as_that(far):
    far.git("config", "push.pushOption", "x=y")
    assert "takes no push options" in pushed(far, 2).stderr


# --- who is let in ---


def by_environment(*pairs):
    found = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def test_a_token_in_a_header_from_the_environment_lets_in(far, web, agency):
    web.password = "geheim"
    pushed(far, 4)
    token = ("http.extraHeader", "Authorization: Bearer geheim")
    pushed(far, 0, env=by_environment(token))
    assert tip(agency, LOGIN) == tip(far, LOGIN)
    edit(far, "login")
    pushed(far, 0, env=by_environment((f"http.{web.url}.extraHeader", token[1]), ("http.proxy", "")))


def test_settings_of_the_environment_lead_nowhere_else_and_change_nothing_here(one, agency, tmp_path):
    other = tmp_path / "other.git"
    one.run("git", "init", "-q", "--bare", str(other))
    given = by_environment((f"url.{other}.insteadOf", str(agency.path)), ("core.commentChar", "bogus bogus"))
    pushed(one, 0, env=given)
    assert tip(agency, LOGIN) == tip(one, LOGIN)
    assert one.run("git", "-C", str(other), "for-each-ref").stdout == ""
    edit(one, "login")
    inherited = {"GIT_CONFIG_PARAMETERS": f"'url.{other}.insteadof'='{agency.path}'"}
    pushed(one, 0, env=inherited)
    assert one.run("git", "-C", str(other), "for-each-ref").stdout == ""


@pytest.mark.parametrize("given", [{"GIT_CONFIG_COUNT": "x"}, {"GIT_CONFIG_COUNT": "2000000000"}])
def test_settings_of_the_environment_that_cannot_be_read_are_told(far, given):
    assert "GIT_CONFIG_COUNT" in pushed(far, 2, env=given).stderr


def test_a_user_name_is_no_password(one, web, agency):
    web.password = "bWU6Z2VoZWlt"
    one.git("remote", "remove", "agency")
    url = web.url.replace("http://", "http://me@")
    one.git("config", "credential.helper", "!f() { cat >asked; echo password=geheim; }; f")
    assert one.idse("sync", "setup", url).returncode == 0
    pushed(one, 0)
    assert one.git("config", "remote.agency.url") == url
    assert b"username=me" in one.read("asked")
    one.git("remote", "remove", "agency")
    edit(one, "login")
    done = pushed(one, 0, env={"IDSE_AGENCY_URL": url})
    assert "me@" not in done.stdout + done.stderr
    assert tip(agency, LOGIN) == tip(one, LOGIN)


@pytest.mark.parametrize(
    "user",
    ["me:geheim", "me:", "ghp_0123456789abcdefghij", "idse_" + "a1" * 20, "0123456789abcdef0123456789abcdef"],
)
def test_a_password_or_a_token_in_the_url_is_refused(one, web, user):
    one.git("remote", "remove", "agency")
    url = web.url.replace("http://", f"http://{user}@")
    for done in (one.idse("sync", "setup", url), one.idse("sync", "push", env={"IDSE_AGENCY_URL": url})):
        assert done.returncode == 2
        assert "password or a token" in done.stderr
        assert user not in done.stderr


# --- turns ---


def test_a_push_with_news_is_one_turn(far, web):
    far.git("config", "http.extraHeader", "X-Mine: yes")
    pushed(far, 0)
    turns = {headers.get("Idse-Turn") for _, headers in web.seen}
    assert len(turns) == 1
    assert re.fullmatch(r"[0-9a-f]{32}", turns.pop())
    assert {headers.get("X-Mine") for _, headers in web.seen} == {"yes"}
    web.seen.clear()
    pushed(far, 0)
    far.idse("sync", "pull")
    far.idse("sync", "status")
    edit(far, "login")
    pushed(far, 0, "--dry-run")
    assert {headers.get("Idse-Turn") for _, headers in web.seen} == {None}
