"""A corpus of hostile remotes, made with plain git: each is refused by name, and its good twin comes in."""

from __future__ import annotations

import json
import subprocess

import pytest

from here import apply, discover, git_notes, ledger_writer
from idse_orchestrator.ledger.events import Draft, event_from_json, message_of
from idse_orchestrator.ledger.fsck import check_ledgers
from idse_orchestrator.ledger.refs import HIGHEST
from idse_orchestrator.pipeline.stage_state_model import state_from_json, state_to_json
from idse_orchestrator.sync import guard_ledgers
from idse_orchestrator.sync.points import SyncPoint
from idse_orchestrator.sync.published_refs import RefMove
from idse_orchestrator.wiring.ledgers import KINDS, git_guard, git_joiner, git_source

REF = "refs/idse/sessions/portal/login"
NOTES = "refs/idse/notes/commits"
REPLICA = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SYNC = f"refs/idse/sync/{REPLICA}"
NEW_ID = "01JD0000000000000000000000"
CREATED = Draft("created", {"project": "portal", "session": "login", "type": "feature"})
STARTED = Draft("stage", {"stage": "intent", "action": "start", "from": "pending", "to": "in_progress"})
WORDS = Draft("described", {"title": "words"})


class Folder:
    """Objects that came and are not installed: here they stand in another repository's own store."""

    def __init__(self, folder):
        self.folder = folder


class Side:
    """A repository in which ledgers are made, well or badly, with the means of plain git."""

    def __init__(self, repo):
        self.repo = repo
        self.repository = discover(str(repo.path))
        self.writer = ledger_writer(self.repository)
        self.guard = git_guard(self.repository)

    def append(self, *drafts, session="login"):
        for draft in drafts:
            self.writer.append("portal", session, lambda _, draft=draft: draft)
        return self.tip(f"refs/idse/sessions/portal/{session}")

    def tip(self, name=REF):
        return self.repo.git("rev-parse", name)

    def objects(self):
        return Folder(str(self.repo.path / ".git" / "objects"))

    def bytes(self, *args, stdin=b""):
        return subprocess.run(
            ["git", *args], cwd=self.repo.path, input=stdin, capture_output=True, check=True
        ).stdout

    def hash(self, kind, data):
        """Write an object as it is, however bad."""
        return (
            self.bytes("hash-object", "-t", kind, "-w", "--literally", "--stdin", stdin=data).decode().strip()
        )

    def blob(self, data):
        return self.hash("blob", data if isinstance(data, bytes) else data.encode())

    def raw_tree(self, *entries):
        """A tree of (mode, name, id) in the order given."""
        return self.hash("tree", b"".join(_entry(*entry) for entry in entries))

    def read(self, name, at=REF):
        return self.bytes("cat-file", "blob", f"{at}:{name}")

    def tree(self, at=REF, artifacts=None, **changed):
        """The tree of the ledger commit `at` with other content: name to bytes, or to (mode, id), or None."""
        entries = {}
        for row in self.repo.git("ls-tree", at).splitlines():
            meta, _, name = row.partition("\t")
            entries[name] = (meta.split()[0].lstrip("0"), meta.split()[2])
        if isinstance(artifacts, bytes):
            entries["artifacts"] = ("100644", self.blob(artifacts))
        elif artifacts is not None:
            entries["artifacts"] = ("40000", artifacts)
        for key, value in changed.items():
            name = key.replace("_json", ".json")
            entries.pop(name, None)
            if value is not None:
                entries[name] = value if isinstance(value, tuple) else ("100644", self.blob(value))
        return self.raw_tree(*((mode, name, id_) for name, (mode, id_) in sorted(entries.items())))

    def commit(self, tree, parents=(REF,), message=None):
        """A commit whose message retells its event, unless another one is given."""
        if message is None:
            message = message_of(event_from_json(self.read("event.json", tree)), KINDS.words)
        flags = [word for parent in parents for word in ("-p", parent)]
        done = self.bytes(
            "commit-tree", tree, *flags, stdin=message.encode() if isinstance(message, str) else message
        )
        return done.decode().strip()

    def move(self, commit, ref=REF):
        self.repo.git("update-ref", ref, commit)
        return commit

    def amend(self, message=None, **changed):
        """Another commit in the place of the tip."""
        parents = self.repo.git("log", "-1", "--format=%P", REF).split()
        message = message if message is not None else self.message()
        return self.move(self.commit(self.tree(**changed), parents, message))

    def message(self):
        return self.bytes("log", "-1", "--format=%B", REF).decode().rstrip("\n") + "\n"

    def event(self, **changed):
        return _json({**json.loads(self.read("event.json")), **changed})

    def state(self, **changed):
        return _json({**json.loads(self.read("state.json")), **changed})

    def forged(self, **changed):
        """An event that no idse wrote, on top of the tip, with the state that follows from it."""
        event = event_from_json(self.event(**changed))
        state = state_to_json(apply(state_from_json(self.read("state.json")), event))
        return self.move(self.commit(self.tree(event_json=event.to_json(), state_json=state)))

    def with_folder(self, *entries):
        """Put the folder of `entries` into the tip."""
        return self.amend(artifacts=self.raw_tree(*entries))

    def is_sound(self):
        return check_ledgers(git_source(self.repository)).defects == ()


