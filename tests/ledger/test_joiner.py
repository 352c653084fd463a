"""M(a, b): two histories of a ledger become one commit, and it is the same one wherever it is made."""

from __future__ import annotations

import json

import pytest

from here import discover, fold, ledger_writer
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES
from idse_orchestrator.errors import CorruptLedgerError, RefusedError
from idse_orchestrator.ledger.events import Draft, event_from_json
from idse_orchestrator.pipeline.stage_state_model import state_to_json
from idse_orchestrator.wiring.ledgers import git_joiner

REF = "refs/idse/sessions/portal/login"
CREATED = Draft("created", {"project": "portal", "session": "login", "type": "feature"})
TEXT = "a\nb\nc\nd\ne\nf\ng\n"
HOSTILE = {
    "merge.conflictStyle": "diff3",
    "merge.renames": "true",
    "diff.algorithm": "patience",
    "core.autocrlf": "true",
    "core.eol": "crlf",
    "i18n.commitEncoding": "ISO-8859-1",
    "commit.gpgSign": "true",
    "user.name": "Somebody Else",
    "gpg.program": "false",
    "core.logAllRefUpdates": "always",
}


class Clone:
    """A repository with the ledger of portal/login, and what its owner does with it."""

    def __init__(self, repo):
        self.repo = repo
        self.repository = discover(str(repo.path))
        self.joiner = git_joiner(self.repository)
        self.now = 1_700_000_000
        self.writer = ledger_writer(self.repository, clock=lambda: self.now)

    @property
    def tip(self):
        return self.repo.git("rev-parse", REF)

    def append(self, kind, body=None, files=None):
        """The new tip, after one event; `files` is all that is in the folder, path to text or bytes."""
        self.now += 1
        tree = None if files is None else self.tree(files)
        return self.writer.append("portal", "login", lambda _: Draft(kind, body or {}, tree)).commit

    def edit(self, files):
        return self.append("edited", {"changed": {}}, files)

    def tree(self, files):
        self.repo.git("read-tree", "--empty")
        for path, text in files.items():
            self.repo.write("scratch", text)
            blob = self.repo.git("hash-object", "-w", "--no-filters", "scratch")
            self.repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        return self.repo.git("write-tree") if files else ""

    def fetch(self, other, ref=REF):
        """The other clone's tip, which this one can read now."""
        name = f"refs/other/{other.repo.path.name}"
        self.repo.git("fetch", "--quiet", str(other.repo.path), f"+{ref}:{name}")
        return self.repo.git("rev-parse", name)

    def join(self, other):
        """M of both tips becomes the tip here."""
        theirs = self.fetch(other)
        made = self.joiner.join_with_conflicts(REF, self.tip, theirs)
        self.repo.git("update-ref", REF, made.commit)
        return made

    def files(self, commit=REF):
        listed = self.repo.git("ls-tree", "-r", "-z", "--name-only", f"{commit}:artifacts").split("\0")
        return {path: self.file(path, commit) for path in listed if path}

    def file(self, path, commit=REF):
        return self.repo.run("git", "cat-file", "blob", f"{commit}:artifacts/{path}").stdout

    def state(self, commit=REF):
        return json.loads(self.repo.git("cat-file", "blob", f"{commit}:state.json"))

    def events(self, tip=REF):
        commits = self.repo.git("rev-list", "--max-parents=1", tip).split()
        return [
            event_from_json(self.repo.git("cat-file", "blob", f"{c}:event.json").encode()) for c in commits
        ]


@pytest.fixture
def clones(make_repo):
    """``clones(files)``: two clones of one ledger that holds `files`."""

    def make(files=None, second=None):
        one, other = Clone(make_repo("one")), second or Clone(make_repo("other"))
        one.append("created", CREATED.body, files if files is not None else {"spec.md": TEXT})
        other.repo.git("fetch", "--quiet", str(one.repo.path), f"{REF}:{REF}")
        return one, other

    return make


def diverged(clones, base, left, right):
    one, other = clones(base)
    one.edit(left)
    other.edit(right)
    return one, other


