"""The writing page of an Agency that serves, in a real browser."""

from __future__ import annotations

import functools
import http.client
import importlib.util
import json
import os
import pathlib
import re
import signal
import subprocess
import types
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from agency_bed import bearer
from idse_orchestrator.server.tenants.designs import Designs
from pushes import GOOD
from rest_bed import Rest, ready


@pytest.fixture
def ann(server, request):
    """A client with a session whose intent is complete, and a key of Ann that writes there."""
    return made(server, request.node.name)


def made(server, name):
    client = f"acme-{abs(hash(name)) % 10**8}"
    key = server.key(client, "read", "push", "create", "approve", name="Ann Lee")
    rest = Rest(server, key)
    rest.project("portal", "shop")
    (project,) = rest.get("/projects").data["items"]
    session = rest.session(project["id"], "login", title="Customers log in")
    assert rest.post(f"/sessions/{session}/stages/intent", {"action": "start"}).status == 200
    complete(rest, session, "intent")
    at = f"/c/{client}/shop/portal/login"
    return types.SimpleNamespace(client=client, key=key, rest=rest, session=session, at=at)


def complete(rest, session, stage):
    """Writes a document that holds, and completes its stage; the next one begins."""
    put(rest, session, f"{stage}.md", GOOD[stage].encode())
    said = rest.post(f"/sessions/{session}/stages/{stage}", {"action": "complete"})
    assert said.status == 200, said


def library(folder):
    """A library with one component."""
    (folder / "src").mkdir(parents=True)
    (folder / "README.md").write_text("# Kit\n")
    (folder / "src/button.css").write_text("a {}\n")
    button = {"name": "button", "summary": "A button", "files": ["src/button.css"]}
    made = {"format": 1, "library": "kit", "version": "1.0", "components": [button]}
    (folder / "design.json").write_text(json.dumps(made))
    return str(folder)


def put(rest, session, path, data):
    """Writes a document as it is, by REST."""
    said = rest.call("PUT", f"/sessions/{session}/artifacts/{path}", data, If_Match=f'"{rest.tip(session)}"')
    assert said.status == 200, said
    return said.data


def saved(server, own, path):
    """The bytes of a document, as git has them."""
    git_dir = server.home.git_dir(types.SimpleNamespace(client=own.client, repository="shop"))
    ref = git(git_dir, "for-each-ref", "--format=%(refname)", "refs/idse").decode().split()
    (ref,) = [each for each in ref if each.endswith("/login")]
    return git(git_dir, "cat-file", "blob", f"{ref}:artifacts/{path}"), git(
        git_dir, "log", "--format=%an %s", ref
    ).decode().splitlines()


def git(git_dir, *words):
    return subprocess.run(("git", "--git-dir", git_dir, *words), check=True, capture_output=True).stdout


def log_in(page, server, key, to="/"):
    """Pastes a key, as a person does."""
    page.goto(f"http://{server.address}/login?to={urllib.parse.quote(to)}")
    page.get_by_label("Key").fill(key)
    press(page, "Log in")
    return page


def write(page, server, own, path="spec.md", key=""):
    """Opens a document to write."""
    return log_in(page, server, key or own.key, f"{own.at}/write?document={path}")


def press(page, name, within=None):
    """Presses a button, and waits for the page that comes of it."""
    with page.expect_navigation():
        (within or page).get_by_role("button", name=name, exact=True).click()


def test_a_document_is_written_as_one_event(server, page, ann):
    ready(server)
    before = len(saved(server, ann, "spec.md")[1])
    seen = page()
    log_in(seen, server, ann.key, f"{ann.at}?document=spec.md")
    seen.get_by_role("link", name="Write spec.md").click()
    seen.get_by_label("Text", exact=True).fill("# Spec\n\nAs *Ann* wants it.\n")
    press(seen, "Check")
    assert "Checked, not saved" in seen.get_by_role("status").inner_text()
    headings = seen.get_by_role("heading", level=2).all_inner_texts()
    assert headings[0] == "Gate of spec"
    assert headings[1].startswith("What a save would change")
    assert seen.get_by_text("The gate on the text in the form").is_visible()
    assert seen.locator("section.document em").inner_text() == "Ann"
    assert saved(server, ann, "spec.md")[1][before:] == []
    press(seen, "Save")
    assert seen.get_by_role("status").inner_text().startswith("Saved.")
    data, log = saved(server, ann, "spec.md")
    assert data == b"# Spec\n\nAs *Ann* wants it.\n"
    assert len(log) == before + 1
    assert log[0].startswith("Ann Lee ")