def _json(raw):
    return json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _entry(mode, name, id_):
    data = name if isinstance(name, bytes) else name.encode()
    return mode.encode() + b" " + data + b"\0" + bytes.fromhex(id_)


@pytest.fixture
def theirs(make_repo):
    """The remote: one sound ledger of three events."""
    side = Side(make_repo("theirs"))
    side.append(CREATED, STARTED, WORDS)
    return side


@pytest.fixture
def ours(make_repo):
    """An empty repository that is about to pull."""
    return Side(make_repo("ours"))


def judged(ours, theirs, *, ref=REF, old="", new=None, there=()):
    """What is wrong with what a remote has; pushed to a server it is wrong in the same way."""
    move = RefMove(ref, old, new or theirs.tip(ref))
    found = ours.guard.incoming([move], theirs.objects(), there).get(ref, ())
    pushed = ours.guard.receiving([move], theirs.objects().folder, there).get(ref, ())
    if not any(defect.is_note for defect in found):
        assert [defect for defect in pushed if defect.code != "ref-rewind"] == [*found]
    return found


def codes(*args, **options):
    return [defect.code for defect in judged(*args, **options)]


def code_commit(side):
    side.repo.write("main.py", "print('source')\n")
    return side.repo.commit("source", no_verify=True)


def shared(ours, theirs):
    """Let ours have what theirs has, and return the tip."""
    ours.repo.git("fetch", "--quiet", str(theirs.repo.path), "refs/idse/*:refs/idse/*")
    return ours.tip()


def test_a_ledger_as_idse_writes_it_comes_in(ours, theirs):
    theirs.with_folder(("100644", "spec.md", theirs.blob("a spec\n")))
    assert theirs.is_sound()
    assert codes(ours, theirs) == []


def test_a_project_and_notes_and_what_follows_what_we_have_come_in(ours, theirs):
    theirs.writer.append_to_project("portal", lambda _: Draft("created", {"project": "portal"}))
    code = code_commit(theirs)
    git_notes(theirs.repository).write_many({code: "Idse-Session: portal/login\n"}, "a note")
    old = shared(ours, theirs)
    notes = ours.tip(NOTES)
    theirs.append(WORDS, STARTED)
    more = theirs.repo.commit("more", allow_empty=True)
    git_notes(theirs.repository).write_many({more: "Idse-Session: portal/login\n"}, "another note")
    moves = [
        RefMove(REF, old, theirs.tip()),
        RefMove(NOTES, notes, theirs.tip(NOTES)),
        RefMove("refs/idse/projects/portal", "", theirs.tip("refs/idse/projects/portal")),
    ]
    assert ours.guard.incoming(moves, theirs.objects(), [REF, NOTES]) == {}
    assert ours.guard.incoming([RefMove(NOTES, "", theirs.tip(NOTES))], theirs.objects(), []) == {}


# What a server takes


def received(ours, theirs, *moves, there=()):
    found = ours.guard.receiving([RefMove(*move) for move in moves], theirs.objects().folder, there)
    return {ref: [defect.code for defect in defects] for ref, defects in found.items()}


def test_a_server_takes_no_deletion_no_rewind_and_nothing_beside_ledgers(ours, theirs):
    tip = shared(ours, theirs)
    more = theirs.append(WORDS)
    code = code_commit(theirs)
    assert received(ours, theirs, (REF, tip, more)) == {}
    assert received(ours, theirs, (REF, tip, "")) == {REF: ["ref-deletion"]}
    assert received(ours, theirs, (REF, tip, theirs.tip(f"{REF}~2"))) == {REF: ["ref-rewind"]}
    others = [
        "refs/heads/main",
        "refs/tags/v1",
        "refs/idse-agency/rules",
        "refs/idse-local/x",
        "refs/notes/x",
    ]
    for name in others:
        assert received(ours, theirs, (f"refs/{name}", "", code)) == {f"refs/{name}": ["ref-outside"]}
        assert received(ours, theirs, (f"refs/{name}", tip, "")) == {f"refs/{name}": ["ref-outside"]}
    for name in ("refs/idse/unknown/x", "refs/idse/notes/other"):
        assert received(ours, theirs, (name, "", more)) == {name: ["ref-family"]}


def test_a_server_takes_no_side_that_moved_on_by_itself(ours, theirs):
    _, mine, other = diverged(ours, theirs)
    assert received(ours, theirs, (REF, mine, other)) == {REF: ["ref-rewind"]}


def test_a_server_that_lost_what_a_ref_points_at_takes_nothing_on_top(ours, theirs):
    """It could not see a rewind."""
    assert received(ours, theirs, (REF, "1" * 40, theirs.tip())) == {REF: ["missing-object"]}


def test_names_that_differ_in_case_are_refused_also_if_they_come_together(ours, theirs):
    login, other = REF, "refs/idse/sessions/portal/Login"
    theirs.append(Draft("created", {"project": "portal", "session": "Login"}), session="Login")
    moves = [(name, "", theirs.tip(name)) for name in (login, other)]
    assert received(ours, theirs, *moves) == {login: ["ref-case"]}
    assert received(ours, theirs, moves[1], there=[login]) == {other: ["ref-case"]}


