"""Every defect a ledger can have is made by hand in a real one, and named."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from here import discover, ledger_writer
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES
from idse_orchestrator.ledger.defects import HINTS
from idse_orchestrator.ledger.events import Actor, Draft, Event, event_from_json, message_of
from idse_orchestrator.ledger.fsck import check_ledgers
from idse_orchestrator.ledger.refs import HIGHEST
from idse_orchestrator.pipeline.stage_state_model import state_from_json
from idse_orchestrator.wiring.ledgers import KINDS, git_source
from idse_orchestrator.worktree.capture import MAX_FILE_BYTES

REF = "refs/idse/sessions/portal/login"
STARTED = Draft("stage", {"stage": "intent", "action": "start", "from": "pending", "to": "in_progress"})
WORDS = Draft("described", {"title": "words"})


class Bench:
    """A real ledger, and plain git to damage it with."""

    def __init__(self, repo):
        self.repo = repo
        self.repository = discover(str(repo.path))
        self.writer = ledger_writer(self.repository)

    def append(self, *drafts, session="login"):
        for draft in drafts:
            self.writer.append("portal", session, lambda _, draft=draft: draft)

    def codes(self):
        return [defect.code for defect in self.check().defects]

    def check(self):
        return check_ledgers(git_source(self.repository))

    def blob(self, data):
        name = self.repo.path / ".git" / "hand-made"
        name.write_bytes(data if isinstance(data, bytes) else data.encode())
        return self.repo.git("hash-object", "-w", str(name))

    def read(self, name, at=REF):
        return self.repo.git("show", f"{at}:{name}")

    def tree(self, at=REF, **changed):
        """The tree of `at` with other blobs: name to content, to (mode, id), or to None to leave it out."""
        rows = self.repo.git("ls-tree", at).splitlines()
        lines = {row.partition("\t")[2]: row for row in rows}
        for name, value in changed.items():
            path = name.replace("_json", ".json")
            lines.pop(path, None)
            if isinstance(value, tuple):
                kind = {"40000": "tree", "160000": "commit"}.get(value[0].lstrip("0"), "blob")
                lines[path] = f"{value[0]} {kind} {value[1]}\t{path}"
            elif value is not None:
                lines[path] = f"100644 blob {self.blob(value)}\t{path}"
        return self.repo.git("mktree", stdin="".join(f"{line}\n" for line in lines.values()))

    def commit(self, tree, parents=(REF,), message=None):
        """A commit made with plain git; its message is that of its event unless it is given."""
        if message is None:
            message = message_of(event_from_json(self.read("event.json", tree).encode()), KINDS.words)
        flags = [word for parent in parents for word in ("-p", parent)]
        return self.repo.git("commit-tree", tree, *flags, stdin=message)

    def move(self, commit, ref=REF):
        self.repo.git("update-ref", ref, commit)

    def amend(self, message=None, **changed):
        """Put another commit in the place of the tip."""
        parents = self.repo.git("log", "-1", "--format=%P", REF).split()
        message = message if message is not None else self.repo.git("log", "-1", "--format=%B", REF) + "\n"
        self.move(self.commit(self.tree(**changed), parents, message))

    def event(self, **changed):
        raw = {**json.loads(self.read("event.json")), **changed}
        return json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def state(self, **changed):
        raw = {**json.loads(self.read("state.json")), **changed}
        return json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def artifacts(self, *rows):
        self.repo.path.joinpath("spec.md").write_text("a spec\n")
        return self.repo.git("mktree", "--missing", stdin="".join(f"{row}\n" for row in rows))


@pytest.fixture
def bench(repo):
    made = Bench(repo)
    made.append(
        Draft("created", {"project": "portal", "session": "login", "type": "feature"}), STARTED, WORDS
    )
    assert made.codes() == []
    return made


def code_commit(bench):
    bench.repo.write("main.py", "print('source')\n")
    return bench.repo.commit("source", no_verify=True)


def test_a_ledger_as_idse_writes_it_has_no_defect_and_is_sound_to_its_tip(bench):
    report = bench.check()
    assert report.defects == ()
    assert [(ledger.ref, ledger.commits) for ledger in report.ledgers] == [(REF, 3)]
    assert report.ledgers[0].sound == bench.repo.git("rev-parse", REF)


def test_a_corrupt_state_is_told_once_and_what_builds_on_it_is_counted(bench):
    bench.amend(state_json=bench.state(title="forged"))
    bad = bench.repo.git("rev-parse", REF)
    bench.append(STARTED, STARTED)
    report = bench.check()
    assert [defect.code for defect in report.defects] == ["state-mismatch", "state-carried"]
    assert report.defects[0].commit == bad
    assert "title" in report.defects[0].what
    assert report.defects[1].what.startswith("2 commits")
    assert report.ledgers[0].sound == bench.repo.git("rev-parse", f"{bad}~1")


def test_a_stage_that_was_completed_in_the_state_alone_is_found(bench):
    state = json.loads(bench.read("state.json"))
    state["stages"]["intent"]["status"] = "complete"
    bench.amend(state_json=json.dumps(state, sort_keys=True, separators=(",", ":")))
    assert "stages.intent.status" in bench.check().defects[0].what


def test_a_state_with_other_spaces_is_not_canonical(bench):
    bench.amend(state_json=json.dumps(json.loads(bench.read("state.json"))))
    (defect,) = bench.check().defects
    assert (defect.code, defect.what) == ("state-mismatch", "state.json is not in the canonical form")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ({"state_json": "{"}, "state-schema"),
        ({"state_json": b"\xff\xfe\x00"}, "state-schema"),
        ({"state_json": "[" * 100_000}, "state-schema"),
        ({"state_json": None}, "missing-state"),
        ({"event_json": "not json"}, "event-schema"),
        ({"event_json": '{"format":1}'}, "event-schema"),
        ({"event_json": b"\xff"}, "event-schema"),
        ({"event_json": None}, "missing-event"),
        ({"README": "hello"}, "tree-shape"),
        ({"artifacts": "a file"}, "tree-shape"),
    ],
    ids=str,
)
def test_damage_to_the_tree_is_named(bench, damage, code):
    bench.amend(**damage)
    assert bench.codes() == [code]


@pytest.mark.parametrize("mode", ["100755", "120000", "160000"])
def test_only_plain_files_are_artifacts(bench, mode):
    target = code_commit(bench) if mode == "160000" else bench.blob("x")
    kind = "commit" if mode == "160000" else "blob"
    inner = bench.artifacts(f"{mode} {kind} {target}\tfile")
    bench.amend(artifacts=("040000", bench.artifacts(f"040000 tree {inner}\tfeedback")))
    (defect,) = bench.check().defects
    assert defect.code == "artifact-mode"
    assert defect.what.startswith("artifacts/feedback/file is ")


def test_an_artifact_over_the_limit_is_named_with_its_size(bench):
    big = bench.blob(b"x" * (MAX_ARTIFACT_BYTES + 1))
    bench.amend(artifacts=("040000", bench.artifacts(f"100644 blob {big}\tspec.md")))
    (defect,) = bench.check().defects
    assert (defect.code, "1,048,577" in defect.what) == ("artifact-size", True)


def test_the_limit_of_a_replay_is_the_one_that_capturing_keeps():
    assert MAX_ARTIFACT_BYTES == MAX_FILE_BYTES


def test_a_file_of_the_ledger_that_is_executable_is_out_of_shape(bench):
    bench.amend(state_json=("100755", bench.repo.git("rev-parse", f"{REF}:state.json")))
    assert bench.codes() == ["tree-shape"]


def test_a_ref_at_a_code_commit_is_one_defect_however_long_its_history(bench):
    for _ in range(3):
        tip = bench.repo.commit("more", allow_empty=True)
    bench.move(tip)
    assert bench.codes() == ["foreign-tip"]


def test_a_code_commit_as_parent_is_named_at_the_ledger_commit(bench):
    bench.move(bench.commit(bench.tree(), [code_commit(bench)]))
    assert bench.codes() == ["foreign-parent"]


def test_a_code_commit_grafted_as_a_second_parent_is_named(bench):
    code = code_commit(bench)
    parents = sorted([bench.repo.git("rev-parse", f"{REF}~1"), code])
    bench.move(bench.commit(bench.tree(), parents))
    assert {"foreign-parent", "merge-event"} <= set(bench.codes())


def forged(bench, message=None, **changed):
    """Append an event that no idse wrote, with the state that follows from it."""
    event = event_from_json(bench.event(**changed).encode())
    from here import apply
    from idse_orchestrator.pipeline.stage_state_model import state_to_json

    state = state_to_json(apply(state_from_json(bench.read("state.json").encode()), event))
    bench.move(bench.commit(bench.tree(event_json=event.to_json(), state_json=state), message=message))


NEW_ID = "01JD0000000000000000000000"


@pytest.mark.parametrize("lamport", [2, 3, 5, 400])
def test_a_lamport_that_jumps_or_repeats_is_named(bench, lamport):
    forged(bench, id=NEW_ID, lamport=lamport)
    (defect,) = bench.check().defects
    assert (defect.code, defect.what) == ("lamport", f"lamport is {lamport}, and should be 4")


def test_the_next_number_is_right(bench):
    forged(bench, id=NEW_ID, lamport=4)
    assert bench.codes() == []


def test_an_event_that_comes_twice_is_named(bench):
    forged(bench, lamport=4)
    assert bench.codes() == ["repeated-event"]


def test_a_message_with_a_duplicate_trailer_is_named(bench):
    message = bench.repo.git("log", "-1", "--format=%B", REF) + "\nIdse-Kind: stage\n"
    bench.amend(message)
    (defect,) = bench.check().defects
    assert (defect.code, defect.what) == ("message", "trailer Idse-Kind stands there 2 times")


def test_a_message_that_tells_another_story_is_named(bench):
    bench.amend(message="everything is fine\n")
    (defect,) = bench.check().defects
    assert defect.code == "message"
    assert defect.what == "trailer Idse-Event stands there 0 times"


def test_a_trailer_that_the_event_does_not_have_is_named(bench):
    message = bench.repo.git("log", "-1", "--format=%B", REF)
    bench.amend(message=f"{message}\nIdse-Code: {'0' * 40}\n")
    assert "is not of this event" in bench.check().defects[0].what


def test_a_subject_in_other_words_is_no_defect(bench):
    subject, _, rest = bench.repo.git("log", "-1", "--format=%B", REF).partition("\n")
    bench.amend(message=f"{subject}, said otherwise\n{rest}\n")
    assert bench.check().defects == ()


def test_a_trailer_with_another_value_is_named(bench):
    bench.amend(
        bench.repo.git("log", "-1", "--format=%B", REF).replace("Idse-Lamport: 3", "Idse-Lamport: 9") + "\n"
    )
    assert "should be 'Idse-Lamport: 3'" in bench.check().defects[0].what


@pytest.mark.parametrize(
    "change",
    [
        {"id": "not-a-ulid"},
        {"lamport": "3"},
        {"lamport": True},
        {"lamport": 0},
        {"at": "yesterday"},
        {"at": "2026-01-01T00:00:00Z\n"},
        {"extra": 1},
        {"actor": {"name": "x"}},
        {"body": []},
        {
            "kind": "stage",
            "body": {"stage": "intent", "action": "complete", "from": "pending", "to": "complete"},
        },
        {
            "kind": "stage",
            "body": {"stage": "coffee", "action": "start", "from": "pending", "to": "complete"},
        },
        {"kind": "approved", "body": {"rule": "IDSE301"}},
        {"kind": "assigned", "body": {"stage": "spec"}},
    ],
    ids=str,
)
def test_an_event_of_the_wrong_shape_is_named_and_never_folded(bench, change):
    bench.amend(event_json=bench.event(**change))
    assert "event-schema" in bench.codes()


@pytest.mark.parametrize("name", ["event_json", "state_json"])
def test_what_only_a_newer_idse_can_have_written_is_no_damage(bench, name):
    made = bench.event(kind="invented") if name == "event_json" else bench.state(invented=[])
    bench.amend(**{name: made})
    bench.move(bench.commit(bench.tree(state_json="rubbish")))
    (defect,) = bench.check().defects
    assert defect.code == "newer-format"
    assert "'invented'" in defect.what
    assert "which this idse does not know" in defect.what


def test_an_event_that_was_written_by_another_program_is_named(bench):
    bench.amend(event_json=json.dumps(json.loads(bench.read("event.json")), indent=1))
    assert bench.codes() == ["event-bytes"]


@pytest.mark.parametrize("name", ["event_json", "state_json"])
def test_a_future_format_names_it_and_ends_the_replay_of_this_ledger(bench, name):
    made = (
        bench.event(format=HIGHEST + 1) if name == "event_json" else bench.state(format=HIGHEST + 1, news=[])
    )
    bench.amend(**{name: made})
    bench.move(bench.commit(bench.tree(state_json="rubbish")))
    (defect,) = bench.check().defects
    assert defect.code == "newer-format"
    assert f"format {HIGHEST + 1} needs a newer idse" in defect.what
    assert "pip install --upgrade" in defect.hint


def test_a_first_event_that_is_no_creation_is_no_genesis(bench):
    bench.move(bench.commit(bench.tree(), []))
    assert "genesis" in bench.codes()


def merged(bench, ours, theirs):
    """A merge of two tips whose state is the fold of both sides' events."""
    from here import fold
    from idse_orchestrator.pipeline.stage_state_model import state_to_json

    commits = bench.repo.git("rev-list", ours, theirs).split()
    events = [event_from_json(bench.read("event.json", commit).encode()) for commit in commits]
    state = state_to_json(fold("portal", "login", events))
    tree = bench.tree(at=ours, event_json=None, state_json=state)
    return bench.commit(tree, sorted([ours, theirs]), "merge\n")