BASES = {
    "plain": b"# Spec\n\nOne.\n",
    "CRLF": b"# Spec\r\n\r\nOne.\r\n",
    "mixed": b"# Spec\r\n\nOne.\r\ntwo\nthree\r\n",
    "lone CR": b"# Spec\rOne.\r\rtwo\n",
    "mark": b"\xef\xbb\xbf# Spec\nOne.\n",
    "mark and CRLF": b"\xef\xbb\xbf# Spec\r\nOne.",
    "no last newline": b"# Spec\nOne.",
    "many last newlines": b"\n\n# Spec\nOne.\n\n\n",
    "white space": b"  # Spec \t\n\tOne.  \n",
    "odd letters": "# Sp\u00e9c \u202e\u200b\u2028\x0b\x0c\x1b[31m \u0085 \ufeff e\u0301\n".encode(),
    "markup": b"</textarea><script>document.title='owned'</script> &amp; &lt; &#10; \"'\n",
    "empty": b"",
}


@pytest.mark.parametrize("name", BASES)
def test_a_save_without_a_change_is_the_same_to_the_byte(server, page, ann, name):
    put(ann.rest, ann.session, "notes.md", BASES[name])
    _, before = saved(server, ann, "notes.md")
    seen = write(page(), server, ann, "notes.md")
    press(seen, "Check")
    press(seen, "Save")
    assert seen.get_by_role("status").inner_text().startswith("Nothing was changed")
    assert saved(server, ann, "notes.md") == (BASES[name], before)
    assert "owned" not in seen.title()
    # And a line more at its end changes nothing else.
    area = seen.get_by_label("Text", exact=True)
    area.evaluate("area => { area.value += 'more' }")
    press(seen, "Save")
    data, after = saved(server, ann, "notes.md")
    assert data.startswith(BASES[name])
    assert b"more" in data[len(BASES[name]) :]
    assert len(after) == len(before) + 1


def test_two_browsers_race_and_the_other_one_sees_both_texts(server, page, ann):
    put(ann.rest, ann.session, "notes.md", b"# Notes\n\none\n\ntwo\n")
    bob = server.key(ann.client, "read", "push", name="Bob")
    mine, theirs = write(page(), server, ann, "notes.md"), write(page(360), server, ann, "notes.md", bob)
    mine.get_by_label("Text", exact=True).fill("# Notes\n\none\n\ntwo, says Ann\n")
    theirs.get_by_label("Text", exact=True).fill("# Notes\n\none, says Bob\n\ntwo\n")
    press(theirs, "Save")
    assert theirs.get_by_role("status").inner_text().startswith("Saved.")
    press(mine, "Save")
    assert "was changed while you wrote" in mine.get_by_role("alert").inner_text()
    assert mine.get_by_label("Your text").input_value() == "# Notes\n\none\n\ntwo, says Ann\n"
    other = mine.get_by_label(re.compile("As Bob, .* UTC, saved it"))
    assert other.input_value() == "# Notes\n\none, says Bob\n\ntwo\n"
    assert not other.is_editable()
    marked = mine.get_by_role("table", name="Lines that a save would change")
    assert marked.locator("ins").all_inner_texts() == [", says Ann"]
    assert marked.locator("del").all_inner_texts() == [", says Bob"]
    assert saved(server, ann, "notes.md")[0] == b"# Notes\n\none, says Bob\n\ntwo\n"
    press(mine, "Take both changes")
    assert (
        mine.get_by_label("Text", exact=True).input_value() == "# Notes\n\none, says Bob\n\ntwo, says Ann\n"
    )
    press(mine, "Save")
    data, log = saved(server, ann, "notes.md")
    assert data == b"# Notes\n\none, says Bob\n\ntwo, says Ann\n"
    assert [line.partition(" ")[0] for line in log[:2]] == ["Ann", "Bob"]