# A ledger of the wrong parents


def test_a_ledger_whose_parent_is_a_code_commit_is_refused(ours, theirs):
    theirs.move(theirs.commit(theirs.tree(), [code_commit(theirs)]))
    assert codes(ours, theirs) == ["foreign-parent"]


def test_a_code_commit_under_a_ledgers_name_is_one_defect_however_long_its_history(ours, theirs):
    code_commit(theirs)
    for _ in range(3):
        tip = theirs.repo.commit("more", allow_empty=True)
    theirs.move(tip)
    assert codes(ours, theirs) == ["foreign-tip"]


def test_a_code_commit_grafted_on_as_a_second_parent_is_refused(ours, theirs):
    parents = sorted([theirs.tip(f"{REF}~1"), code_commit(theirs)])
    theirs.move(theirs.commit(theirs.tree(), parents))
    assert codes(ours, theirs) == ["foreign-parent"]


def test_a_second_root_that_is_no_genesis_is_refused(ours, theirs):
    tip = theirs.tip()
    stray = theirs.commit(theirs.tree(event_json=theirs.event(id=NEW_ID)), [])
    theirs.move(theirs.commit(theirs.tree(event_json=None), sorted([tip, stray]), "merge\n"))
    assert "genesis" in codes(ours, theirs)


def test_a_history_that_begins_without_a_creation_is_refused(ours, theirs):
    theirs.move(theirs.commit(theirs.tree(), []))
    assert "genesis" in codes(ours, theirs)


def diverged(ours, theirs):
    """Both sides move on from the same three events."""
    base = shared(ours, theirs)
    mine = ours.append(Draft("described", {"title": "ours"}), STARTED)
    other = theirs.append(Draft("described", {"title": "theirs"}))
    return base, mine, other


def test_a_side_that_moved_on_by_itself_comes_in(ours, theirs):
    _, mine, _ = diverged(ours, theirs)
    assert codes(ours, theirs, old=mine) == []


def test_a_side_that_moved_on_wrongly_by_itself_is_refused(ours, theirs):
    _, mine, _ = diverged(ours, theirs)
    theirs.forged(id=NEW_ID, lamport=9)
    assert codes(ours, theirs, old=mine) == ["lamport"]


def test_two_clones_that_made_the_same_session_may_meet(ours, theirs):
    mine = ours.append(CREATED, WORDS)
    assert codes(ours, theirs, old=mine) == []


def test_the_merge_that_everybody_makes_comes_in_and_what_follows_it(ours, theirs):
    _, mine, other = diverged(ours, theirs)
    theirs.repo.git("fetch", "--quiet", str(ours.repo.path), REF)
    theirs.move(git_joiner(theirs.repository).join(REF, mine, other))
    assert codes(ours, theirs, old=mine) == []
    theirs.append(WORDS)
    assert codes(ours, theirs, old=mine) == []
    assert codes(ours, theirs) == []


def test_a_merge_that_says_more_than_everybodys_is_refused(ours, theirs):
    _, mine, other = diverged(ours, theirs)
    theirs.repo.git("fetch", "--quiet", str(ours.repo.path), REF)
    good = theirs.move(git_joiner(theirs.repository).join(REF, mine, other))
    parents = theirs.repo.git("log", "-1", "--format=%P", good).split()
    theirs.move(theirs.commit(f"{good}^{{tree}}", parents, theirs.message()))
    assert codes(ours, theirs, old=mine) == ["merge-content"]


def test_a_merge_with_its_parents_the_wrong_way_round_is_refused(ours, theirs):
    _, mine, other = diverged(ours, theirs)
    theirs.repo.git("fetch", "--quiet", str(ours.repo.path), REF)
    good = theirs.move(git_joiner(theirs.repository).join(REF, mine, other))
    parents = theirs.repo.git("log", "-1", "--format=%P", good).split()
    theirs.move(theirs.commit(f"{good}^{{tree}}", parents[::-1], theirs.message()))
    assert codes(ours, theirs, old=mine) == ["merge-parents"]


def test_an_old_tip_that_is_played_back_brings_nothing_to_judge(ours, theirs):
    old = theirs.tip(f"{REF}~1")
    assert codes(ours, theirs, old=shared(ours, theirs), new=old) == []


def test_a_sound_ledger_under_the_name_of_another_one_that_we_have_is_refused(ours, theirs):
    tip = shared(ours, theirs)
    logout = ours.append(Draft("created", {"project": "portal", "session": "logout"}), session="logout")
    moves = [
        RefMove(REF, tip, theirs.append(WORDS)),
        RefMove("refs/idse/sessions/portal/logout", logout, tip),
    ]
    found = ours.guard.incoming(moves, theirs.objects(), [])
    assert "other-ledger" in {defect.code for defect in found["refs/idse/sessions/portal/logout"]}
    assert REF not in found


# Events, states and messages


@pytest.mark.parametrize("lamport", [2, 3, 5, 400])
def test_a_lamport_that_jumps_or_repeats_is_refused(ours, theirs, lamport):
    old = shared(ours, theirs)
    theirs.forged(id=NEW_ID, lamport=lamport)
    assert codes(ours, theirs, old=old) == codes(ours, theirs) == ["lamport"]