def diverged(bench):
    """Two tips that share the first three events."""
    base = bench.repo.git("rev-parse", REF)
    bench.append(Draft("described", {"title": "ours"}), STARTED)
    ours = bench.repo.git("rev-parse", REF)
    bench.move(base)
    bench.append(Draft("described", {"title": "theirs"}))
    return ours, bench.repo.git("rev-parse", REF)


def test_a_merge_holds_the_fold_of_both_sides_and_so_does_what_follows_it(bench):
    bench.move(merged(bench, *diverged(bench)))
    bench.append(WORDS, WORDS)
    report = bench.check()
    assert report.defects == ()
    assert report.ledgers[0].commits == 9


def test_a_merge_that_kept_one_side_only_is_named(bench):
    ours, theirs = diverged(bench)
    tree = bench.tree(at=ours, event_json=None)
    bench.move(bench.commit(tree, sorted([ours, theirs]), "merge\n"))
    assert bench.codes() == ["state-mismatch"]


def test_a_merge_with_its_parents_the_wrong_way_round_is_named(bench):
    made = merged(bench, *diverged(bench))
    parents = bench.repo.git("log", "-1", "--format=%P", made).split()
    bench.move(bench.commit(f"{made}^{{tree}}", parents[::-1], "merge\n"))
    assert bench.codes() == ["merge-parents"]


