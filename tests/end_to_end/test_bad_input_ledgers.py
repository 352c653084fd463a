"""Ledgers that are none: whoever reads or writes says so in one way, and leaves everything where it is."""

from __future__ import annotations

import pytest

LEDGER = "refs/idse/sessions/portal/login"
PROJECT = "refs/idse/projects/portal"
MISSING = "1234567890" * 4
INTENT = ".idse/projects/portal/sessions/login/intent.md"


def told_of(ref, *causes):
    """The error, with any of `causes`: reading and writing may see the damage from different sides."""
    return {
        f"error[IDSE013]: this ledger is damaged\n  --> {ref}\n   = cause: {cause}\n"
        "   = fix:   idse fsck  # names every defect\n"
        f"            git reflog show {ref}  # names older states\n"
        "   = help:  idse help IDSE013\n"
        for cause in causes
    }


def point(repo, target, ref=LEDGER):
    """Put a ref where git itself would not let it go."""
    path = repo.path / ".git" / ref
    path.write_text(f"{target}\n")


def with_state(repo, content):
    """A ledger commit like the tip, whose state.json is `content`."""
    tip = repo.git("rev-parse", LEDGER)
    blob = repo.git("hash-object", "-w", "--stdin", stdin=content)
    rows = repo.git("ls-tree", tip).splitlines()
    rows = [f"100644 blob {blob}\tstate.json" if row.endswith("\tstate.json") else row for row in rows]
    tree = repo.git("mktree", stdin="\n".join(rows) + "\n")
    return repo.git("commit-tree", tree, "-p", tip, "-m", "by hand")


def broken_json(repo):
    return with_state(repo, "{not json")


def broken_shape(repo):
    return with_state(repo, '{"format": 1}')


def code_commit(repo):
    return repo.git("rev-parse", "HEAD")


def blob(repo):
    return repo.git("rev-parse", f"HEAD:{INTENT}")


def tree(repo):
    return repo.git("rev-parse", "HEAD^{tree}")


def missing(_repo):
    return MISSING


def annotated_tag_of_code(repo):
    repo.git("tag", "-a", "-m", "a release", "v1")
    return repo.git("rev-parse", "v1")


DAMAGES = [broken_json, broken_shape, code_commit, blob, tree, missing, annotated_tag_of_code]
READERS = [("status",), ("next",), ("session", "show"), ("validate",), ("prime",)]
WRITERS = [
    ("save",),
    ("stage", "start", "context"),
    ("stage", "complete", "intent"),
    ("session", "set", "--title", "x"),
    ("session", "archive"),
    ("restore",),
]


@pytest.mark.parametrize("command", READERS + WRITERS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_ledger_is_named_by_every_command_that_needs_it(begun, refused, damage, command):
    point(begun, damage(begun))
    told = refused(begun, "IDSE013", 1, *command)
    first, where, cause, fix, older, _help = told.splitlines()
    assert first == "error[IDSE013]: this ledger is damaged"
    assert where == f"  --> {LEDGER}"
    assert cause.startswith(("   = cause: it points at ", "   = cause: state.json: "))
    assert "git_object" not in cause
    assert fix == "   = fix:   idse fsck  # names every defect"
    assert older == f"            git reflog show {LEDGER}  # names older states"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_ledger_is_named_by_the_list_and_hides_no_other(begun, unchanged, damage):
    point(begun, damage(begun))
    with unchanged(begun):
        done = begun.idse("session", "list")
    assert done.returncode == 1
    assert "__blueprint__" in done.stdout
    assert "login" not in done.stdout
    assert done.stderr.splitlines()[:2] == ["error[IDSE013]: this ledger is damaged", f"  --> {LEDGER}"]


def test_the_cause_says_what_the_ref_points_at(begun, refused):
    short = begun.git("rev-parse", "--short=7", "HEAD")
    point(begun, code_commit(begun))
    for command in (("status",), ("session", "archive")):
        told = refused(begun, "IDSE013", 1, *command)
        assert told in told_of(LEDGER, f"it points at commit {short}, which has no state.json")


@pytest.mark.parametrize("damage", [blob, tree])
def test_the_log_of_no_history_is_an_error(begun, refused, damage):
    point(begun, damage(begun))
    told = refused(begun, "IDSE013", 1, "log")
    assert told in told_of(LEDGER, f"it points at a {damage.__name__}, not at a commit")


def test_the_log_of_a_missing_object_is_an_error(begun, refused):
    point(begun, MISSING)
    assert f"  --> {LEDGER}\n" in refused(begun, "IDSE013", 1, "log")


@pytest.mark.parametrize("damage", [broken_json, broken_shape, code_commit])
def test_the_log_still_shows_what_can_be_read(begun, unchanged, damage):
    point(begun, damage(begun))
    with unchanged(begun):
        done = begun.idse("log", "-n", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("damage", DAMAGES)
def test_fsck_finds_the_damage_and_nothing_else_does_more(begun, unchanged, damage):
    point(begun, damage(begun))
    with unchanged(begun):
        done = begun.idse("fsck")
    assert done.returncode == 1
    assert LEDGER in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_commit_to_a_damaged_ledger_is_blocked(begun, damage):
    point(begun, damage(begun))
    begun.write(INTENT, "# Intent\n\nNew.\n")
    begun.git("add", ".idse")
    head = begun.git("rev-parse", "HEAD")
    done = begun.run("git", "commit", "-m", "into nothing")
    assert (done.returncode, begun.git("rev-parse", "HEAD")) == (1, head)
    assert done.stderr.startswith(f"error[IDSE013]: this ledger is damaged\n  --> {LEDGER}\n")


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_unverified_commit_succeeds_and_leaves_the_damage_to_be_seen(begun, damage):
    target = damage(begun)
    point(begun, target)
    begun.write(INTENT, "# Intent\n\nNew.\n")
    begun.git("add", ".idse")
    done = begun.run("git", "commit", "--no-verify", "-m", "into nothing")
    assert done.returncode == 0
    assert done.stderr == "idse: post-commit did not record: this ledger is damaged (idse doctor)\n"
    assert (begun.path / ".git" / LEDGER).read_text() == f"{target}\n"


@pytest.mark.parametrize("damage", DAMAGES)
def test_other_sessions_go_on_beside_a_damaged_one(begun, damage):
    point(begun, damage(begun))
    for command in (("switch", "__blueprint__"), ("save",), ("spawn", "search"), ("status",), ("log",)):
        done = begun.idse(*command)
        assert done.returncode == 0, (command, done.stderr)


@pytest.mark.parametrize("damage", [code_commit, blob, missing])
def test_a_damaged_project_is_named(begun, refused, damage):
    point(begun, damage(begun), PROJECT)
    told = refused(begun, "IDSE013", 1, "spawn", "search")
    assert told.startswith(f"error[IDSE013]: this ledger is damaged\n  --> {PROJECT}\n")


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_reflog_that_the_error_names_brings_the_ledger_back(begun, damage):
    good = begun.git("rev-parse", LEDGER)
    point(begun, damage(begun))
    assert (
        good
        in begun.git("reflog", "show", "--format=%H", LEDGER, check=False)
        + begun.read(f".git/logs/{LEDGER}").decode()
    )
    begun.git("update-ref", LEDGER, good)
    assert begun.idse("status").returncode == 0
    assert begun.idse("fsck").returncode == 0