def test_the_next_lamport_comes_in(ours, theirs):
    old = shared(ours, theirs)
    theirs.forged(id=NEW_ID, lamport=4)
    assert codes(ours, theirs, old=old) == codes(ours, theirs) == []


@pytest.mark.parametrize("long", [1, 1000])
@pytest.mark.parametrize("depth", ["", "~1", "~2"])
def test_an_event_that_we_have_already_is_refused_however_deep_it_lies(
    ours, theirs, depth, long, monkeypatch
):
    """Whether the ledger is walked, or so long that an index is asked."""
    monkeypatch.setattr(guard_ledgers, "LONG", long)
    old = shared(ours, theirs)
    event = json.loads(theirs.read("event.json", f"{REF}{depth}"))
    theirs.forged(id=event["id"], lamport=4)
    assert codes(ours, theirs, old=old) == codes(ours, theirs) == ["repeated-event"]


@pytest.mark.parametrize(
    "line",
    ["Idse-Kind: stage", "Idse-Event: {0}", "Idse-Code: {1}", "Idse-Lamport: 3", "Idse-Invented: x"],
)
def test_a_duplicate_or_foreign_trailer_is_refused(ours, theirs, line):
    theirs.amend(theirs.message() + line.format(NEW_ID, "0" * 40) + "\n")
    assert codes(ours, theirs) == ["message"]


@pytest.mark.parametrize(
    "hide",
    [
        lambda message: message.partition("\n\n")[0] + "\n",
        lambda message: message.replace("Idse-Kind", "idse-Kind"),
        lambda message: message.replace("\nIdse-Kind", "\n Idse-Kind"),
        lambda message: message.replace("Idse-Lamport: 3", "Idse-Lamport: 30"),
    ],
    ids=["none", "small", "indented", "changed"],
)
def test_a_hidden_or_changed_trailer_is_refused(ours, theirs, hide):
    theirs.amend(hide(theirs.message()))
    assert codes(ours, theirs) == ["message"]


def test_a_message_that_ends_for_git_before_it_ends_is_refused(ours, theirs):
    data = theirs.bytes("cat-file", "commit", REF)
    head, _, message = data.partition(b"\n\n")
    theirs.move(theirs.hash("commit", head + b"\n\nnothing happened\n\0" + message))
    assert codes(ours, theirs) == ["commit-shape"]


def test_a_message_in_an_encoding_of_its_own_is_refused(ours, theirs):
    head, _, message = theirs.bytes("cat-file", "commit", REF).partition(b"\n\n")
    theirs.move(theirs.hash("commit", head + b"\nencoding UTF-7\n\n" + message))
    assert codes(ours, theirs) == ["commit-shape"]


def test_a_commit_twice_signed_for_by_its_committer_is_refused(ours, theirs):
    head, _, message = theirs.bytes("cat-file", "commit", REF).partition(b"\n\n")
    theirs.move(theirs.hash("commit", head + b"\n" + head.splitlines()[-1] + b"\n\n" + message))
    assert codes(ours, theirs) == ["commit-shape"]


def test_a_signed_commit_comes_in(ours, theirs):
    head, _, message = theirs.bytes("cat-file", "commit", REF).partition(b"\n\n")
    signature = b"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n\n"
    theirs.move(theirs.hash("commit", head + signature + message))
    assert codes(ours, theirs) == []


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ({"state_json": b"{"}, "state-schema"),
        ({"state_json": b"\xff\xfe"}, "state-schema"),
        ({"state_json": b"[" * 100_000}, "state-schema"),
        ({"state_json": None}, "missing-state"),
        ({"event_json": b"not json"}, "event-schema"),
        ({"event_json": b'{"format":1}'}, "event-schema"),
        ({"event_json": None}, "missing-event"),
        ({"README": b"hello"}, "tree-shape"),
        ({"artifacts": b"a file"}, "tree-shape"),
    ],
    ids=str,
)
def test_damage_to_the_tree_is_refused(ours, theirs, damage, code):
    old = theirs.tip(f"{REF}~1")
    theirs.amend(**damage)
    assert codes(ours, theirs) == [code]
    ours.repo.git("fetch", "--quiet", str(theirs.repo.path), old)
    assert codes(ours, theirs, old=old) == [code]


def test_a_state_that_is_not_the_fold_is_refused(ours, theirs):
    state = json.loads(theirs.read("state.json"))
    state["stages"]["intent"]["status"] = "complete"
    theirs.amend(state_json=_json(state))
    assert codes(ours, theirs) == ["state-mismatch"]


@pytest.mark.parametrize("name", ["event_json", "state_json"])
def test_a_future_format_says_what_can_read_it(ours, theirs, name):
    theirs.amend(**{name: getattr(theirs, name.removesuffix("_json"))(format=HIGHEST + 1)})
    (defect,) = judged(ours, theirs)
    assert defect.code == "newer-format"
    assert f"format {HIGHEST + 1} needs a newer idse" in defect.what
    assert "pip install --upgrade" in defect.hint


