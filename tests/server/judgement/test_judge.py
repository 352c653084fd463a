"""Pushes that a server must not take, and the judge inside a real pre-receive hook, in quarantine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from idse_orchestrator.constitution.rules import AGENCY, CLIENT, Layer
from idse_orchestrator.git.program import Git
from idse_orchestrator.ledger.refs import AGENCY_RULES, HIGHEST
from idse_orchestrator.server.judgement import judge
from idse_orchestrator.server.judgement.rules_ref import read_files, write_rules
from idse_orchestrator.server.model.push import question_to_json
from idse_orchestrator.wiring.ledgers import KINDS
from pushes import ANN, GOOD, SECRET, Clone, codes, ref_of

PROJECT = "refs/idse/projects/portal"
BAD = GOOD["intent"].replace("The log.", "[REQUIRES INPUT]")
HASTE = (
    "rules: [{id: %s, name: no-haste, applies_to: [intent], check: no_text, with: {texts: [%s]},"
    " message: '{text} is no date', hint: Say when}]"
)


# --- the door ---


def test_a_key_for_some_projects_brings_no_other(agency, clone):
    clone.create_project()
    other = ANN._replace(projects=("shop",))
    refused = agency.push(clone, ref_of(), PROJECT, caller=other).refused
    assert codes(refused) == [("login", "not-allowed"), ("portal", "not-allowed")]
    assert not agency.push(clone, ref_of(), PROJECT, caller=ANN._replace(projects=("shop", "portal"))).refused


# --- sound ---


def test_a_deletion_and_a_rewind_are_refused(agency, clone):
    clone.complete("intent")
    assert not agency.push(clone).refused
    tip = clone.tip(ref_of())
    clone.repo.git("update-ref", ref_of(), f"{tip}~1")
    assert codes(agency.push(clone).refused) == [("login", "ref-rewind")]
    clone.repo.git("update-ref", "-d", ref_of())
    assert codes(agency.push(clone).refused) == [("login", "ref-deletion")]
    assert agency.tip(ref_of()) == tip


def test_code_and_other_refs_are_refused(agency, clone):
    clone.repo.write("main.py", "print()\n")
    code = clone.repo.commit("source", no_verify=True)
    clone.repo.git("update-ref", ref_of("code"), code)
    clone.repo.git("update-ref", "refs/idse-agency/rules", code)
    refused = agency.push(clone, "refs/heads/main", ref_of("code"), "refs/idse-agency/rules").refused
    assert sorted(codes(refused)) == [
        ("code", "foreign-tip"),
        ("main", "ref-outside"),
        ("rules", "ref-outside"),
    ]


def test_names_that_differ_in_case_are_refused_together_and_one_after_the_other(agency, clone):
    clone.create("Login")
    assert [code for _, code in codes(agency.push(clone, ref_of(), ref_of("Login")).refused)] == ["ref-case"]
    assert not agency.push(clone).refused
    assert codes(agency.push(clone, ref_of("Login")).refused) == [("Login", "ref-case")]


def test_a_state_that_lies_is_refused_before_it_is_believed(agency, clone, make_repo):
    clone.complete("intent", BAD)
    state = json.loads(clone.repo.git("show", f"{ref_of()}:state.json"))
    state["stages"]["intent"]["status"] = "in_progress"
    data = json.dumps(state, sort_keys=True, separators=(",", ":"))
    blob = clone.repo.git("hash-object", "-w", "--stdin", stdin=data)
    rows = clone.repo.git("ls-tree", ref_of()).splitlines()
    rows = [f"100644 blob {blob}\tstate.json" if row.endswith("state.json") else row for row in rows]
    tree = clone.repo.git("mktree", stdin="\n".join(rows) + "\n")
    message = clone.repo.git("log", "-1", "--format=%B", ref_of()) + "\n"
    lie = clone.repo.git("commit-tree", tree, "-p", f"{ref_of()}~1", stdin=message)
    clone.repo.git("update-ref", ref_of(), lie)
    assert codes(agency.push(clone).refused) == [("login", "state-mismatch")]


def test_a_ledger_of_a_newer_format_says_who_has_to_be_upgraded(agency, clone):
    event = json.loads(clone.repo.git("show", f"{ref_of()}:event.json"))
    event["format"] = HIGHEST + 1
    data = json.dumps(event, sort_keys=True, separators=(",", ":"))
    blob = clone.repo.git("hash-object", "-w", "--stdin", stdin=data)
    rows = clone.repo.git("ls-tree", ref_of()).splitlines()
    rows = [f"100644 blob {blob}\tevent.json" if row.endswith("event.json") else row for row in rows]
    tree = clone.repo.git("mktree", stdin="\n".join(rows) + "\n")
    message = clone.repo.git("log", "-1", "--format=%B", ref_of()) + "\n"
    clone.repo.git("update-ref", ref_of(), clone.repo.git("commit-tree", tree, stdin=message))
    (refusal,) = agency.push(clone).refused
    assert refusal.code == "newer-format"
    assert refusal.message.startswith("the Agency must be upgraded first: ")


def test_notes_and_sync_points_need_to_be_sound_and_no_more(agency, clone):
    code = "1" * 40
    clone.repo.git("update-ref", "refs/idse/notes/commits", ref_of())
    assert codes(agency.push(clone, "refs/idse/notes/commits").refused) == [("commits", "notes-root")]
    assert codes(agency.push(clone, f"refs/idse/sync/{code}").refused) == [(code, "ref-name")]


# --- layers ---


def test_the_rules_of_an_agency_and_of_its_client_are_judged_by(agency, clone):
    agency.rules(HASTE % ("HOUSE001", "ASAP"))
    agency.rules(HASTE % ("SHOP001", "soon"), client=True)
    clone.complete("intent", GOOD["intent"] + "\nDo it ASAP, or soon.\n")
    assert sorted(codes(agency.push(clone).refused)) == [("login", "HOUSE001"), ("login", "SHOP001")]


def test_an_agencys_broken_file_keeps_everything_out(agency, clone):
    for text in ("rules: [", "rules: [{id: IDSE301}]", "raise: {IDSE999: {gate: error}}", "x" * 300_000):
        agency.rules(text)
        (refusal,) = agency.push(clone).refused
        assert refusal.code == "rules-broken"
        assert "rules/agency.yaml" in refusal.message


def test_the_rules_that_a_projects_ledger_carries_are_judged_by(agency, clone):
    clone.create_project()
    clone.project_files(constitution_yaml=HASTE % ("ACME001", "ASAP"))
    clone.complete("intent", GOOD["intent"] + "\nDo it ASAP.\n")
    assert not agency.push(clone).refused  # nobody has told the server of them yet
    clone.complete("context")
    assert agency.push(clone, ref_of(), PROJECT) == ((), ())  # by then it is old debt


def test_a_projects_rules_hold_for_what_comes_with_them_and_after_them(agency, clone):
    clone.create_project()
    clone.project_files(constitution_yaml=HASTE % ("ACME001", "ASAP"))
    clone.complete("intent", GOOD["intent"] + "\nDo it ASAP.\n")
    assert codes(agency.push(clone, ref_of(), PROJECT).refused) == [("login", "ACME001")]
    assert not agency.push(clone, PROJECT).refused
    assert codes(agency.push(clone).refused) == [("login", "ACME001")]


@pytest.mark.parametrize(
    "text",
    [
        "rules: [",
        "raise: {IDSE301: {complete: off}}",
        HASTE % ("HOUSE001", "never"),
        "<<<<<<< a\nrules: []\n=======\nraise: {}\n>>>>>>> b\n",
        "#" * 300_000,
    ],
    ids=["unreadable", "milder", "collides", "conflict", "large"],
)
def test_the_last_rules_of_a_project_that_can_be_read_stay_in_force(agency, clone, text):
    agency.rules(HASTE % ("HOUSE001", "haste"))
    clone.create_project()
    clone.project_files(constitution_yaml=HASTE % ("ACME001", "ASAP"))
    clone.project_files(constitution_yaml=text)
    verdict = agency.push(clone, PROJECT)
    assert (verdict.refused, codes(verdict.recorded)) == ((), [("portal", "rules-broken")])
    clone.complete("intent", GOOD["intent"] + "\nDo it ASAP, in haste.\n")
    for _ in range(2):  # that a file is broken is remembered
        verdict = agency.push(clone)
        assert sorted(codes(verdict.refused)) == [("login", "ACME001"), ("login", "HOUSE001")]
        assert codes(verdict.recorded) == [("login", "rules-broken")]


def test_a_project_that_takes_its_rules_away_has_none(agency, clone):
    clone.create_project()
    clone.project_files(constitution_yaml=HASTE % ("ACME001", "ASAP"))
    clone.project_files(readme_md="nothing\n")
    clone.complete("intent", GOOD["intent"] + "\nDo it ASAP.\n")
    assert agency.push(clone, ref_of(), PROJECT) == ((), ())


UNKNOWN = "rules: [{id: %s, name: ticket, applies_to: [intent], check: acme_ticket, message: m, hint: h}]"


def test_a_rule_that_cannot_be_judged_blocks_unless_it_is_the_projects_own(agency, clone):
    clone.create_project()
    clone.project_files(constitution_yaml=UNKNOWN % "ACME001")
    clone.complete("intent")
    verdict = agency.push(clone, ref_of(), PROJECT)
    assert (verdict.refused, codes(verdict.recorded)) == ((), [("login", "not-judged")])
    agency.rules(UNKNOWN % "HOUSE001")
    clone.stage("intent", "reopen")
    clone.complete("intent", GOOD["intent"] + "\nMore.\n")
    assert codes(agency.push(clone).refused) == [("login", "IDSE108")]


def test_a_blueprint_gives_what_the_profiles_of_its_sessions_lack(agency, clone):
    """As in a work tree: the document is judged with the defaults that stand in another ledger."""
    profile = "# Spec\n\n## Agent Profile\n\n```yaml\n%s\n```\n"
    clone.create("__blueprint__", type="blueprint")
    clone.save("__blueprint__", spec=profile % "id: log\nname: Log")
    agency.push(clone, ref_of("__blueprint__"))
    clone.save(spec=profile % "goals: [a log]")
    clone.stage("spec", "start")
    clone.stage("spec", "complete")
    found = {code for _, code in codes(agency.push(clone).refused)}
    clone.save("__blueprint__", spec="# Spec\n")
    agency.push(clone, ref_of("__blueprint__"))
    assert "IDSE504" not in found
    assert "IDSE504" in {code for _, code in codes(agency.push(clone).refused)}


# --- the rules that travel ---


def test_rules_that_did_not_change_make_no_commit(agency):
    git_dir = str(agency.git_dir)
    own = Layer(AGENCY, "", b"rules: []\n")
    assert write_rules(git_dir, [own])
    first = agency.tip(AGENCY_RULES)
    assert not write_rules(git_dir, [own])
    assert agency.tip(AGENCY_RULES) == first
    assert write_rules(git_dir, [own, Layer(CLIENT, "", b"policy: {gates: every}\n")])
    assert agency.git("rev-parse", f"{AGENCY_RULES}~1") == first
    files = read_files(git_dir, AGENCY_RULES)
    assert files["client.yaml"] == b"policy: {gates: every}\n"
    assert json.loads(files["format"]) == {"ledger_format": HIGHEST}
    assert write_rules(git_dir, [])
    assert set(read_files(git_dir, AGENCY_RULES)) == {"format"}
    assert agency.git("fsck", "--strict") == ""


# --- in a hook, in quarantine ---

HOOK = """#!{python}
import os, sys
from idse_orchestrator.server.judgement.judge import judge_push
from idse_orchestrator.server.model.push import Caller, Question, words_of
from idse_orchestrator.wiring.ledgers import KINDS
zero = "0" * 40
moves = []
for line in sys.stdin:
    old, new, ref = line.split()
    moves.append((ref, old.replace(zero, ""), new.replace(zero, "")))