def test_of_two_that_save_at_once_one_wins_and_the_other_sees_both(server, ann):
    senders = [Sender(server, key) for key in (ann.key, server.key(ann.client, "read", "push", name="Bob"))]
    for turn in range(4):
        put(ann.rest, ann.session, "notes.md", b"turn %d\n" % turn)
        _, before = saved(server, ann, "notes.md")
        forms = [each.form(ann, text=f"by {number} in {turn}\n") for number, each in enumerate(senders)]
        with ThreadPoolExecutor(2) as pool:
            said = [*pool.map(lambda each, form: each.ask(f"{ann.at}/write", form), senders, forms)]
        assert sorted(each.status for each in said) == [303, 412]
        loser = next(number for number, each in enumerate(said) if each.status == 412)
        data, log = saved(server, ann, "notes.md")
        assert data == f"by {1 - loser} in {turn}\n".encode()
        assert len(log) == len(before) + 1
        assert f"by {loser} in {turn}\n</textarea>" in said[loser].text
        assert f"by {1 - loser} in {turn}\n</textarea>" in said[loser].text


def test_an_operator_writes_with_its_own_name(server, page, ann):
    put(ann.rest, ann.session, "notes.md", b"one\n")
    chief = server.key("", "read", "push", name="Chief")
    seen = write(page(), server, ann, "notes.md", chief)
    seen.get_by_label("Text", exact=True).fill("two\n")
    press(seen, "Save")
    data, log = saved(server, ann, "notes.md")
    assert (data, log[0]) == (b"two\n", "Chief saved notes.md")


def test_who_changed_the_same_line_decides(server, page, ann):
    put(ann.rest, ann.session, "notes.md", b"one\n")
    seen = write(page(), server, ann, "notes.md")
    put(ann.rest, ann.session, "notes.md", b"two\n")
    seen.get_by_label("Text", exact=True).fill("three\n")
    press(seen, "Check")  # tells it as well
    assert seen.get_by_label("Your text").input_value() == "three\n"
    assert seen.get_by_role("button", name="Take both changes").count() == 0
    press(seen, "Save yours over it")
    assert saved(server, ann, "notes.md")[0] == b"three\n"


def test_a_change_of_another_document_stops_nobody(server, page, ann):
    put(ann.rest, ann.session, "notes.md", b"one\n")
    seen = write(page(), server, ann, "notes.md")
    put(ann.rest, ann.session, "other.md", b"other\n")
    seen.get_by_label("Text", exact=True).fill("two\n")
    press(seen, "Save")
    assert seen.get_by_role("status").inner_text().startswith("Saved.")
    assert saved(server, ann, "notes.md")[0] == b"two\n"


def test_what_the_gate_refuses_keeps_the_text(server, page, ann):
    seen = write(page(), server, ann, "context.md")
    seen.get_by_label("Text", exact=True).fill("# Context\n\nToo short.\n")
    press(seen, "Save and complete context")
    assert "Not completed" in seen.get_by_role("alert").inner_text()
    rows = seen.get_by_role("table", name="What was found").get_by_role("row").all_inner_texts()
    assert any(row.startswith("IDSE") for row in rows[1:])
    assert seen.get_by_label("Text", exact=True).input_value() == "# Context\n\nToo short.\n"
    seen.get_by_label("Text", exact=True).fill(GOOD["context"])
    press(seen, "Save and complete context")
    status = seen.get_by_role("status")
    assert status.inner_text().startswith("Completed.")
    assert status.get_by_role("link", name="Write spec.md").is_visible()
    assert ann.rest.get(f"/sessions/{ann.session}").data["stages"][1]["status"] == "complete"