def test_both_clones_make_the_same_commit(clones):
    one, other = diverged(
        clones, {"spec.md": TEXT}, {"spec.md": TEXT + "left\n"}, {"spec.md": "right\n" + TEXT}
    )
    mine, theirs = one.tip, other.tip
    other.fetch(one)
    made = one.join(other)
    assert other.joiner.join_with_conflicts(REF, theirs, mine) == made
    assert made.conflicts == ()
    assert one.file("spec.md") == "right\n" + TEXT + "left\n"


def test_a_merge_says_only_what_its_parents_decide(clones):
    one, other = clones()
    one.append("described", {"title": "left"})
    other.now += 1000
    other.append("described", {"title": "right"})
    parents = sorted([one.tip, other.tip])
    made = one.join(other).commit
    assert one.repo.git("log", "-1", "--format=%P", made).split() == parents
    shape = "%an <%ae> %ad|%cn <%ce> %cd|%B"
    who = f"idse <idse@localhost> {other.now} +0000"
    assert one.repo.git("log", "-1", "--date=raw", f"--format={shape}", made).strip() == (
        f"{who}|{who}|merged two histories"
    )
    assert one.repo.git("ls-tree", "--name-only", made).split() == ["artifacts", "state.json"]
    one.repo.git("fsck", "--strict", made)


def test_the_state_is_the_fold_of_both_sides_events(clones):
    one, other = clones()
    for clone, stage in ((one, "intent"), (other, "context"), (one, "spec")):
        clone.append("stage", {"stage": stage, "action": "start", "from": "pending", "to": "in_progress"})
    other.append("described", {"title": "right"})
    one.join(other)
    expected = state_to_json(fold("portal", "login", one.events()))
    assert one.repo.git("cat-file", "blob", f"{REF}:state.json").encode() == expected
    assert (one.state()["events"], one.state()["title"]) == (5, "right")


def test_an_event_that_no_longer_applies_is_kept_and_named(clones):
    one, other = clones()
    start = {"stage": "intent", "action": "start", "from": "pending", "to": "in_progress"}
    one.append("stage", start)
    other.append("stage", start)
    one.join(other)
    state = one.state()
    assert (state["events"], len(state["not_applied"])) == (3, 1)
    assert state["stages"]["intent"]["status"] == "in_progress"


def test_an_event_that_stands_on_both_sides_counts_once(clones):
    one, other = clones()
    one.append("described", {"title": "shared"})
    shared = other.fetch(one)
    tree = one.repo.git("rev-parse", f"{shared}^{{tree}}")
    twin = other.repo.git("commit-tree", tree, "-p", f"{shared}~1", "-m", "the same event in another commit")
    other.repo.git("update-ref", REF, twin)
    one.join(other)
    assert one.state()["events"] == 2


def test_the_same_lines_edited_on_both_sides_stand_between_markers(clones):
    one, other = diverged(
        clones, {"spec.md": TEXT}, *({"spec.md": TEXT.replace("d", word)} for word in ("left", "right"))
    )
    first, second = sorted([one.tip, other.tip])
    words = {one.tip: "left", other.tip: "right"}
    made = one.join(other)
    assert [(conflict.path, conflict.kind) for conflict in made.conflicts] == [("spec.md", "markers")]
    block = f"<<<<<<< {first[:12]}\n{words[first]}\n=======\n{words[second]}\n>>>>>>> {second[:12]}\n"
    assert one.file("spec.md") == TEXT.replace("d\n", block)


def test_the_markers_are_a_finding_of_the_rule_that_names_them(loop_in, clones, make_repo):
    loop = loop_in(make_repo("project"))
    one, other = diverged(
        clones, {"spec.md": TEXT}, *({"spec.md": TEXT.replace("d", word)} for word in ("left", "right"))
    )
    one.join(other)
    loop.edit("spec.md", one.file("spec.md"))
    found = loop.repo.idse("validate", "--json").stdout
    assert "IDSE106" in found


