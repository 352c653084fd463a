"""The writing page of an Agency that serves, in a real browser."""

from __future__ import annotations

import http.client
import subprocess
import types
import urllib.parse

import pytest

from pushes import GOOD
from rest_bed import Rest, ready

STAGE = "spec"


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
    page.get_by_role("button", name="Log in").click()
    return page


def write(page, server, own, path="spec.md", key=""):
    """Opens a document to write."""
    return log_in(page, server, key or own.key, f"{own.at}/write?document={path}")


def text(page):
    return page.get_by_role("textbox", name="ext", exact=False).first


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def test_a_document_is_written_as_one_event(server, page, ann):
    ready(server)
    before = len(saved(server, ann, "spec.md")[1])
    seen = page()
    log_in(seen, server, ann.key, f"{ann.at}?document=spec.md")
    seen.get_by_role("link", name="Write spec.md").click()
    seen.get_by_label("Text", exact=True).fill("# Spec\n\nAs *Ann* wants it.\n")
    press(seen, "Check")
    assert seen.get_by_role("heading", name="Gate of spec").is_visible()
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
    "odd letters": "# Sp\u00e9c \u202e\u200b\u2028\x0b\x0c\x1b[31m \u0085 \ufeff e\u0301 \U0001f600\n".encode(),
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
    other = mine.get_by_label("The text that somebody else saved")
    assert other.input_value() == "# Notes\n\none, says Bob\n\ntwo\n"
    assert not other.is_editable()
    marked = mine.get_by_role("table", name="Lines that a save would change")
    assert marked.locator("ins").all_inner_texts() == [", says Ann"]
    assert marked.locator("del").all_inner_texts() == [", says Bob"]
    assert saved(server, ann, "notes.md")[0] == b"# Notes\n\none, says Bob\n\ntwo\n"
    press(mine, "Take both changes")
    assert mine.get_by_label("Text", exact=True).input_value() == "# Notes\n\none, says Bob\n\ntwo, says Ann\n"
    press(mine, "Save")
    data, log = saved(server, ann, "notes.md")
    assert data == b"# Notes\n\none, says Bob\n\ntwo, says Ann\n"
    assert [line.partition(" ")[0] for line in log[:2]] == ["Ann", "Bob"]


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
    assert "Saved, and then refused" in seen.get_by_role("alert").inner_text()
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