@pytest.mark.parametrize(
    ("name", "size", "code"),
    [("event_json", 5, "event-schema"), ("state_json", 17, "state-schema")],
)
def test_a_state_or_event_without_measure_is_never_loaded(ours, theirs, name, size, code):
    theirs.amend(**{name: bytes(size * 1024 * 1024)})
    (defect,) = judged(ours, theirs)
    assert (defect.code, "limit" in defect.what) == (code, True)


# Folders of documents


@pytest.mark.parametrize("mode", ["100755", "120000", "100664", "100640"])
def test_only_plain_files_come_in(ours, theirs, mode):
    theirs.with_folder((mode, "file", theirs.blob("x")))
    assert codes(ours, theirs) == ["artifact-mode"]


def test_a_submodule_does_not_come_in(ours, theirs):
    theirs.with_folder(("160000", "sub", code_commit(theirs)))
    assert codes(ours, theirs) == ["artifact-mode"]


@pytest.mark.parametrize(
    "name",
    [".git", ".GIT", ".giT", "git~1", ".git ", ".g\u200cit", "..", ".", ".git::$INDEX_ALLOCATION", b"\xff"],
)
def test_names_that_lead_elsewhere_do_not_come_in_at_any_depth(ours, theirs, name):
    file = ("100644", name, theirs.blob("x"))
    theirs.with_folder(file)
    assert codes(ours, theirs) == ["artifact-name"]
    theirs.with_folder(("40000", "feedback", theirs.raw_tree(file)))
    assert codes(ours, theirs) == ["artifact-name"]
    theirs.with_folder(("40000", name, theirs.raw_tree(("100644", "config", theirs.blob("x")))))
    assert codes(ours, theirs) == ["artifact-name"]


def test_a_name_with_a_slash_does_not_come_in(ours, theirs):
    theirs.with_folder(("100644", "../../x", theirs.blob("x")))
    assert codes(ours, theirs) == ["artifact-name"]


def test_two_names_that_differ_only_in_case_do_not_come_in(ours, theirs):
    blob = theirs.blob("x")
    theirs.with_folder(("100644", "Spec.md", blob), ("100644", "spec.md", blob))
    assert codes(ours, theirs) == ["artifact-case"]


@pytest.mark.parametrize("names", [("b", "a"), ("a", "a")], ids=["order", "double"])
def test_a_tree_that_no_git_writes_does_not_come_in(ours, theirs, names):
    theirs.with_folder(*(("100644", name, theirs.blob("x")) for name in names))
    assert codes(ours, theirs) == ["tree-shape"]


def test_a_mode_in_other_words_does_not_come_in(ours, theirs):
    theirs.with_folder(("0100644", "spec.md", theirs.blob("x")))
    assert codes(ours, theirs) == ["tree-shape"]


def test_a_file_and_a_folder_of_one_name_do_not_come_in(ours, theirs):
    inner = theirs.raw_tree(("100644", "x", theirs.blob("x")))
    theirs.with_folder(("100644", "a", theirs.blob("x")), ("40000", "a", inner))
    assert codes(ours, theirs) == ["artifact-case"]


def test_a_file_of_200_mb_is_named_with_its_size(ours, theirs):
    theirs.with_folder(("100644", "spec.md", theirs.blob(bytes(200 * 1024 * 1024))))
    (defect,) = judged(ours, theirs)
    assert (defect.code, "209,715,200" in defect.what) == ("artifact-size", True)


def test_a_file_at_the_limit_comes_in(ours, theirs):
    theirs.with_folder(("100644", "spec.md", theirs.blob(bytes(1024 * 1024))))
    assert codes(ours, theirs) == []


def test_a_folder_that_unfolds_to_more_files_than_there_are_atoms_is_refused_at_once(ours, theirs):
    tree = theirs.raw_tree(("100644", "a", theirs.blob("x")), ("100644", "b", theirs.blob("x")))
    for _ in range(30):
        tree = theirs.raw_tree(("40000", "a", tree), ("40000", "b", tree))
    theirs.amend(artifacts=tree)
    assert codes(ours, theirs) == ["artifact-count"]


def test_folders_without_end_are_refused_and_what_they_share_with_good_ones_is_not(ours, theirs):
    good = tree = theirs.raw_tree(("100644", "a", theirs.blob("x")))
    for depth in range(60):
        tree = theirs.raw_tree(("40000", "a", tree), ("40000", "b", tree))
        good = tree if depth < 3 else good
    theirs.amend(artifacts=tree)
    assert codes(ours, theirs) == ["artifact-count"]
    other = "refs/idse/sessions/portal/other"
    theirs.append(Draft("created", {}), session="other")
    bad = theirs.tip()
    parents = theirs.repo.git("log", "-1", "--format=%P", other).split()
    message = theirs.bytes("log", "-1", "--format=%B", other).rstrip(b"\n") + b"\n"
    theirs.move(theirs.commit(theirs.tree(other, artifacts=good), parents, message), other)
    found = ours.guard.incoming(
        [RefMove(REF, "", bad), RefMove(other, "", theirs.tip(other))], theirs.objects(), []
    )
    assert set(found) == {REF}


def test_a_document_that_did_not_come_along_is_missing(ours, theirs):
    theirs.with_folder(("100644", "spec.md", "2" * 40))
    assert codes(ours, theirs) == ["missing-object"]


