"""Where the source is a repository, each commit that touched a session is an event of its ledger."""

from __future__ import annotations

import pytest


@pytest.fixture
def source(make_repo, old):
    """A repository in the folder `old`."""
    return make_repo("old", at="2024-03-04T05:06:07+02:00")


@pytest.fixture
def make_repo(make_repo, tmp_path):
    """`make_repo` that takes a folder which is there already."""

    def make(name="repo", **options):
        path = tmp_path / name
        if path.is_dir():
            path.rmdir()
        return make_repo(name, **options)

    return make


def migrated(taker, session="portal/login"):
    return [event for event in taker.events(session) if event["kind"] == "migrated"]


def test_each_commit_is_an_event_with_its_author_its_date_and_the_documents_of_then(old, source, taker):
    first = b"# Spec\r\n\r\nThe first form of the specification.\r\n"
    second = b"# Spec\r\n\r\nThe second form of the specification.\r\n"
    source.git("config", "user.name", "Past Author")
    source.git("config", "user.email", "past@example.invalid")
    commits = []
    for text in (first, second):
        old.put(old.where("C", "spec"), text)
        commits.append(source.commit(f"spec of {len(text)} bytes"))
    taker.migrate(old)
    events = migrated(taker)
    assert [event["body"]["commit"] for event in events] == commits
    assert {event["at"] for event in events} == {"2024-03-04T03:06:07Z"}
    assert {event["actor"]["name"] for event in events} == {"Past Author"}
    ledger = taker.git("rev-list", "--reverse", "refs/idse/sessions/portal/login").split()
    assert [taker.shown("portal/login", "spec.md", commit) for commit in ledger[1:3]] == [first, second]
    assert taker.git("log", "-1", "--format=%an %aI", ledger[1]) == "Past Author 2024-03-04T03:06:07+00:00"
    assert taker.is_sound()


def test_a_text_that_a_log_line_overwrote_is_in_the_history(old, source, taker):
    text = b"# Context\n\nWhere the login stands, and on what it is built.\n"
    old.put(old.where("C", "context"), text)
    source.commit("context")
    old.put(old.where("C", "context"), "[2025-01-01] INFO wrote context\n")
    source.commit("oops")
    taker.migrate(old)
    commits = taker.git("rev-list", "--reverse", "refs/idse/sessions/portal/login").split()
    assert taker.shown("portal/login", "context.md", commits[1]) == text
    assert taker.shown("portal/login", "context.md").startswith(b"[2025-01-01]")


def test_what_was_not_committed_comes_last(old, source, taker):
    old.session("C")
    source.commit("all of it")
    old.put(old.where("C", "spec"), "# Spec\n\nNobody has committed this text yet.\n")
    taker.migrate(old)
    events = migrated(taker)
    assert [event["body"].get("commit", "") != "" for event in events] == [True, False]
    assert list(events[1]["body"]["changed"]) == ["spec.md"]


def test_history_follows_a_session_from_one_layout_to_the_next(old, source, taker):
    old.put(old.where("A", "spec"), "# Spec\n\nIt stood at the oldest of all places.\n")
    source.commit("old place")
    source.git("rm", "-q", old.where("A", "spec"))
    old.put(old.where("C", "spec"), "# Spec\n\nIt stands at a better place now.\n")
    source.commit("new place")
    taker.migrate(old)
    assert [list(event["body"]["changed"]) for event in migrated(taker)] == [["spec.md"], ["spec.md"]]


def test_history_follows_a_session_that_got_another_name(old, source, taker):
    for text in ("# Spec\n\nThe first form of the specification.\n", "# Spec\n\nA line of some log.\n"):
        old.session("C", "lgoin")
        old.put(old.where("C", "spec", "lgoin"), text)
        source.commit(text.split()[3])
    source.git("mv", "projects/portal/sessions/lgoin", "projects/portal/sessions/login")
    source.commit("a slip of the pen")
    old.put(old.where("C", "spec"), "# Spec\n\nThe last form of the specification.\n")
    source.commit("last")
    taker.migrate(old)
    subjects = [event["body"]["subject"] for event in migrated(taker)]
    assert subjects == ["first", "line", "a slip of the pen", "last"]
    ledger = taker.git("rev-list", "--reverse", "refs/idse/sessions/portal/login").split()
    assert taker.shown("portal/login", "spec.md", ledger[1]).startswith(b"# Spec\n\nThe first form")
    assert taker.is_sound()