@pytest.mark.parametrize(
    ("base", "left", "right", "joined", "paths"),
    [
        pytest.param(
            {"a.md": "x"},
            {"a.md": "x", "b.md": "new"},
            {"a.md": "y"},
            {"a.md": "y", "b.md": "new"},
            (),
            id="one side's file is added to the other's edit",
        ),
        pytest.param(
            {"a.md": "x", "b.md": "y"},
            {"a.md": "x"},
            {"a.md": "z", "b.md": "y"},
            {"a.md": "z"},
            (),
            id="a file that one side removed and the other left alone goes",
        ),
        pytest.param(
            {"a.md": "x", "b.md": "y"},
            {"a.md": "x"},
            {"a.md": "x", "b.md": "edited"},
            {"a.md": "x", "b.md": "edited"},
            ("b.md",),
            id="an edit outlives a removal",
        ),
        pytest.param(
            {"a.md": "x", "b.md": "y"},
            {"a.md": "x"},
            {"a.md": "x"},
            {"a.md": "x"},
            (),
            id="what both removed is gone",
        ),
        pytest.param(
            {"a.md": "x"},
            {"a.md": "same"},
            {"a.md": "same"},
            {"a.md": "same"},
            (),
            id="one edit made twice is one edit",
        ),
        pytest.param(
            {"a.md": "x"},
            {"a.md": "x", "n": "file"},
            {"a.md": "x", "n/b.md": "inner"},
            {"a.md": "x", "n~": "file", "n/b.md": "inner"},
            ("n~",),
            id="a file stands beside a folder",
        ),
        pytest.param(
            {"a.md": "x"},
            {"a.md": "x", "n": "file", "n~": "taken"},
            {"a.md": "x", "n/b.md": "inner"},
            {"a.md": "x", "n~~": "file", "n~": "taken", "n/b.md": "inner"},
            ("n~~",),
            id="the free name is free",
        ),
        pytest.param(
            {"a.md": "x"},
            {"a.md": "x", "Note.md": "1"},
            {"a.md": "x", "note.md": "2"},
            {"a.md": "x", "Note.md": "1", "note.md~": "2"},
            ("note.md~",),
            id="names that differ in case do not meet in one file",
        ),
        pytest.param(
            {"a.md": "x"},
            {"a.md": "x", "Spec.md": "1"},
            {"a.md": "x", "spec.md": "2"},
            {"a.md": "x", "Spec.md~": "1", "spec.md": "2"},
            ("Spec.md~",),
            id="a document keeps its name",
        ),
        pytest.param(
            {"a.md": "x"},
            {"a.md": "x", "D/a": "1"},
            {"a.md": "x", "d/a": "2"},
            {"a.md": "x", "D/a": "1", "d~/a": "2"},
            ("d~/a",),
            id="folders that differ in case",
        ),
        pytest.param({}, {"a.md": "l"}, {}, {"a.md": "l"}, (), id="a folder that only one side has"),
        pytest.param({"a.md": "x"}, {}, {}, {}, (), id="a folder that both sides emptied"),
        pytest.param(
            {"old.md": TEXT},
            {"new.md": TEXT},
            {"old.md": TEXT + "h\n"},
            {"new.md": TEXT, "old.md": TEXT + "h\n"},
            ("old.md",),
            id="a new name is no rename",
        ),
    ],
)
def test_documents_are_joined_path_by_path(clones, base, left, right, joined, paths):
    one, other = diverged(clones, base, left, right)
    mine, theirs = one.tip, other.tip
    other.fetch(one)
    made = one.join(other)
    assert made == other.joiner.join_with_conflicts(REF, theirs, mine)
    assert (one.files() if joined else {}) == joined
    assert made.paths == paths


@pytest.mark.parametrize("data", [b"\0\1left", b"x" * (MAX_ARTIFACT_BYTES - 5)])
def test_what_can_have_no_markers_is_taken_from_the_greater_commit(clones, data):
    one, other = diverged(clones, {"a.bin": b"was"}, {"a.bin": data + b"1"}, {"a.bin": data + b"2"})
    greater = one if one.tip > other.tip else other
    kept = greater.file("a.bin", greater.tip)
    made = one.join(other)
    assert [conflict.kind for conflict in made.conflicts] == ["no-text"]
    assert one.file("a.bin") == kept


