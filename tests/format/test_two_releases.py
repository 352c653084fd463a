"""A clone that runs the code of commit b729234 syncs with one that runs today's, as two of a kind."""

from __future__ import annotations

import json

import pytest

SESSIONS = ".idse/projects/portal/sessions"


class Side:
    """A clone of the bundle's project portal, and the program that runs there."""

    def __init__(self, repo, name, program, agency):
        self.repo, self.name, self.program, self.agency = repo, name, program, agency

    def does(self, *words, program=None):
        done = self.repo.run(program or self.program, *words)
        assert done.returncode == 0, f"{self.name}: {words}\n{done.stdout}{done.stderr}"
        return done.stdout

    def refs(self):
        """Where everything stands that clones have in common."""
        listed = self.repo.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse")
        return dict(line.split() for line in listed.splitlines() if "refs/idse/sync/" not in line)

    def writes(self, session, path, text):
        self.does("restore", f"portal/{session}", "--force")
        self.repo.write(f"{SESSIONS}/{session}/{path}", text)
        self.does("save", f"portal/{session}")

    def works(self):
        """One event of each theme in ledgers that the other side writes to at the same time."""
        name, pay = self.name, ("--session", "portal/pay")
        self.does("session", "set", "portal/pay", "--title", name, "--tag", name)
        self.does("stage", "reopen", "intent", *pay, "-m", name)
        self.does("rule", "waive", "IDSE502", *pay, "-m", name)
        self.does("handoff", "request", "--to", "codex", "--stage", "feedback", *pay, "-m", name)
        self.does("agents", "assign", "plan", "codex", *pay, "-m", name)
        self.does("agents", "set-role", "codex", name)
        self.does("agents", "add", f"{name}-agent")
        self.does("blueprint", "declare", "What was written once can be read for ever")
        self.does("session", "archive", "back", "-m", name)
        self.does("session", "new", "twin", "--title", name)
        self.writes("files", "crlf.md", f"{name}\r\nand more\r\n")
        self.writes("files", "New.md" if name == "newer" else "new.md", f"{name}\n")
        self.writes("odd", f"{name}.bin", name.encode() + b"\x00\xff")
        self.writes("login", f"{name}.md", f"{name}\n")
        self.repo.git("add", f"{SESSIONS}/login/{name}.md")
        self.repo.git("commit", "-q", "--no-verify", "-m", f"{name} commits")

    def is_sound(self, other):
        """Whether the code of both sides finds nothing wrong here."""
        for program in (self.program, other.program):
            data = json.loads(self.does("fsck", "--json", program=program))["data"]
            assert (data["sound"], data["defects"]) == (True, [])
        self.repo.git("fsck", "--strict", "--no-dangling")


@pytest.fixture
def sides(make_repo, bare_remote, fill, older_idse):
    """Two clones of the bundle that sync with one Agency: today's, and that of then."""
    fill(bare_remote)
    found = []
    for name, program in (("newer", "idse"), ("older", older_idse)):
        repo = fill(make_repo(name), "refs/heads/main")
        repo.git("checkout", "-q", "-B", "main", "FETCH_HEAD")
        found.append(Side(repo, name, program, bare_remote))
        found[-1].does("init", "portal", "--agency", str(bare_remote.path))
        found[-1].does("sync", "pull")
    assert found[0].refs() == found[1].refs()
    return found


def are_equal(one, other, before):
    assert one.refs() == other.refs()
    moved = {ref for ref, commit in one.refs().items() if before.get(ref) != commit}
    ledgers = {
        "projects/portal",
        *(f"sessions/portal/{name}" for name in ("pay", "files", "odd", "back", "twin")),
    }
    assert moved >= {
        f"refs/idse/{name}" for name in (*ledgers, "sessions/portal/__blueprint__", "notes/commits")
    }
    for ref in moved:
        assert (
            int(
                one.repo.git(
                    "rev-list", "--min-parents=2", "--count", f"{before.get(ref, '')}..{ref}".lstrip(".")
                )
            )
            > 0
        )
    one.is_sound(other)
    other.is_sound(one)


@pytest.mark.parametrize("order", [1, -1], ids=["newer-first", "older-first"])
def test_what_both_wrote_at_once_ends_in_the_same_refs(sides, order):
    one, other = sides[::order]
    before = one.refs()
    for side in sides:
        side.works()
    for side in (one, other, one):
        side.does("sync", "push")
    other.does("sync", "pull")
    are_equal(one, other, before)


def test_each_merges_by_itself_and_makes_the_same_commits(sides, make_repo):
    one, other = sides
    before = one.refs()
    copies = []
    for side in sides:
        side.works()
        copies.append(make_repo(f"copy-of-{side.name}.git", bare=True))
        copies[-1].git("fetch", "-q", str(side.repo.path), "refs/idse/*:refs/idse/*")
    for side, copy in zip(sides, copies[::-1], strict=True):
        side.repo.git("remote", "set-url", "agency", str(copy.path))
        side.does("sync", "pull")
    are_equal(one, other, before)
