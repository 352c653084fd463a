"""A password or token in a URL is in no message, JSON, log or record of idse, wherever it was written."""

from __future__ import annotations

import json

import pytest

from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.redaction import has_secret, redacted

SECRET = "gEhEiM"
URLS = {
    "password": f"https://me:{SECRET}@127.0.0.1:1/x.git",
    "token as user": f"http://{SECRET}@127.0.0.1:1/x.git",
    "parameter": f"https://127.0.0.1:1/x.git?private_token={SECRET}",
    "second parameter": f"https://127.0.0.1:1/x.git?depth=1&X-Amz-Signature={SECRET}",
    "fragment": f"https://127.0.0.1:1/x.git#access_token={SECRET}",
    "ssh": f"ssh://git:{SECRET}@127.0.0.1:1/x.git",
}
COMMANDS = [
    ("config", "list"),
    ("config", "list", "--json"),
    ("config", "list", "--show-origin"),
    ("config", "get", "agency.url"),
    ("config", "get", "agency.url", "--json"),
    ("status",),
    ("sync", "status"),
    ("sync", "status", "--json"),
    ("sync", "push", "-vv"),
    ("sync", "pull", "--json"),
    ("doctor",),
    ("doctor", "--json"),
    ("uninstall", "--dry-run"),
]


def assert_silent(repo, *args, **options):
    """Run idse, which may fail; it says nothing of the secret."""
    done = repo.idse(*args, **options)
    assert done.returncode != 70, done.stderr
    shown = (done.stdout + done.stderr).replace(SECRET.lower(), SECRET)
    assert SECRET not in shown, f"idse {' '.join(args)}"


@pytest.mark.parametrize("url", URLS.values(), ids=[*URLS])
def test_a_setting_with_a_secret_is_never_printed(loop, url):
    loop.git("config", "idse.agency.url", url)
    for args in COMMANDS:
        assert_silent(loop, *args)
    log = loop.path / ".git/idse/log"
    assert not log.exists() or SECRET not in log.read_text()


@pytest.mark.parametrize("url", [URLS["password"], URLS["parameter"]])
def test_a_remote_with_a_secret_is_never_printed(loop, make_repo, url):
    loop.git("remote", "add", "agency", url)
    for args in COMMANDS[6:]:
        assert_silent(loop, *args)
    fresh = make_repo("fresh")
    fresh.git("remote", "add", "origin", url)
    assert_silent(fresh, "init", "portal")


@pytest.mark.parametrize("url", [URLS["password"], URLS["parameter"]])
def test_words_that_are_refused_are_told_without_the_secret(loop, url):
    env = {"IDSE_AGENCY_URL": url}
    for args in (
        ("config", "set", "agency.url", url),
        ("sync", "setup", url),
        ("sync", "setup", "--remote", url),
        ("init", "other", "--agency", url),
        ("spawn", url),
        ("status", "--project", url),
        ("show", url),
        ("no-such-command", url),
        (url,),
        ("status", f"--{url}"),
        ("log", "--since", url),
    ):
        assert_silent(loop, *args)
        assert_silent(loop, *args, env=env)
    assert SECRET not in (loop.path / ".git/config").read_text()


def test_a_hook_and_an_agent_are_told_without_the_secret(loop):
    loop.git("config", "idse.project", URLS["password"])
    call = json.dumps({"cwd": str(loop.path), "session_id": "s"})
    for hook in ("agent-session-start", "agent-stop"):
        assert_silent(loop, "hook", hook, stdin=call)
    loop.edit("intent.md", "changed\n")
    loop.git("add", "--all")
    done = loop.run("git", "commit", "-qm", "x")
    assert SECRET not in done.stdout + done.stderr


def test_a_setting_with_a_secret_is_not_written(loop):
    done = loop.idse("config", "set", "agency.url", URLS["parameter"])
    assert done.returncode == 2
    assert "private_token=***" in done.stderr
    assert "git config credential.helper" in done.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fatal: unable to access 'https://a:b@h/x/'", "fatal: unable to access 'https://h/x/'"),
        ("https://h/x?token=abc&ref=main", "https://h/x?token=***&ref=main"),
        ("https://h/x?Access_Token=abc'", "https://h/x?Access_Token=***'"),
        ("https://h/x?api-key=abc#frag", "https://h/x?api-key=***#frag"),
        ("x?sig=a%2Bb;y", "x?sig=***;y"),
        ("remote: ghp_0123456789abcdefghij is expired", "remote: ghp_*** is expired"),
        ("http.extraheader=AUTHORIZATION: basic eHg6eA==", "http.extraheader=AUTHORIZATION: basic ***"),
        ("ssh://git:pw@h/x git@h:x ssh://git@h/x", "ssh://git@h/x git@h:x ssh://git@h/x"),
        ("https://h/x?ref=main&depth=1 a=b", "https://h/x?ref=main&depth=1 a=b"),
        ("nothing = secret, ghost", "nothing = secret, ghost"),
    ],
)
def test_what_the_one_redaction_takes_out(text, shown):
    assert redacted(text) == shown
    assert redacted(shown) == shown
    assert has_secret(text) is (text != shown)


def test_no_error_carries_a_secret():
    url = URLS["parameter"]
    error = GitFailedError(url, where=url, cause=url, fix=(url,))
    assert SECRET not in f"{error} {error.message} {error.where} {error.cause} {error.fix} {error.args}"