def hostile(repo):
    for key, value in HOSTILE.items():
        repo.git("config", key, value)
    repo.write(".git/info/attributes", "* merge=union\n*.md text eol=crlf ident conflict-marker-size=20\n")
    repo.write(".gitattributes", "*.md merge=binary\n")
    repo.write(".idse/.gitattributes", "* merge=ours\n")


def test_no_setting_of_a_user_changes_one_byte(clones, make_repo, sealed):
    one, other = diverged(
        clones, {"spec.md": TEXT}, *({"spec.md": TEXT.replace("d", word)} for word in ("left", "right"))
    )
    third = Clone(make_repo("third"))
    ours, theirs = third.fetch(one), third.fetch(other)
    wanted = one.join(other).commit
    hostile(third.repo)
    with (sealed / ".gitconfig").open("a") as file:
        file.write("[merge]\n\tconflictStyle = zdiff3\n[core]\n\tattributesFile = ~/attributes\n")
    (sealed / "attributes").write_text("* merge=union\n")
    made = third.joiner.join(REF, theirs, ours)
    assert made == wanted
    assert third.repo.git("cat-file", "-t", made) == "commit"


def test_replaced_and_grafted_commits_change_nothing(clones):
    one, other = diverged(clones, {"spec.md": TEXT}, {"spec.md": TEXT + "l\n"}, {"spec.md": "r\n" + TEXT})
    theirs, base = one.fetch(other), one.repo.git("rev-parse", f"{REF}~1")
    wanted = other.joiner.join(REF, other.fetch(one), other.tip)
    one.repo.git("replace", base, theirs)
    one.repo.write(".git/info/grafts", f"{one.tip}\n")
    assert one.joiner.join(REF, one.tip, theirs) == wanted


def test_a_descendant_is_its_own_merge(clones):
    one, other = clones()
    behind = one.tip
    ahead = other.edit({"spec.md": "more\n"})
    one.fetch(other)
    assert [one.joiner.join(REF, *pair) for pair in ((behind, ahead), (ahead, behind), (ahead, ahead))] == [
        ahead
    ] * 3


def test_two_clones_that_made_the_same_session_keep_both_texts(make_repo):
    one, other = Clone(make_repo("one")), Clone(make_repo("other"))
    one.append("created", CREATED.body, {"spec.md": "left\n", "same.md": "same\n"})
    other.append("created", CREATED.body, {"spec.md": "right\n", "same.md": "same\n"})
    mine, theirs = one.tip, other.tip
    other.fetch(one)
    made = one.join(other)
    assert made == other.joiner.join_with_conflicts(REF, theirs, mine)
    assert made.paths == ("spec.md",)
    assert {"left", "right"} <= set(one.file("spec.md").split())
    assert one.state()["events"] == 2
    assert len(one.state()["not_applied"]) == 1


def criss_crossed(clones):
    """Two tips with two best common ancestors, and the clone that has both."""
    one, other = diverged(
        clones, {"spec.md": TEXT}, {"spec.md": TEXT.replace("a", "A")}, {"spec.md": TEXT.replace("g", "G")}
    )
    left, right = other.fetch(one), one.fetch(other)
    one.edit({"spec.md": TEXT.replace("a", "A").replace("c", "left")})
    other.edit({"spec.md": TEXT.replace("g", "G").replace("e", "E")})
    for clone, theirs in ((one, right), (other, left)):
        clone.repo.git("update-ref", REF, clone.joiner.join(REF, clone.tip, theirs))
    other.edit({"spec.md": other.file("spec.md") + "right\n"})
    return one, other


def test_a_criss_cross_is_joined_on_the_join_of_its_bases(clones):
    one, other = criss_crossed(clones)
    theirs = one.fetch(other)
    assert len(one.repo.git("merge-base", "--all", one.tip, theirs).split()) == 2
    wanted = other.joiner.join(REF, other.fetch(one), theirs)
    made = one.join(other)
    assert (made.commit, made.conflicts) == (wanted, ())
    assert one.file("spec.md") == "A\nb\nleft\nd\nE\nf\nG\nright\n"
    assert one.repo.git("cat-file", "blob", f"{REF}:state.json").encode() == state_to_json(
        fold("portal", "login", one.events())
    )


