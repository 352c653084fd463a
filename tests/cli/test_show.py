"""`idse show`: one entry in full, found by whatever people have at hand."""

from __future__ import annotations

import json
import subprocess

import pytest

from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.worktree.workspace import GitWorkspace

SPEC = ".idse/projects/portal/sessions/login/spec.md"
BYTES = b"caf\xe9 \x00\r\n\x1b[2J"


@pytest.fixture
def portal(repo):
    """A session with two saved versions of its spec, the second one binary."""
    repository = discover(str(repo.path))
    writer = ledger_writer(repository)
    ledger_writer(repository).append_to_project(
        "portal", lambda _tip: Draft("created", {"project": "portal"})
    )
    repo.commits = []
    for text, body in (
        (b"one\n", {"changed": {"spec.md": "1"}}),
        (BYTES, {"changed": {"spec.md": "2"}, "reason": "Why."}),
    ):
        repo.write(SPEC, text)
        tree = GitWorkspace(repository).capture("portal", "login").tree
        tip = writer.append("portal", "login", lambda _tip, body=body, tree=tree: Draft("edited", body, tree))
        repo.commits.append(tip.commit)
    GitWorkspace(repository).set_current("portal", "login")
    return repo


def show(repo, *args):
    done = repo.idse("show", *args)
    assert done.returncode == 0, done.stderr
    return done.stdout


def event_of(repo, commit):
    return json.loads(repo.git("show", f"{commit}:event.json"))["id"]


def test_an_entry_is_found_by_event_commit_prefix_and_steps_back(portal):
    first = portal.commits[0]
    event = event_of(portal, first)
    whole = show(portal, event)
    assert whole.startswith(f"event {event}\n")
    for name in (event.lower(), event[:25], first, first[:10], "@{1}", "login@{1}", "portal/login@{1}"):
        assert show(portal, name) == whole


def test_without_a_name_the_newest_entry_is_shown_with_what_it_changed(portal):
    out = show(portal)
    assert f"Ledger:    {portal.commits[1]}" in out
    assert "    Why." in out
    assert "spec.md" in out.splitlines()[-2]
    assert "1 file changed" in out


def test_the_patch_of_the_first_entry_adds_everything(portal):
    assert "+one" in show(portal, "@{1}", "--patch").splitlines()


def test_a_document_comes_back_exactly_as_it_was(portal):
    for name, text in (("@{0}", BYTES), ("@{1}", b"one\n")):
        for path in ("spec.md", "spec"):
            done = subprocess.run(
                ["idse", "show", f"{name}:{path}"], cwd=portal.path, capture_output=True, check=True
            )
            assert done.stdout == text


def test_json_has_the_changes_with_both_blobs(portal):
    document = json.loads(show(portal, "--json"))
    old, new = (portal.git("rev-parse", f"{commit}:artifacts/spec.md") for commit in portal.commits)
    assert document["schema"] == "idse.show/1"
    assert document["data"]["changes"] == [
        {"path": "spec.md", "stage": "spec", "status": "M", "old": old, "new": new}
    ]


def test_a_prefix_that_fits_several_lists_them(portal):
    events = [event_of(portal, commit) for commit in portal.commits]
    done = portal.idse("show", events[0][:4])
    assert done.returncode == 2
    assert "error[IDSE007]" in done.stderr
    assert all(event in done.stderr for event in events)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("01JAAAA", "no ledger here has an entry"),
        ("zz", "cannot name an entry"),
        ("../x", "cannot name an entry"),
        ("@{9}", "has fewer entries"),
        ("nosuch@{0}", "there is no session"),
        ("@{0}:nosuch.md", "there is no 'nosuch.md'"),
        ("@{0}:../state.json", "there is no '../state.json'"),
        ("-- -x", "cannot name"),
    ],
)
def test_what_is_not_there_is_said_clearly(portal, name, words):
    done = portal.idse("show", *name.split(" "))
    assert done.returncode == 2
    assert words in done.stderr


def test_a_commit_of_code_is_no_entry(portal):
    portal.write("a.txt", "a")
    assert "no ledger here" in portal.idse("show", portal.commit()).stderr


def test_a_merge_is_shown_with_its_parents(portal):
    ref = "refs/idse/sessions/portal/login"
    state = portal.git("rev-parse", f"{ref}:state.json")
    tree = portal.git("mktree", stdin=f"100644 blob {state}\tstate.json\n")
    twin = portal.git("commit-tree", f"{ref}^{{tree}}", "-p", portal.commits[0], "-m", "twin")
    merge = portal.git("commit-tree", tree, "-p", portal.commits[1], "-p", twin, "-m", "merge")
    out = show(portal, merge)
    assert out.startswith(f"entry {merge}\nWhat:      merged ")
    assert f"Parent:    {twin}" in out