def test_what_is_complete_is_reopened_before_it_is_edited(server, page, ann):
    complete(ann.rest, ann.session, "context")
    seen = write(page(), server, ann, "intent.md")
    seen.get_by_label("Text", exact=True).fill(GOOD["intent"] + "More.\n")
    press(seen, "Save")
    assert "Not saved" in seen.get_by_role("alert").inner_text()
    assert seen.get_by_label("Text", exact=True).input_value() == GOOD["intent"] + "More.\n"
    press(seen, "Reopen intent and save")
    assert "Not saved" in seen.get_by_role("alert").inner_text()  # it wants a reason
    seen.get_by_label("Reason").fill("It was too short")
    press(seen, "Reopen intent and save")
    assert seen.get_by_role("status").inner_text().startswith("Reopened.")
    assert saved(server, ann, "intent.md")[0].decode() == GOOD["intent"] + "More.\n"
    seen.goto(f"http://{server.address}{ann.at}")
    change = seen.get_by_role("group").filter(has_text="since intent was complete")
    change.get_by_text("intent.md").first.click()
    assert change.get_by_role("row", name="added More.").is_visible()


def test_a_document_may_be_added(server, page, ann):
    seen = log_in(page(), server, ann.key, ann.at)
    seen.get_by_text("Add a document").click()
    seen.get_by_label("Path").fill("notes/first.md")
    press(seen, "Write")
    seen.get_by_label("Text", exact=True).fill("A note")
    press(seen, "Save")
    assert saved(server, ann, "notes/first.md")[0] == b"A note\n"
    for path in ("../x.md", "a//b.md"):
        said = seen.goto(f"http://{server.address}{ann.at}/write?document={urllib.parse.quote(path)}")
        assert said.status == 422, path


FIXED = {
    "no UTF-8": (b"caf\xe9\n" * 3, "no text in UTF-8"),
    "binary": (b"\x00\x01PNG", "NUL byte"),
    "large": (b"word " * 60_000, "300,000 bytes"),
}


@pytest.mark.parametrize("name", FIXED)
def test_what_is_no_text_is_shown_and_not_edited(server, page, ann, name):
    data, words = FIXED[name]
    put(ann.rest, ann.session, "notes.png", data)
    seen = write(page(), server, ann, "notes.png")
    assert words in seen.get_by_text("It cannot be edited here").inner_text()
    assert seen.get_by_role("textbox").count() == 0
    assert seen.get_by_role("button", name="Save").count() == 0


def test_a_key_that_is_revoked_meanwhile_saves_nothing_and_loses_nothing(server, page, ann):
    put(ann.rest, ann.session, "notes.md", b"one\n")
    key = server.key(ann.client, "read", "push", name="Bob")
    seen = write(page(), server, ann, "notes.md", key)
    server.admin.keys.revoke(server.admin.keys.caller(key).key_id)
    seen.get_by_label("Text", exact=True).fill("two\n")
    press(seen, "Save")
    assert "This login ended" in seen.get_by_role("alert").inner_text()
    assert seen.get_by_label("Your text").input_value() == "two\n"
    assert saved(server, ann, "notes.md")[0] == b"one\n"
    seen.get_by_label("Key").fill(ann.key)
    press(seen, "Log in")
    assert "Nothing is saved yet" in seen.get_by_role("status").inner_text()
    assert saved(server, ann, "notes.md")[0] == b"one\n"
    press(seen, "Save")
    assert saved(server, ann, "notes.md")[0] == b"two\n"


HOSTILE = (
    "# </textarea></title><script>document.title='owned'</script>\n\n<img src=x onerror=alert(1)> "
    "\u202eevil\u2066 \x1b[31m {{ 7 * 7 }} &lt;b&gt; <style>body{display:none}</style>\n\n"
    "[a](javascript:alert(1))\n"
)