def test_wrong_clocks_find_the_same_bases(clones):
    one, other = clones()
    other.now -= 900_000_000
    for clone, word in ((one, "left"), (other, "right")):
        for number in range(8):
            clone.edit({"spec.md": TEXT, f"{word}.md": str(number)})
    mine, theirs = one.tip, other.tip
    made = one.join(other).commit
    one.edit({"spec.md": TEXT})
    one.fetch(other)
    assert one.joiner.join(REF, one.tip, theirs) == one.tip
    other.fetch(one)
    assert other.joiner.join(REF, theirs, mine) == made
    assert one.state()["events"] == 18


def test_asking_what_a_merge_must_be_writes_nothing(clones):
    one, other = diverged(clones, {"spec.md": TEXT}, {"spec.md": "l\n"}, {"spec.md": "r\n"})
    theirs = one.fetch(other)
    before = one.repo.git("count-objects")
    wanted = one.joiner.expected(REF, [one.tip, theirs])
    assert one.repo.git("count-objects") == before
    assert one.joiner.join(REF, one.tip, theirs) == wanted


def test_a_merge_of_what_is_not_installed_is_not_installed_either(clones, tmp_path):
    one, other = criss_crossed(clones)
    folder = tmp_path / "apart"
    (folder / "pack").mkdir(parents=True)
    packed = other.repo.run(
        "sh", "-c", f"git rev-list --objects {REF} | git pack-objects -q {folder}/pack/pack"
    )
    assert packed.returncode == 0, packed.stderr
    before = one.repo.git("count-objects", "-v")
    made = git_joiner(one.repository, str(folder)).join(REF, one.tip, other.tip)
    assert one.repo.git("count-objects", "-v") == before
    assert one.repo.run("git", "cat-file", "-e", made).returncode != 0
    apart = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(folder)}
    assert one.repo.git("cat-file", "-t", made, env=apart) == "commit"
    one.repo.git("rev-list", "--objects", made, env=apart)
    assert made == one.join(other).commit


def test_only_what_the_merge_holds_is_written(clones):
    one, other = criss_crossed(clones)
    one.join(other)
    unreachable = one.repo.git("fsck", "--unreachable", "--no-reflogs").splitlines()
    assert [line for line in unreachable if "commit" in line] == []


@pytest.mark.parametrize("ref", ["refs/idse/sync/abc", "refs/idse/tasks/portal/x", "refs/heads/main"])
def test_other_refs_never_merge(clones, ref):
    one, other = diverged(clones, {}, {"a": "l"}, {"a": "r"})
    with pytest.raises(RefusedError):
        one.joiner.join(ref, one.tip, one.fetch(other))


def test_a_history_that_cannot_be_read_is_an_error_that_names_the_object(clones):
    one, other = diverged(clones, {}, {"a": "l"}, {"a": "r"})
    theirs = one.fetch(other)
    with pytest.raises(CorruptLedgerError) as caught:
        one.joiner.join(REF, "1" * 40, theirs)
    assert caught.value.where == "1" * 40


def test_a_project_is_merged_like_its_sessions(make_repo):
    one, other = Clone(make_repo("one")), Clone(make_repo("other"))
    ref = "refs/idse/projects/portal"
    one.writer.append_to_project("portal", lambda _: Draft("created", {"project": "portal", "stack": "go"}))
    other.repo.git("fetch", "--quiet", str(one.repo.path), f"{ref}:{ref}")
    for clone, key in ((one, "left"), (other, "right")):
        clone.writer.append_to_project(
            "portal", lambda _, key=key: Draft("described", {"settings": {key: 1}})
        )
    mine = one.repo.git("rev-parse", ref)
    made = one.joiner.join(ref, mine, one.fetch(other, ref))
    state = one.state(made)
    assert (state["settings"], state["events"], state["stack"]) == ({"left": 1, "right": 1}, 3, "go")
    assert one.repo.git("ls-tree", "--name-only", made) == "state.json"
