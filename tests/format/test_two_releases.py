"""A clone that runs the code of commit b729234 syncs with one that runs today's, as two of a kind."""

from __future__ import annotations

import json

import pytest

from greeting import CODE, DOCUMENTS
from idse_orchestrator.documents.project_workspace import STAGES

FOLDER = ".idse/projects/portal/sessions"
LEDGERS = "refs/idse/sessions/portal"
PAY = ("--session", "portal/pay")


class Side:
    """A clone of the bundle's project portal, and the program that runs there."""

    def __init__(self, repo, name, program):
        self.repo, self.name, self.program = repo, name, program

    def does(self, *words, ends=(0,)):
        done = self.repo.run(self.program, *words)
        assert done.returncode in ends, f"{self.name}: {words}\n{done.stdout}{done.stderr}"
        return done.stdout

    def refs(self):
        """Where everything stands that clones have in common: all but the sync points of each."""
        listed = self.repo.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse")
        return dict(line.split() for line in listed.splitlines() if "refs/idse/sync/" not in line)

    def writes(self, session, **texts):
        self.does("restore", f"portal/{session}", "--force")
        for name, text in texts.items():
            self.repo.write(f"{FOLDER}/{session}/{name}.md", text)
        self.does("save", f"portal/{session}")

    def works(self):
        """Something of each theme, in ledgers that the other side writes to at the same time."""
        name = self.name
        self.does("session", "set", "portal/pay", "--title", name, "--tag", name)
        self.does("stage", "reopen", "intent", *PAY, "-m", name)
        if name == "older":  # a waiver of today needs format 2
            self.does("rule", "waive", "IDSE502", *PAY, "-m", name)
        self.does("handoff", "request", "--to", "codex", "--stage", "feedback", *PAY, "-m", name)
        self.does("agents", "set-role", "codex", name)
        self.does("blueprint", "declare", "What was written once can be read for ever")
        self.does("session", "new", "twin", "--title", name)
        clash = "New" if name == "newer" else "new"
        self.writes("files", crlf=f"{name}\r\nmore\r\n", bare=name.encode() + b"\x00\xff", **{clash: name})
        self.writes("login", **{name: f"{name}\n"})
        self.repo.git("add", f"{FOLDER}/login/{name}.md")
        self.repo.git("commit", "-q", "--no-verify", "-m", f"{name} commits")

    def is_sound_for(self, program):
        done = self.repo.run(program, "fsck", "--json")
        data = json.loads(done.stdout)["data"]
        return done.returncode == 0 and data["sound"] and data["defects"] == []


@pytest.fixture
def sides(make_repo, bare_remote, fill, older_idse):
    """Two clones of the bundle that sync with one Agency: today's, and that of then."""
    fill(bare_remote)
    found = []
    for name, program in (("newer", "idse"), ("older", older_idse)):
        repo = fill(make_repo(name), "refs/heads/main", "refs/idse/*:refs/idse/*")
        repo.git("checkout", "-q", "-B", "main", "FETCH_HEAD")
        found.append(Side(repo, name, program))
        found[-1].does("init", "portal", "--agency", str(bare_remote.path))
    return found


def test_both_make_the_same_merges_and_end_with_the_same_refs(sides, make_repo):
    """First each merges what the other wrote by itself; then, at one Agency, the older code does."""
    newer, older = sides
    before = newer.refs()
    copies = []
    for side in sides:
        side.works()
        copies.append(make_repo(f"copy-of-{side.name}.git", bare=True))
        copies[-1].git("fetch", "-q", str(side.repo.path), "refs/idse/*:refs/idse/*")
    for side, copy in zip(sides, reversed(copies), strict=True):
        agency = side.repo.git("remote", "get-url", "agency")
        side.repo.git("remote", "set-url", "agency", str(copy.path))
        side.does("sync", "pull", ends=(0, 3))  # 3: a conflict is left to resolve
        side.repo.git("remote", "set-url", "agency", agency)
    assert newer.refs() == older.refs()
    assert merged_since(before, newer) == {
        *(f"{LEDGERS}/{name}" for name in ("__blueprint__", "files", "login", "pay", "twin")),
        "refs/idse/projects/portal",
        "refs/idse/notes/commits",
    }
    for side in sides:
        side.writes("files", crlf=f"{side.name} again\r\n")
    before = newer.refs()
    for side in (newer, older, newer):
        side.does("sync", "push", ends=(0, 3))
    assert newer.refs() == older.refs()
    assert merged_since(before, newer) == {f"{LEDGERS}/files"}
    assert newer.is_sound_for(older.program)
    assert older.is_sound_for(newer.program)
    newer.repo.git("fsck", "--strict", "--no-dangling")