def test_a_file_that_is_a_folder_in_truth_is_refused(ours, theirs):
    theirs.with_folder(("100644", "spec.md", theirs.raw_tree(("100644", "x", theirs.blob("x")))))
    assert codes(ours, theirs) == ["missing-object"]


# Names of refs


@pytest.mark.parametrize(
    ("ref", "there", "code"),
    [
        ("refs/idse/sessions/portal/LOGIN", [REF], "ref-case"),
        ("refs/idse/sessions/Portal/other", [REF], "ref-case"),
        ("refs/idse/sessions/portal/login", [f"{REF}/x"], "ref-clash"),
        ("refs/idse/sessions/portal/-x", [], "ref-name"),
        ("refs/idse/sessions/alone", [], "ref-name"),
        ("refs/heads/main", [], "ref-outside"),
        ("refs/idse-local/x", [], "ref-outside"),
        ("refs/idse/tasks/portal/t1", [], "unknown-ref"),
    ],
)
def test_a_name_that_cannot_come_in_is_refused(ours, theirs, ref, there, code):
    assert codes(ours, theirs, ref=ref, new=theirs.tip(), there=there) == [code]


def test_of_two_incoming_names_that_differ_only_in_case_one_is_refused(ours, theirs):
    other = theirs.append(Draft("created", {}), session="LOGIN")
    ref = "refs/idse/sessions/portal/LOGIN"
    moves = [RefMove(REF, "", theirs.tip()), RefMove(ref, "", other)]
    found = ours.guard.incoming(moves, theirs.objects(), [])
    assert [(name, defect.code) for name, (defect,) in found.items()] == [(REF, "ref-case")]


def test_a_ref_at_something_else_than_a_commit_is_refused(ours, theirs):
    theirs.repo.git("tag", "-a", "-m", "a tag", "v1", REF)
    assert codes(ours, theirs, new=theirs.tip("v1")) == ["ref-kind"]
    assert codes(ours, theirs, new=theirs.tip(f"{REF}^{{tree}}")) == ["ref-kind"]
    assert codes(ours, theirs, new="1" * 40) == ["missing-object"]


def test_a_history_with_a_hole_is_refused_and_its_neighbours_come_in(ours, theirs):
    data = theirs.bytes("cat-file", "commit", REF)
    hole = theirs.hash("commit", data.replace(theirs.tip(f"{REF}~1").encode(), b"3" * 40))
    others = [f"refs/idse/sessions/portal/s{number}" for number in range(5)]
    for ref in others:
        theirs.append(Draft("created", {}), session=ref.rpartition("/")[2])
    moves = [RefMove(REF, "", hole), *(RefMove(ref, "", theirs.tip(ref)) for ref in others)]
    found = ours.guard.incoming(moves, theirs.objects(), [])
    assert {ref: [defect.code for defect in told] for ref, told in found.items()} == {REF: ["missing-object"]}


# Notes and sync points


def noted(side):
    code = code_commit(side)
    git_notes(side.repository).write_many({code: "Idse-Session: portal/login\n"}, "a note")
    return code


def replanted(side, *entries):
    """A commit of notes whose tree is of `entries`, on top of the notes."""
    return side.move(side.commit(side.raw_tree(*entries), [NOTES], "notes\n"), NOTES)


def test_notes_with_another_root_are_refused(ours, theirs):
    noted(theirs)
    theirs.move(theirs.commit(f"{NOTES}^{{tree}}", [], "notes\n"), NOTES)
    assert codes(ours, theirs, ref=NOTES) == ["notes-root"]


def test_source_code_under_the_name_of_notes_is_refused(ours, theirs):
    theirs.move(code_commit(theirs), NOTES)
    assert codes(ours, theirs, ref=NOTES) == ["notes-root", "notes-shape"]


@pytest.mark.parametrize("name", ["main.py", "ab", "a" * 39, "A" * 40, ".git"])
def test_notes_hold_nothing_but_notes(ours, theirs, name):
    noted(theirs)
    old = shared(ours, theirs) and ours.tip(NOTES)
    replanted(theirs, ("100644", name, theirs.blob("x")))
    assert codes(ours, theirs, ref=NOTES, old=old) == codes(ours, theirs, ref=NOTES) == ["notes-shape"]


@pytest.mark.parametrize("mode", ["100755", "120000", "160000"])
def test_notes_are_plain_files(ours, theirs, mode):
    noted(theirs)
    replanted(theirs, (mode, "a" * 40, theirs.blob("x")))
    assert codes(ours, theirs, ref=NOTES) == ["notes-shape"]


def test_what_once_stood_in_notes_counts_when_it_is_gone_again(ours, theirs):
    noted(theirs)
    good = theirs.tip(f"{NOTES}^{{tree}}")
    replanted(theirs, ("100644", "secret.py", theirs.blob("x")))
    theirs.move(theirs.commit(good, [NOTES], "notes\n"), NOTES)
    assert codes(ours, theirs, ref=NOTES) == ["notes-shape"]