caller = Caller("k1", "c1", "shop", "Ann", ("read", "push"), ("author@example.invalid",))
folder = os.environ.get("GIT_QUARANTINE_PATH", "")  # a push of deletions has none
open({seen!r}, "a").write(folder + "\\n")
question = Question({git_dir!r}, folder, tuple(moves), caller, {home!r}, "2026-11-30")
verdict = judge_push(question, KINDS)
for line in words_of(verdict):
    print("idse:", line, file=sys.stderr)
sys.exit(1 if verdict.refused else 0)
"""


@pytest.fixture
def guarded(agency, tmp_path):
    """The Agency with a hook that asks the judge."""
    hook = agency.git_dir / "hooks" / "pre-receive"
    fields = {"git_dir": str(agency.git_dir), "home": str(agency.home), "seen": str(tmp_path / "seen")}
    hook.write_text(HOOK.format(python=sys.executable, **fields))
    hook.chmod(0o755)
    return agency


def pushed(agency, clone, *refspecs):
    """Pushes by plain git."""
    url = f"file://{agency.git_dir}"
    return clone.repo.run("git", "push", "--porcelain", url, *refspecs)


def test_plain_git_is_told_what_is_wrong_and_nothing_refused_can_be_read(guarded, clone, tmp_path):
    """The words of the design, and a refused object that nobody can fetch by its id."""
    done = pushed(guarded, clone, f"{ref_of()}:{ref_of()}")
    assert done.returncode == 0, done.stderr
    clone.complete("intent")
    clone.save(intent=BAD)
    done = pushed(guarded, clone, f"{ref_of()}:{ref_of()}")
    assert done.returncode == 1
    assert f"remote: idse: refused {ref_of()}: error[IDSE402] intent.md changed" in done.stderr
    assert "pre-receive hook declined" in done.stdout
    folder = (tmp_path / "seen").read_text().split()[-1]
    assert "incoming-" in folder
    left = [path.name for path in (guarded.git_dir / "objects").iterdir() if "incoming" in path.name]
    assert left == []
    tip = clone.tip(ref_of())
    reader = Clone(type(clone.repo)(clone.repo.path))
    fetched = subprocess.run(
        ["git", "-c", "protocol.version=2", "fetch", f"file://{guarded.git_dir}", tip],
        cwd=reader.repo.path.parent / "home",
        capture_output=True,
        check=False,
    )
    assert fetched.returncode != 0


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_a_broken_promise_is_refused_in_every_protocol(guarded, clone, version):
    clone.complete("intent", BAD)
    clone.repo.git("config", "protocol.version", version)
    done = pushed(guarded, clone, f"{ref_of()}:{ref_of()}")
    assert (done.returncode, "error[IDSE301]" in done.stderr, guarded.has_refs()) == (1, True, False)
    clone.stage("intent", "reopen")
    assert pushed(guarded, clone, f"{ref_of()}:{ref_of()}").returncode == 0


def test_force_deletion_code_and_case_are_refused_through_git(guarded, clone):
    clone.create("Login")
    assert pushed(guarded, clone, f"{ref_of()}:{ref_of()}").returncode == 0
    clone.repo.write("main.py", "print()\n")
    clone.repo.commit("source", no_verify=True)
    tip = guarded.refs()
    clone.save(context="more\n")
    clone.repo.git("update-ref", "refs/x", f"{ref_of()}~1")
    for refspecs, code in [
        ((f":{ref_of()}",), "ref-deletion"),
        (("HEAD:refs/heads/main",), "ref-outside"),
        ((f"+HEAD:{ref_of()}",), "foreign-tip"),
        ((f"{ref_of('Login')}:{ref_of('Login')}",), "ref-case"),
        ((f"HEAD:{ref_of('code')}", f"{ref_of()}:{ref_of()}"), "foreign-tip"),
    ]:
        done = pushed(guarded, clone, *refspecs)
        assert (done.returncode, f"error[{code}]" in done.stderr) == (1, True), done.stderr
        assert guarded.refs() == tip


def test_a_pack_and_loose_objects_are_judged_alike(guarded, clone):
    """Git unpacks what is small and keeps a pack of what is not."""
    for number in range(60):
        clone.save(context=f"{number}\n")
    assert pushed(guarded, clone, f"{ref_of()}:{ref_of()}").returncode == 0
    assert [*(guarded.git_dir / "objects" / "pack").glob("*.pack")]
    clone.save(context=f"token: {SECRET}\n")
    done = pushed(guarded, clone, f"{ref_of()}:{ref_of()}")
    assert (done.returncode, "error[IDSE801]" in done.stderr, SECRET in done.stderr) == (1, True, False)


def test_nothing_of_the_environment_or_of_a_users_git_counts(guarded, clone, tmp_path, monkeypatch):
    """A user's git that replaces objects, or finds none, changes no verdict."""
    clone.complete("intent", BAD)
    settings = tmp_path / "hostile"
    settings.write_text(
        "[core]\n\tbare = false\n[safe]\n\tdirectory = /nowhere\n[alias]\n\trev-list = version\n"
    )
    question = guarded.question(clone, [ref_of()])
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nowhere")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.logAllRefUpdates")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "\x01")
    assert codes(judge.judge_push(question, KINDS).refused) == [("login", "IDSE301")]