def test_history_of_another_name_comes_once_where_a_branch_brought_it(old, source, taker):
    old.session("C", "lgoin")
    source.commit("first")
    source.git("checkout", "-q", "-b", "side")
    source.git("mv", "projects/portal/sessions/lgoin", "projects/portal/sessions/login")
    source.commit("renamed")
    source.git("checkout", "-q", "-")
    source.write("code.txt", "meanwhile\n")
    source.commit("meanwhile")
    source.git("merge", "-q", "--no-ff", "-m", "together", "side")
    taker.migrate(old)
    assert [event["body"]["subject"] for event in migrated(taker)] == ["first", "renamed"]


def test_a_session_that_only_the_history_has_is_named(old, source, taker):
    old.session("C")
    old.session("C", "given-up", about="passwords")
    source.commit("both")
    source.git("rm", "-rq", "projects/portal/sessions/given-up")
    source.commit("one")
    data = taker.migrate(old)
    assert taker.sessions() == ["portal/login"]
    assert any("portal/given-up" in note for note in data["notes"])


def test_what_stands_beside_the_stages_of_a_session_has_its_history(old, source, taker):
    old.session("E")
    for text in (b"first\n", b"second\n"):
        old.put("projects/portal/login/CLOSEOUT.md", text)
        source.commit(text.decode())
    taker.migrate(old)
    ledger = taker.git("rev-list", "--reverse", "refs/idse/sessions/portal/login").split()
    told = [taker.shown("portal/login", "CLOSEOUT.md", commit) for commit in ledger[1:3]]
    assert told == [b"first\n", b"second\n"]


def test_commits_that_touched_no_session_are_none_of_its_history(old, source, taker):
    old.put("src/main.py", "print(1)\n")
    source.commit("code")
    old.put(old.where("C", "spec"), "# Spec\n\nIt stands here for a session.\n")
    spec = source.commit("spec")
    old.put("src/main.py", "print(2)\n")
    source.commit("code again")
    taker.migrate(old)
    assert [event["body"]["commit"] for event in migrated(taker)] == [spec]


def test_each_side_of_a_merge_has_the_documents_of_its_side(old, source, taker):
    old.put(old.where("C", "intent"), "# Intent\n\nPeople want to sign in quickly.\n")
    source.commit("base")
    source.git("checkout", "-q", "-b", "side")
    old.put(old.where("C", "spec"), "# Spec\n\nWritten on the side branch alone.\n")
    side = source.commit("side")
    source.git("checkout", "-q", "main")
    old.put(old.where("C", "plan"), "# Plan\n\nWritten on the main branch alone.\n")
    main = source.commit("main")
    source.git("merge", "-q", "--no-edit", "side")
    taker.migrate(old)
    commits = taker.git("rev-list", "--reverse", "refs/idse/sessions/portal/login").split()
    by_source = dict(zip([event["body"].get("commit") for event in taker.events()], commits, strict=True))
    held = {
        name: taker.git("ls-tree", "--name-only", f"{by_source[name]}:artifacts").split()
        for name in (side, main, source.git("rev-parse", "HEAD"))
    }
    assert held[side] == ["intent.md", "spec.md"]
    assert held[main] == ["intent.md", "plan.md"]
    assert list(held.values())[2] == ["intent.md", "plan.md", "spec.md"]


def test_a_merge_that_brings_one_side_only_is_no_event_of_its_own(old, source, taker):
    old.put(old.where("C", "intent"), "# Intent\n\nPeople want to sign in quickly.\n")
    source.commit("base")
    source.git("checkout", "-q", "-b", "side")
    old.put(old.where("C", "spec"), "# Spec\n\nWritten on the side branch alone.\n")
    source.commit("side")
    source.git("checkout", "-q", "main")
    old.put("code.py", "1\n")
    source.commit("code")
    source.git("merge", "-q", "--no-edit", "side")
    taker.migrate(old)
    assert len(migrated(taker)) == 2