def test_hostile_text_stays_text(server, page, ann):
    seen = write(page(), server, ann, "notes.md")
    seen.get_by_label("Text", exact=True).fill(HOSTILE)
    press(seen, "Check")
    press(seen, "Save")
    assert saved(server, ann, "notes.md")[0].decode() == HOSTILE
    put(ann.rest, ann.session, "notes.md", HOSTILE.upper().encode())
    seen.get_by_label("Text", exact=True).fill(HOSTILE + HOSTILE)
    press(seen, "Save")
    assert seen.get_by_label("Your text").input_value() == HOSTILE + HOSTILE
    assert seen.get_by_label(re.compile("As .* saved it")).input_value() == HOSTILE.upper()
    assert seen.locator("main img, main style, script, main a[href^=javascript]").count() == 0
    assert "owned" not in seen.title().lower()
    assert "<U+202E>" in seen.locator("section.document").inner_text()


# --- by HTTP alone: who may write, and what no other site can do ---


class Sender:
    """Sends forms without a browser; `cookie` is a login's."""

    def __init__(self, server, key):
        self.server = server
        said = self.ask("/login", {"key": key, "to": "/"})
        self.cookie = said.headers["set-cookie"].partition(";")[0]

    cookie = ""

    def ask(self, path, form=None, **headers):
        given = {"Cookie": self.cookie}
        if form is not None:
            given |= {"Origin": f"http://{self.server.address}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        body = None if form is None else urllib.parse.urlencode(form)
        connection = http.client.HTTPConnection(self.server.address, timeout=60)
        connection.request(
            "GET" if form is None else "POST", path, body, {n: v for n, v in given.items() if v}
        )
        answer = connection.getresponse()
        said = types.SimpleNamespace(
            status=answer.status, text=answer.read().decode(), headers=answer.headers
        )
        connection.close()
        return said

    def form(self, own, path="notes.md", **more):
        """What the form of a document holds."""
        text = self.ask(f"{own.at}/write?document={path}").text
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', text))
        return {**fields, "text": "text\n", "do": "save", **more}


def test_another_site_writes_nothing(server, ann):
    put(ann.rest, ann.session, "notes.md", b"one\n")
    sender = Sender(server, ann.key)
    form, at = sender.form(ann), f"{ann.at}/write"
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": ""}):
        assert sender.ask(at, form, **headers).status == 403
        assert sender.ask(f"{ann.at}/handoffs", form, **headers).status == 403
    assert sender.ask(at, form, Host="evil.example").status == 421
    said = sender.ask(at, {**form, "token": "x"})
    assert (said.status, "text\n</textarea>" in said.text) == (403, True)  # and it stays
    assert sender.ask(at, {name: form[name] for name in form if name != "token"}).status == 403
    bearer = {"Authorization": f"Bearer {ann.key}", "Cookie": ""}
    assert sender.ask(at, form, **bearer).status == 403
    assert sender.ask(at, **bearer).status == 403
    assert saved(server, ann, "notes.md")[0] == b"one\n"
    assert sender.ask(at, form).status == 303
    assert saved(server, ann, "notes.md")[0] == b"text\n"


def test_a_key_that_only_reads_sees_no_button_and_is_refused(server, page, ann):
    put(ann.rest, ann.session, "notes.md", b"one\n")
    key = server.key(ann.client, "read")
    seen = log_in(page(), server, key, f"{ann.at}?document=notes.md")
    assert seen.get_by_role("button").all_inner_texts() == ["Log out"]
    assert seen.get_by_role("link", name="Write").count() == 0
    assert seen.goto(f"http://{server.address}{ann.at}/write?document=notes.md").status == 403
    form, sender = Sender(server, ann.key).form(ann), Sender(server, key)
    token = re.search(r'name="token" value="(\w+)"', sender.ask(ann.at).text)[1]
    for do in ("save", "check", "start", "reopen"):
        said = sender.ask(f"{ann.at}/write", {**form, "token": token, "do": do, "document": "intent.md"})
        assert said.status == 403, do
    said = sender.ask(f"{ann.at}/handoffs", {"token": token, "action": "request", "to": "x", "reason": "y"})
    assert said.status == 403
    assert saved(server, ann, "notes.md")[0] == b"one\n"


def test_another_client_finds_nothing(server, ann):
    other = made(server, "another")
    sender = Sender(server, other.key)
    form = sender.form(other)
    for path in (f"{ann.at}/write", f"{ann.at}/handoffs", "/c/nobody/shop/portal/login/write"):
        assert sender.ask(path, form).status == 404
        assert sender.ask(f"{path}?document=notes.md").status in (303, 404)
    nobody = f"{ann.at.replace(ann.client, 'nobody')}/write"
    assert sender.ask(f"{ann.at}/write").text == sender.ask(nobody).text
    # A commit of theirs is none of ours, whoever names it.
    tip = ann.rest.tip(ann.session)
    stale = {**sender.form(other, "intent.md"), "was": tip, "blob": "0" * 40, "do": "both"}
    assert "Both changes are in the text" not in sender.ask(f"{other.at}/write", stale).text


def test_odd_forms_harm_nothing(server, ann):
    sender = Sender(server, ann.key)
    form, at = sender.form(ann), f"{ann.at}/write"
    for odd in (
        {"do": "delete"},
        {"do": ""},
        {"text": "a\0b"},
        {"document": "../x"},
        {"document": "notes.md", "do": "complete"},
        {"text": "x" * (1 << 20) + "y"},
    ):
        assert sender.ask(at, {**form, **odd}).status == 422, odd
    assert sender.ask(at, {**form, "tip": "x", "blob": "y", "was": "--help"}).status == 412
    assert sender.ask(at, {**form, "text": "x" * (5 << 20)}).status == 413
    for name in ("x" * 256, "a\0b"):
        assert sender.ask(f"{at}?{urllib.parse.urlencode({'document': name})}").status == 422
        assert sender.ask(at, {**form, "document": name, "do": "check"}).status == 422
    assert sender.ask(at, {**form, **dict.fromkeys(map(str, range(40)), "")}).status == 422
    long = sender.ask(at, {**form, "text": "é" * (129 << 10)})
    assert (long.status, "too long for a page" in long.text, "é" * (129 << 10) in long.text) == (
        422,
        True,
        True,
    )
    connection = http.client.HTTPConnection(server.address, timeout=60)
    connection.request(
        "POST", at, b"text=%ff&do=save", {"Cookie": sender.cookie, "Origin": f"http://{server.address}"}
    )
    assert connection.getresponse().status == 422
    connection.close()


def test_a_database_that_is_away_loses_no_text(own_server, page):
    own_server.start()
    own = made(own_server, "away")
    ready(own_server)
    seen = write(page(), own_server, own, "notes.md")
    seen.get_by_label("Text", exact=True).fill("typed meanwhile\n")
    (follower,) = [each for each in own_server.children() if "follower" in command(each)]
    os.kill(follower, signal.SIGSTOP)
    try:
        for path in pathlib.Path(own_server.home.path).glob("projection.db*"):
            path.unlink()
        press(seen, "Save")
        assert seen.get_by_label("Your text").input_value() == "typed meanwhile\n"
    finally:
        os.kill(follower, signal.SIGCONT)
    own_server.until(lambda: own.rest.get("/sessions").status == 200)
    own_server.until(lambda: own.rest.get("/sessions").data["items"])
    press(seen, "Try again")
    assert seen.get_by_label("Text", exact=True).input_value() == "typed meanwhile\n"
    press(seen, "Save")
    assert saved(own_server, own, "notes.md")[0] == b"typed meanwhile\n"


def command(process):
    """How a process was started."""
    return pathlib.Path(f"/proc/{process}/cmdline").read_text()


def test_a_login_that_ended_loses_no_text_that_a_page_takes(server, ann):
    sender = Sender(server, ann.key)
    form, at = sender.form(ann), f"{ann.at}/write"
    sender.cookie = "idse=ended"
    for text in ("\n" * (256 << 10), "日" * 87_000):
        said = sender.ask(at, {**form, "text": text.replace("\n", "\r\n")})
        assert said.status == 401
        assert text in said.text.replace("\r\n", "\n")


def test_a_server_that_is_read_only_says_so_and_keeps_the_text(own_server, page):
    own_server.start()
    own = made(own_server, "read-only")
    put(own.rest, own.session, "notes.md", b"one\n")
    form = Sender(own_server, own.key).form(own)
    own_server.stop()
    own_server.start("--read-only")
    ready(own_server)
    sender = Sender(own_server, own.key)
    token = re.search(r'name="token" value="(\w+)"', sender.ask(own.at).text)[1]
    assert sender.ask(f"{own.at}/write?document=notes.md").status == 503
    said = sender.ask(f"{own.at}/write", {**form, "token": token})
    assert said.status == 503
    assert "text\n</textarea>" in said.text
    seen = log_in(page(), own_server, own.key, own.at)
    assert seen.get_by_role("link", name="Write").count() == 0


def test_what_was_acknowledged_is_in_git_after_a_kill(own_server, page):
    own_server.start()
    own = made(own_server, "killed")
    put(own.rest, own.session, "notes.md", b"one\n")
    seen = write(page(), own_server, own, "notes.md")
    seen.get_by_label("Text", exact=True).fill("two\n")
    press(seen, "Save")
    assert seen.get_by_role("status").inner_text().startswith("Saved.")
    own_server.stop(signal.SIGKILL)
    data, log = saved(own_server, own, "notes.md")
    assert (data, log[0]) == (b"two\n", "Ann Lee saved notes.md")
    # The form is still there, and the next server takes it.
    seen.get_by_label("Text", exact=True).fill("three\n")
    own_server.start(listen=own_server.address)
    press(seen, "Save")
    assert saved(own_server, own, "notes.md")[0] == b"three\n"


# --- handoffs and designs ---


@pytest.fixture
def pushed(server, loop, request):
    """A client whose clone brought its blueprint, with two agents and a rule that a person approves."""
    client = f"loop-{abs(hash(request.node.name)) % 10**8}"
    key = server.key(client, "read", "push", "create", "approve", name="Ann Lee")
    env = bearer(key)
    loop.does("agents", "add", "claude", "--stage", "intent")
    loop.does("agents", "add", "codex", "--stage", "context")
    loop.does("agents", "rule", "add", "intent", "claude", "context", "codex", "--requires-approval")
    loop.does("sync", "setup", server.url(f"{client}/portal"), env=env)
    at = f"/c/{client}/portal/portal/__blueprint__"
    return types.SimpleNamespace(client=client, key=key, env=env, at=at, loop=loop)


def test_a_handoff_is_asked_for_approved_and_answered(server, page, pushed):
    loop = pushed.loop
    loop.finish("intent", begins_next=False)
    loop.does("agents", "assign", "context", "claude")
    loop.does("sync", "push", env=pushed.env)
    seen = log_in(page(), server, pushed.key, pushed.at)
    seen.get_by_text("Ask an agent to go on").click()
    seen.get_by_label("Agent").fill("nobody-knows-it")
    seen.get_by_label("Reason", exact=True).fill("Because of <b>this</b>")
    press(seen, "Ask")
    assert "Not done" in seen.get_by_role("alert").inner_text()
    assert seen.get_by_label("Agent").input_value() == "nobody-knows-it"
    assert seen.get_by_label("Reason", exact=True).input_value() == "Because of <b>this</b>"
    seen.get_by_label("Agent").fill("codex")
    seen.get_by_label("Stage").select_option("context")
    press(seen, "Ask")
    row = seen.locator("form.handoff").filter(has_text="asked by Ann Lee")
    assert "Because of <b>this</b>" in row.inner_text()
    bob = log_in(page(), server, server.key(pushed.client, "read", "push", name="Bob"), pushed.at)
    assert bob.get_by_role("button", name="Approve").count() == 0
    if row.get_by_role("button", name="Approve").count():
        press(seen, "Approve", row)
    press(seen, "Accept", row)
    assert seen.get_by_text("None is open.").is_visible()
    events = seen.get_by_role("table", name="Events, the newest first").get_by_role("row")
    assert any("handoff accepted" in row for row in events.all_inner_texts()[:4])
    # Somebody else answers what is not open any more.
    assert bob.get_by_role("button", name="Reject").is_visible()
    bob.get_by_label("Reason for the answer about context").fill("Mine")
    press(bob, "Reject")
    assert "Not done" in bob.get_by_role("alert").inner_text()


def test_designs_are_linked_and_what_changed_since_complete_is_told(server, page, pushed, tmp_path):
    loop = pushed.loop
    Designs(server.home.path).add(library(tmp_path / "kit"))
    loop.finish("intent", "context")
    for stage in ("context", "intent"):
        loop.does("stage", "reopen", stage, "-m", "again")
    loop.edit("plan.md", "# Plan\n\nagency://kit/button, agency://kit/nothing.\n")
    loop.edit("intent.md", loop.text("intent.md") + "\nOne line more.\n")
    loop.does("save")
    loop.does("sync", "push", env=pushed.env)
    seen = log_in(page(360, dark=True), server, pushed.key, pushed.at)
    seen.get_by_text("intent.md since intent was complete").click()
    table = seen.get_by_role("table", name="What changed in intent.md")
    assert "One line more." in table.get_by_role("row", name="added").last.inner_text()
    assert not seen.evaluate(WIDE)
    assert barriers(seen) == []
    assert seen.get_by_text("agency://kit/nothing").is_visible()
    assert seen.get_by_role("link", name="agency://kit/nothing").count() == 0
    seen.get_by_role("link", name="agency://kit/button").click()
    assert seen.get_by_text("A button", exact=True).is_visible()
    assert "a {}" in seen.locator("pre").first.inner_text()
    assert barriers(seen) == []


# --- how the pages are made ---

WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize(("width", "dark"), [(360, False), (360, True), (1280, False), (1280, True)])
def test_it_fits_and_keeps_nobody_out(server, page, ann, width, dark):
    put(
        ann.rest,
        ann.session,
        f"{'a-long-name-' * 12}/notes.md",
        f"# x\n\n{'w' * 300}\n\n| a |\n|---|\n| b |\n".encode(),
    )
    seen = write(page(width, dark=dark), server, ann, "context.md")
    for path in ("context.md", "intent.md", f"{'a-long-name-' * 12}/notes.md"):
        seen.goto(f"http://{server.address}{ann.at}/write?document={path}")
        seen.get_by_label("Text", exact=True).fill("# More\n\n" + "[REQUIRES INPUT]\n" * 60)
        press(seen, "Check")
        assert not seen.evaluate(WIDE)
        assert barriers(seen) == []
        press(seen, "Save")  # one of them is refused
        assert not seen.evaluate(WIDE)
        assert barriers(seen) == []
        assert seen.evaluate("performance.getEntriesByType('navigation')[0].decodedBodySize") < 60_000
    seen.goto(f"http://{server.address}{ann.at}")
    assert not seen.evaluate(WIDE)
    assert barriers(seen) == []


def barriers(page):
    """What axe-core finds in a page."""
    page.evaluate(axe())
    asked = "axe.run().then(all => all.violations.map(each => `${each.id}: ${each.nodes[0].html}`))"
    return page.evaluate(asked)


@functools.cache
def axe():
    folder = importlib.util.find_spec("axe_core_python").submodule_search_locations[0]
    return (pathlib.Path(folder) / "axe.min.js").read_text()


def test_all_of_it_is_done_with_keys(server, page, ann):
    seen = log_in(page(), server, ann.key, ann.at)
    link = seen.get_by_role("link", name="Write context.md")
    link.focus()
    seen.keyboard.press("Enter")
    seen.wait_for_url("**/write?document=context.md")
    for _ in range(40):
        seen.keyboard.press("Tab")
        if seen.evaluate("document.activeElement.id") == "text":
            break
    seen.keyboard.press("Control+A")
    seen.keyboard.type("# By keys")
    seen.keyboard.press("Tab")
    seen.keyboard.press("Tab")
    assert seen.evaluate("document.activeElement.textContent") == "Save"
    seen.keyboard.press("Enter")
    assert seen.get_by_role("status").inner_text().startswith("Saved.")
    assert saved(server, ann, "context.md")[0] == b"# By keys\n"