def test_a_process_that_is_prepared_imports_nothing_more(agency, clone):
    """It is forked for each push, so what it imports would be imported for each push."""
    agency.rules(HASTE % ("HOUSE001", "ASAP") + "\npolicy: {gates: enforce}")
    clone.complete("intent", BAD)
    clone.waive("IDSE301")
    clone.complete("spec", "# Spec\n\n## Agent Profile\n\n```yaml\nid: a\n```\n")
    clone.complete("tasks", "- [ ] T001 do it\n")
    question = agency.question(clone, [ref_of()])
    code = (
        "import sys\n"
        "from idse_orchestrator.server.judgement.judge import judge_push, prepare\n"
        "from idse_orchestrator.server.model.push import question_from_json\n"
        "from idse_orchestrator.wiring.ledgers import KINDS\n"
        "prepare(KINDS)\n"
        "before = set(sys.modules)\n"
        "assert judge_push(question_from_json(sys.stdin.buffer.read()), KINDS).refused\n"
        "print(*sorted(name for name in set(sys.modules) - before if not name.startswith('_')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=question_to_json(question), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr.decode()


def test_a_push_of_one_event_starts_no_git(agency, clone, monkeypatch):
    clone.complete("intent")
    assert not agency.push(clone).refused
    clone.stage("context", "start")
    question = agency.question(clone, [ref_of()])
    monkeypatch.setattr(Git, "_run", None)
    monkeypatch.setattr(Git, "_piped", None)
    assert judge.judge_push(question, KINDS) == ((), ())