def test_a_note_of_2_mb_is_refused_and_one_of_git_notes_comes_in(ours, theirs):
    code = noted(theirs)
    theirs.move(theirs.tip(NOTES), "refs/notes/commits")
    theirs.repo.git("notes", "append", "-m", "by hand", code)
    theirs.move(theirs.tip("refs/notes/commits"), NOTES)
    assert codes(ours, theirs, ref=NOTES) == []
    replanted(theirs, ("100644", "a" * 40, theirs.blob(bytes(2_000_000))))
    assert codes(ours, theirs, ref=NOTES) == ["notes-size"]


def test_notes_in_folders_of_any_fan_out_come_in(ours, theirs):
    noted(theirs)
    leaf = theirs.raw_tree(("100644", "c" * 36, theirs.blob("x")))
    replanted(
        theirs,
        ("40000", "aa", theirs.raw_tree(("40000", "bb", leaf))),
        ("100644", "b" * 40, theirs.blob("y")),
    )
    assert codes(ours, theirs, ref=NOTES) == []


def synced(side, count=2, replica=REPLICA, **changed):
    """`count` sync points of `replica`, one on top of the other."""
    for number in range(count):
        move = RefMove(REF, "", f"{number:040x}")
        point = SyncPoint("2026-11-21T05:00:00Z", "push", "agency", replica, (move,))
        data = _json({**json.loads(point.to_json()), **changed})
        tree = side.raw_tree(("100644", "sync.json", side.blob(data)))
        parents = [SYNC] if side.repo.git("for-each-ref", SYNC) else []
        side.move(side.commit(tree, parents, point.message()), SYNC)
    return side.tip(SYNC)


def test_sync_points_come_in_and_go_on(ours, theirs):
    synced(theirs)
    assert codes(ours, theirs, ref=SYNC) == []
    shared(ours, theirs)
    old = ours.tip(SYNC)
    synced(theirs, 3)
    assert codes(ours, theirs, ref=SYNC, old=old) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"replica": NEW_ID}, "sync-point"),
        ({"direction": "sideways"}, "sync-point"),
        ({"format": HIGHEST + 1}, "newer-format"),
        ({"extra": 1}, "sync-point"),
    ],
)
def test_a_sync_point_that_says_something_else_is_refused(ours, theirs, changed, code):
    synced(theirs, 1, **changed)
    assert codes(ours, theirs, ref=SYNC) == [code]


def test_a_sync_ref_that_begins_anew_is_a_fork(ours, theirs):
    synced(theirs)
    shared(ours, theirs)
    old = ours.tip(SYNC)
    theirs.repo.git("update-ref", "-d", SYNC)
    synced(theirs, 1, at="2026-11-21T06:00:00Z")
    assert codes(ours, theirs, ref=SYNC, old=old) == ["sync-fork"]


def test_a_clone_that_goes_on_under_a_new_id_keeps_what_it_noted_under_the_old_one(ours, theirs):
    synced(theirs)
    old = theirs.tip(SYNC)
    theirs.repo.git("update-ref", SYNC.replace(REPLICA, NEW_ID), old)
    assert codes(ours, theirs, ref=SYNC.replace(REPLICA, NEW_ID), new=old) == ["sync-point"]
    new = synced(theirs, 1, replica=NEW_ID)
    assert codes(ours, theirs, ref=SYNC.replace(REPLICA, NEW_ID), new=new) == []
    assert codes(ours, theirs, ref=SYNC, new=new) == ["sync-point"]
    assert codes(ours, theirs, ref=SYNC.replace(REPLICA, NEW_ID), new=synced(theirs, 1)) == ["sync-point"]


def test_a_sync_point_with_a_second_file_or_parent_is_refused(ours, theirs):
    synced(theirs)
    blob = theirs.tip(f"{SYNC}:sync.json")
    message = theirs.bytes("log", "-1", "--format=%B", SYNC).rstrip(b"\n") + b"\n"
    two = theirs.raw_tree(("100644", "main.py", blob), ("100644", "sync.json", blob))
    assert codes(ours, theirs, ref=SYNC, new=theirs.commit(two, [SYNC], message)) == ["tree-shape"]
    merge = theirs.commit(f"{SYNC}^{{tree}}", [SYNC, f"{SYNC}~1"], message)
    assert codes(ours, theirs, ref=SYNC, new=merge) == ["sync-fork"]


# What goes out


def leaving(side, *moves):
    found = side.guard.outgoing([RefMove(*move) for move in moves])
    return {ref: [defect.code for defect in told] for ref, told in found.items()}


def test_a_sound_ledger_may_be_published_whole_or_from_where_the_remote_is(theirs):
    synced(theirs)
    noted(theirs)
    old = theirs.tip(f"{REF}~1")
    moves = [(REF, old, theirs.tip()), (NOTES, "", theirs.tip(NOTES)), (SYNC, "", theirs.tip(SYNC))]
    assert leaving(theirs, *moves) == leaving(theirs, (REF, "", theirs.tip())) == {}
    assert leaving(theirs, (REF, "4" * 40, theirs.tip())) == {}