def merged_since(before, side):
    """The refs that moved; each of them now holds a merge that was not there before."""
    moved = {ref: before.get(ref) for ref, commit in side.refs().items() if before.get(ref) != commit}
    for ref, since in moved.items():
        assert side.repo.git("rev-list", "--min-parents=2", ref, *([f"^{since}"] if since else []))
    return set(moved)


def test_evidence_is_read_past_by_the_older_one(sides):
    newer, older = sides
    newer.does("session", "new", "greeting")
    newer.does("switch", "greeting")
    for path, text in {
        **{f"{FOLDER}/greeting/{name}": text for name, text in DOCUMENTS.items()},
        **CODE,
    }.items():
        newer.repo.write(path, text)
    for stage in STAGES[:5]:
        newer.does("stage", "start", stage)
        newer.does("stage", "complete", stage)
    newer.repo.git("add", "-A")
    newer.repo.git("commit", "-q", "--no-verify", "-m", "greeting")
    newer.does("stage", "start", "implementation")
    newer.does("stage", "complete", "implementation")
    ref = f"{LEDGERS}/greeting"
    events = newer.repo.git("log", "--format=%H", ref).split()
    bodies = [json.loads(newer.repo.git("show", f"{commit}:event.json"))["body"] for commit in events]
    assert any("evidence" in body for body in bodies)
    for side in (newer, older):
        side.does("sync", "push")
    assert newer.refs() == older.refs()
    assert older.is_sound_for(older.program)
    older.does("session", "set", "portal/greeting", "--title", "older")
    newer.does("session", "set", "portal/greeting", "--owner", "newer")
    for side in (older, newer, older):
        side.does("sync", "push")
    assert newer.refs() == older.refs()
    state = json.loads(newer.repo.git("show", f"{ref}:state.json"))
    assert (state["format"], state["title"], state["owner"]) == (1, "older", "newer")
    assert newer.is_sound_for(older.program)


def pay_alone_is_refused(older, newer, before):
    """The older clone pulls, and takes all but portal/pay, which needs a newer idse."""
    done = older.repo.run(older.program, "sync", "pull")
    assert done.returncode != 0
    assert "needs a newer idse" in done.stdout + done.stderr
    assert "damaged" not in done.stdout + done.stderr
    after = older.refs()
    pay, login = f"{LEDGERS}/pay", f"{LEDGERS}/login"
    assert after[pay] == before[pay]
    assert after[login] == newer.refs()[login] != before[login]
    assert newer.is_sound_for(newer.program)


def test_a_waiver_of_today_needs_a_newer_idse_there_and_holds_up_nothing_else(sides):
    newer, older = sides
    newer.does("switch", "portal/pay")
    newer.does("restore", "portal/pay", "--force")
    newer.repo.write(f"{FOLDER}/pay/intent.md", "# Intent\n\n[REQUIRES INPUT]\n")
    newer.does("save", "portal/pay")
    newer.does("rule", "waive", "IDSE301", *PAY, "-m", "spring")
    newer.does("session", "set", "portal/login", "--title", "beside it")
    newer.does("sync", "push")
    before = older.refs()
    pay_alone_is_refused(older, newer, before)


def test_ticks_of_neighbours_need_a_newer_idse_there_and_hold_up_nothing_else(sides, make_repo):
    newer, older = sides
    tasks = "# Tasks\n\n- [ ] T1 one\n- [ ] T2 two\n"
    newer.writes("pay", tasks=tasks)
    newer.does("sync", "push", ends=(0, 3))
    other = Side(newer.repo.clone("third"), "third", "idse")
    other.does("init", "portal", "--agency", newer.repo.git("remote", "get-url", "agency"), ends=(0, 3))
    older.does("sync", "pull", ends=(0, 3))
    newer.writes("pay", tasks=tasks.replace("[ ] T1", "[x] T1"))
    other.writes("pay", tasks=tasks.replace("[ ] T2", "[x] T2"))
    newer.does("sync", "push", ends=(0, 3))
    older.does("sync", "pull", ends=(0, 3))  # ticks alone are nothing new
    before = older.refs()
    newer.does("session", "set", "portal/login", "--title", "beside it")
    newer.does("sync", "push", ends=(0, 3))
    other.does("sync", "push", ends=(0, 3))
    pay_alone_is_refused(older, other, before)