def test_a_merge_that_brings_an_event_of_its_own_is_named(bench):
    ours, theirs = diverged(bench)
    tree = bench.tree(at=merged(bench, ours, theirs), event_json=bench.event(id=NEW_ID, lamport=6))
    bench.move(bench.commit(tree, sorted([ours, theirs])))
    assert "merge-event" in bench.codes()


def test_two_clones_that_made_the_same_session_may_merge(bench):
    ours = bench.repo.git("rev-parse", REF)
    bench.repo.git("update-ref", "-d", REF)
    bench.append(Draft("created", {"type": "exploratory"}), WORDS)
    bench.move(merged(bench, ours, bench.repo.git("rev-parse", REF)))
    bench.append(WORDS)
    assert bench.codes() == []


def test_a_second_root_that_is_no_genesis_is_named(bench):
    ours = bench.repo.git("rev-parse", REF)
    stray = bench.commit(bench.tree(event_json=bench.event(id=NEW_ID)), [])
    bench.move(merged(bench, ours, stray))
    assert "genesis" in bench.codes()


def test_a_history_of_another_session_is_named(bench):
    bench.repo.git("update-ref", "refs/idse/sessions/portal/logout", REF)
    assert "other-ledger" in bench.codes()
    assert "session portal/login" in bench.check().defects[0].what