def test_source_code_never_leaves_under_any_name(theirs):
    code = code_commit(theirs)
    ledger = theirs.commit(theirs.tree(), [code])
    assert leaving(theirs, (REF, "", code)) == {REF: ["foreign-tip"]}
    assert leaving(theirs, (REF, "", ledger)) == {REF: ["foreign-parent"]}
    for ref in (
        "refs/heads/main",
        "refs/tags/v1",
        "refs/notes/commits",
        "refs/idse-local/remotes/x/y",
        "refs/stash",
    ):
        assert leaving(theirs, (ref, "", code)) == {ref: ["ref-outside"]}
    assert leaving(theirs, ("refs/idse/tasks/x", "", code)) == {"refs/idse/tasks/x": ["ref-family"]}


def test_nothing_is_deleted_or_taken_back(theirs):
    assert leaving(theirs, (REF, theirs.tip(), "")) == {REF: ["ref-deletion"]}
    assert leaving(theirs, (REF, theirs.tip(), theirs.tip(f"{REF}~1"))) == {REF: ["ref-rewind"]}


def test_a_side_branch_of_what_is_published_is_a_rewind(theirs):
    old = theirs.tip()
    theirs.move(theirs.tip(f"{REF}~1"))
    theirs.append(STARTED)
    assert leaving(theirs, (REF, old, theirs.tip())) == {REF: ["ref-rewind"]}


def test_a_replacement_hides_no_source_code(theirs):
    good = theirs.tip()
    bad = theirs.commit(theirs.tree(), [code_commit(theirs)])
    theirs.repo.git("replace", bad, good)
    assert leaving(theirs, (REF, "", bad)) == {REF: ["foreign-parent"]}


def test_a_graft_that_gives_a_ledger_source_code_for_a_parent_is_refused(theirs):
    code = code_commit(theirs)
    (theirs.repo.path / ".git" / "info").mkdir(exist_ok=True)
    theirs.repo.write(".git/info/grafts", f"{theirs.tip()} {code}\n")
    assert leaving(theirs, (REF, "", theirs.tip())) == {REF: ["grafted"]}


def test_a_ledger_that_this_clone_has_only_the_end_of_is_not_published_anew(theirs, make_repo):
    other = Side(make_repo("other"))
    other.repo.git("fetch", "--quiet", "--depth=2", f"file://{theirs.repo.path}", f"{REF}:{REF}")
    assert leaving(other, (REF, "", other.tip())) == {REF: ["missing-object"]}
    old = other.tip()
    assert leaving(other, (REF, old, other.append(WORDS))) == {}


def test_a_damaged_state_is_not_published(theirs):
    theirs.amend(state_json=theirs.state(title="forged"))
    assert leaving(theirs, (REF, "", theirs.tip())) == {REF: ["state-mismatch"]}


# Much at once


def test_folders_that_no_memory_holds_are_refused_and_their_neighbours_come_in(ours, theirs):
    file = theirs.blob("x")
    folders = []
    for number in range(70):
        names = (f"{number:02}-{count:020}-{'n' * 200}" for count in range(4_000))
        folders.append(
            ("40000", f"{number:02}", theirs.raw_tree(*(("100644", name, file) for name in names)))
        )
    theirs.with_folder(*folders)
    other = "refs/idse/sessions/portal/other"
    theirs.append(Draft("created", {}), session="other")
    moves = [RefMove(REF, "", theirs.tip()), RefMove(other, "", theirs.tip(other))]
    found = ours.guard.incoming(moves, theirs.objects(), [])
    assert {ref: [defect.code for defect in told] for ref, told in found.items()} == {REF: ["artifact-count"]}
    assert "beyond all measure" in found[REF][0].what


def test_commits_that_fill_the_memory_together_are_still_judged_one_by_one(ours, theirs):
    states = [theirs.state(news=[str(number), "x" * 12_000_000]) for number in range(6)]
    refs = [f"refs/idse/sessions/portal/s{number}" for number in range(6)]
    for ref, state in zip(refs, states, strict=True):
        theirs.move(theirs.commit(theirs.tree(state_json=state), [f"{REF}~1"], theirs.message()), ref)
    moves = [RefMove(ref, "", theirs.tip(ref)) for ref in refs]
    found = ours.guard.incoming([*moves, RefMove(REF, "", theirs.tip())], theirs.objects(), [])
    assert set(found) == set(refs)
    assert all("newer-format" in {defect.code for defect in told} for told in found.values())


def test_more_ledgers_than_one_question_holds_are_judged_each_by_itself(ours, theirs):
    refs = [f"refs/idse/sessions/portal/s{number:03}" for number in range(150)]
    for ref in refs:
        theirs.append(Draft("created", {}), session=ref.rpartition("/")[2])
    theirs.move(theirs.commit(theirs.tree(refs[7], state_json=b"{"), [], theirs.message()), refs[7])
    theirs.move(code_commit(theirs), refs[99])
    moves = [RefMove(ref, "", theirs.tip(ref)) for ref in refs]
    found = ours.guard.incoming(moves, theirs.objects(), [])
    assert set(found) == {refs[7], refs[99]}
    assert [defect.code for defect in found[refs[99]]] == ["foreign-tip"]


def test_what_is_wrong_with_other_refs_here_keeps_nothing_out(ours, theirs):
    old = shared(ours, theirs)
    ours.move(code_commit(ours), "refs/idse/sessions/portal/broken")
    theirs.append(WORDS)
    assert codes(ours, theirs, old=old, there=[REF, "refs/idse/sessions/portal/broken"]) == []