def test_without_history_there_is_one_event_of_documents(old, source, taker):
    old.session("C")
    source.commit("all of it")
    taker.migrate(old, "--no-history")
    assert len(migrated(taker)) == 1
    assert not taker.migrate(old)["changed"]


def test_a_repository_that_git_refuses_is_no_folder_without_a_history(old, source, taker):
    old.session("C")
    source.commit("first")
    with open(old.path / ".git/config", "a") as file:
        file.write("[core]\n\trepositoryformatversion = 99\n")
    error = taker.refused(old)
    assert error["code"] == "IDSE050"
    assert "--no-history" in error["cause"]
    assert taker.refs() == ""
    taker.migrate(old, "--no-history")
    assert taker.kinds().count("migrated") == 1


def test_a_shallow_clone_is_doubted(old, source, taker, tmp_path):
    for text in ("first", "second"):
        old.session("C", about=text)
        source.commit(text)
    source.git("clone", "-q", "--depth", "1", f"file://{old.path}", str(tmp_path / "shallow"))
    assert any("--unshallow" in note for note in taker.migrate(tmp_path / "shallow", "--dry-run")["notes"])
    assert not taker.migrate(tmp_path / "shallow", "--dry-run", "--no-history")["notes"]
    assert not taker.migrate(old, "--dry-run")["notes"]


def test_a_bare_repository_is_read_from_its_head(old, source, taker, tmp_path):
    documents = old.session("C")
    source.commit("all of it")
    source.git("clone", "-q", "--bare", str(old.path), str(tmp_path / "bare.git"))
    data = taker.migrate(tmp_path / "bare.git")
    assert taker.folder() == documents
    assert data["sessions"][0]["commits"] == 1


def test_a_folder_below_the_top_of_a_repository_has_its_history_too(make_repo, make_old, taker, tmp_path):
    source = make_repo("whole")
    old = make_old("whole/docs/idse")
    documents = old.session("C")
    commit = source.commit("all of it")
    taker.migrate(old)
    assert taker.folder() == documents
    assert migrated(taker)[0]["body"]["commit"] == commit


def test_signatures_notes_and_odd_settings_do_not_disturb_the_reading(old, source, taker):
    for key, value in {
        "log.showSignature": "true",
        "log.showRoot": "false",
        "diff.noprefix": "true",
        "diff.renames": "copies",
        "core.quotePath": "true",
        "log.decorate": "full",
        "i18n.logOutputEncoding": "ISO-8859-1",
        "color.ui": "always",
    }.items():
        source.git("config", key, value)
    old.session("C", "Übung", "portal")
    source.commit("größer und schöner")
    taker.migrate(old)
    assert migrated(taker, "portal/Ubung")[0]["body"]["subject"] == "größer und schöner"


def test_code_of_the_source_never_comes_along(old, source, taker):
    old.put("src/secret.py", "CANARY_IN_THE_SOURCE = 1\n")
    old.session("C")
    source.commit("all of it")
    taker.migrate(old)
    blob = source.git("rev-parse", "HEAD:src/secret.py")
    assert taker.run("git", "cat-file", "-e", blob).returncode != 0
    assert taker.run("git", "cat-file", "-e", source.git("rev-parse", "HEAD")).returncode != 0


def test_migrated_ledgers_are_taken_by_an_agency_and_by_another_clone(
    old, source, taker, make_taker, bare_remote
):
    old.session("C")
    source.commit("all of it")
    old.put(old.where("C", "spec"), "# Spec\n\nA second form of the specification.\n")
    source.commit("again")
    taker.migrate(old)
    other = make_taker("other")
    for clone in (taker, other):
        assert clone.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert taker.idse("sync", "push").returncode == 0
    assert other.idse("sync", "pull").returncode == 0
    assert other.idse("fsck").returncode == 0
    assert other.git("rev-parse", "refs/idse/sessions/portal/login") == taker.git(
        "rev-parse", "refs/idse/sessions/portal/login"
    )
    assert not other.migrate(old)["written"]