def test_a_ref_at_a_tag_a_tree_or_nothing_is_named(bench):
    bench.repo.git("tag", "-a", "-m", "a tag", "v1", REF)
    bench.move(bench.repo.git("rev-parse", "v1"))
    assert bench.codes() == ["ref-kind"]
    bench.repo.write(f".git/{REF}", "1" * 40 + "\n")
    assert bench.codes() == ["missing-object"]
    bench.repo.write(f".git/{REF}", "rubbish\n")
    assert bench.codes() == ["ref-broken"]


def test_a_ref_that_leads_to_another_one_is_named(bench):
    bench.repo.git("symbolic-ref", "refs/idse/sessions/portal/alias", REF)
    assert "ref-symbolic" in bench.codes()


def test_names_that_idse_would_not_give_are_named(bench):
    bench.repo.git("update-ref", "refs/idse/sessions/portal/-x", REF)
    bench.repo.git("update-ref", "refs/idse/sessions/alone", REF)
    assert bench.codes() == ["ref-name", "ref-name"]


def test_two_names_that_differ_only_in_case_are_named_once(bench):
    bench.append(Draft("created", {"type": "feature"}), session="LOGIN")
    (defect,) = bench.check().defects
    assert (defect.code, defect.ref) == ("ref-case", REF)
    assert "portal/LOGIN only in case" in defect.what


def test_two_projects_whose_names_differ_only_in_case_are_named(bench):
    bench.writer.append("PORTAL", "other", lambda _: Draft("created", {"type": "feature"}))
    (defect,) = bench.check().defects
    assert defect.code == "ref-case"
    assert "sessions/portal differs from refs/idse/sessions/PORTAL" in defect.what


def test_refs_of_a_newer_idse_are_a_note_and_no_defect(bench):
    bench.repo.git("update-ref", "refs/idse/tasks/portal/t1", REF)
    report = bench.check()
    assert report.defects == ()
    assert [note.code for note in report.notes] == ["unknown-ref", "missing-project"]


def loose(bench, name):
    return bench.repo.path / ".git" / "objects" / name[:2] / name[2:]


@pytest.mark.parametrize("what", ["{0}~1:state.json", "{0}~1:event.json", "{0}~1^{{tree}}", "{0}~1"])
@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_an_object_that_is_missing_or_torn_is_named_and_the_rest_is_still_checked(bench, what, damage):
    path = loose(bench, bench.repo.git("rev-parse", what.format(REF)))
    os.chmod(path, 0o644)
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:9])
    assert set(bench.codes()) == {"missing-object"}


def test_a_document_that_is_missing_is_named(bench):
    inner = bench.artifacts(f"100644 blob {'2' * 40}\tspec.md")
    bench.amend(artifacts=("040000", inner))
    assert bench.codes() == ["missing-object"]


def test_a_replacement_ref_hides_nothing(bench):
    tip = bench.repo.git("rev-parse", REF)
    bench.amend(state_json="{")
    bench.repo.git("replace", bench.repo.git("rev-parse", REF), tip)
    assert bench.codes() == ["state-schema"]


def test_a_shallow_history_is_a_note_and_is_checked_from_where_it_begins(bench, tmp_path):
    bench.repo.git(
        "clone", "--quiet", "--no-checkout", f"file://{bench.repo.path}", str(tmp_path / "c"), check=False
    )
    shutil.rmtree(tmp_path / "c", ignore_errors=True)
    bench.repo.git("init", "--quiet", str(tmp_path / "c"))
    bench.repo.git(
        "-C",
        str(tmp_path / "c"),
        "fetch",
        "--quiet",
        "--depth=2",
        f"file://{bench.repo.path}",
        f"{REF}:{REF}",
    )
    report = check_ledgers(git_source(discover(str(tmp_path / "c"))))
    assert report.defects == ()
    assert [note.code for note in report.notes] == ["missing-project", "cut-history"]
    assert report.commits == 2


def test_notes_that_hold_anything_else_are_named(bench):
    bench.repo.git("update-ref", "refs/idse/notes/commits", code_commit(bench))
    assert bench.codes() == ["notes-root", "notes-shape"]


def test_no_hint_is_a_complete_destructive_command():
    for hint in HINTS.values():
        for words in ("update-ref", "push", "branch -D", "reset --hard", "gc", "rm "):
            assert f"git {words}" not in hint


def test_the_actor_of_an_event_may_have_any_name(bench):
    actor = Actor("Zoë\u2028--- \U0001f600", "z@example.invalid", "agent")
    event = Event(
        NEW_ID, "described", 4, "2026-01-01T00:00:00Z", NEW_ID, actor, {"title": "é\n---\nIdse-Kind: x"}
    )
    forged(bench, **json.loads(event.to_json()))
    assert bench.codes() == []
